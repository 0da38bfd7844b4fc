import { StackError } from './errors.ts';

const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };
const AGO = /^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$/;
/** Without a zone it is that of this machine; a day alone begins at its midnight. */
const DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:?\d{2})?)?$/;
const UNIX_SECONDS = /^\d{9,10}(\.\d+)?$/;

/** Returns the milliseconds of a length of time as people type it: `30s`, `1h30m`. Throws `usage`, which names the flag. */
export function readLength(text: string, flag: string): number {
  if (text !== '' && AGO.test(text)) return sumLengths(text);
  throw new StackError('usage', `${flag} takes a length of time, not ${JSON.stringify(text)}`, {
    hint: `e.g. \`${flag} 30s\` or \`${flag} 1h30m\``,
  });
}

function sumLengths(text: string): number {
  const lengths = text.match(/\d+[dhms]/g) ?? [];
  return lengths.reduce((sum, one) => sum + Number.parseInt(one, 10) * (UNITS[one.slice(-1)] ?? 0), 0);
}

/**
 * Returns the Unix milliseconds of a moment as people type it: how long ago (`10m`, `1h30m`, `2d`), a date with or without a time,
 * or Unix seconds. Throws `usage`, which names the flag.
 */
export function parseMoment(text: string, flag: string, now: number): number {
  if (UNIX_SECONDS.test(text)) return Number(text) * 1000;
  if (text !== '' && AGO.test(text)) return now - sumLengths(text);
  const [, day, time = '00:00', zone = ''] = DATE.exec(text) ?? [];
  const moment = Date.parse(`${day}T${time}${zone}`);
  if (!Number.isNaN(moment)) return moment;
  throw new StackError('usage', `${flag} takes how long ago or a moment, not ${JSON.stringify(text)}`, {
    hint: `e.g. \`${flag} 10m\`, \`${flag} 1h30m\` or \`${flag} 2026-01-31T09:30\``,
  });
}
