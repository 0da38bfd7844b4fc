const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Returns a length of time (milliseconds) as a person reads it: `0.31s`, `12.4s`, `1m 04s`, `2h 05m`. */
export function formatDuration(ms: number): string {
  const time = Math.max(0, ms);
  if (time < 9_995) return `${(time / SECOND).toFixed(2)}s`;
  if (time < 59_950) return `${(time / SECOND).toFixed(1)}s`;
  const seconds = Math.round(time / SECOND);
  if (seconds * SECOND < HOUR) return `${Math.floor(seconds / 60)}m ${twoDigits(seconds % 60)}s`;
  const minutes = Math.round(time / MINUTE);
  return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
