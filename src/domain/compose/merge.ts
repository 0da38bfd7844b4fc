import { isPlainMap } from '../config/source.ts';

/** What a compose file holds, or a part of it, as written. */
export type ComposeData = Record<string, unknown>;

/** Lists that are one thing: the later one takes the place of the earlier. */
const WHOLE = new Set(['command', 'entrypoint', 'test']);
/** What may be written as a map or as a list of `NAME=value`. */
const PAIRS = new Set(['environment', 'labels', 'annotations', 'args', 'sysctls']);

/** Lays one part of a compose file over another, as compose does for `extends` and for several files. */
export function mergeCompose(base: unknown, over: unknown, key = ''): unknown {
  if (over === undefined) return base;
  if (PAIRS.has(key) && (isPlainMap(base) || isPlainMap(over))) return { ...readPairs(base), ...readPairs(over) };
  if (isPlainMap(base) && isPlainMap(over)) {
    const names = new Set([...Object.keys(base), ...Object.keys(over)]);
    return Object.fromEntries([...names].map((name) => [name, mergeCompose(base[name], over[name], name)]));
  }
  if (!Array.isArray(base) || !Array.isArray(over) || WHOLE.has(key)) return over;
  const seen = new Set(base.map((item) => JSON.stringify(item)));
  return [...base, ...over.filter((item) => !seen.has(JSON.stringify(item)))];
}

function readPairs(pairs: unknown): ComposeData {
  if (!Array.isArray(pairs)) return isPlainMap(pairs) ? pairs : {};
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(String(pair)) ?? [];
      return [name, value ?? null];
    }),
  );
}
