const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Returns a number of bytes as a person reads it, in steps of 1024: `312 MB`, `1.4 GB`. */
export function formatBytes(bytes: number): string {
  let [size, unit] = [Math.max(0, bytes), 0];
  for (; size >= 999.5 && unit < UNITS.length - 1; unit += 1) size /= 1024;
  return `${size < 9.95 && unit > 1 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}
