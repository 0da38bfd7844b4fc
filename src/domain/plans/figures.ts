import { parseJson } from '../json.ts';

const MOST = 20;
const LINE = /^\s*([\p{L}\p{N}_][\p{L}\p{N}_ ./-]{0,38}?)\s*[:=\t]\s*(-?\d[\d_]*(?:\.\d+)?)\s*(\p{L}{0,8}|%)\s*$/u;

/**
 * Returns the figures that a command has printed: those of the last line that is an object in JSON, and each line that is a name, a colon or
 * `=`, and a number, with its unit where it has one. All else that it prints is no figure.
 */
export function parseFigures(lines: readonly string[]): Record<string, string> {
  const json = lines.map(parseJson).findLast((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
  const own = Object.entries((json as object | undefined) ?? {}).filter(([, value]) => typeof value === 'number');
  const told = lines.flatMap((line): [string, string][] => {
    const [, name, number = '', unit = ''] = LINE.exec(line) ?? [];
    return name === undefined ? [] : [[name.trim(), unit === '' ? number : `${number} ${unit}`]];
  });
  return Object.fromEntries([...own.map(([name, value]) => [name, String(value)]), ...told].slice(0, MOST));
}
