import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml';

/** A YAML file and its text; `path` is how errors name it. */
export interface ConfigText {
  path: string;
  text: string;
}

/** Where something is written; line and column count from 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

/** The way to a value: keys of maps and indexes of lists. */
export type KeyPath = readonly (string | number)[];

/** A YAML file that has been read. */
export interface ConfigSource {
  file: ConfigText;
  root: Node | null;
  lines: LineCounter;
  document: Document.Parsed;
  /** What it holds; null for an empty file. */
  data: unknown;
}

/** Returns the place of a path in the last file that has it; of the nearest thing around it where none has. */
export function findPlace(sources: readonly ConfigSource[], path: KeyPath, at: 'key' | 'value' = 'value'): Place {
  const found = sources.map((source) => ({ source, ...follow(source, path) }));
  const best = found.reduceRight((a, b) => (b.depth > a.depth ? b : a));
  const { source, key, value, depth } = best;
  const isWritten = isScalar(value) && value.source !== '';
  const wanted = at === 'value' && depth === path.length && isWritten ? value : (key ?? value);
  return placeAt(source, wanted?.range?.[0] ?? 0);
}

/** Returns a scalar as its author wrote it (`1.10`, not 1.1); undefined for anything else. */
export function findWritten(sources: readonly ConfigSource[], path: KeyPath): string | undefined {
  for (const source of [...sources].reverse()) {
    const { value, depth } = follow(source, path);
    if (depth === path.length) return isScalar(value) ? value.source : undefined;
  }
  return undefined;
}

/** Returns `stack.yml:3:7`. */
export function renderPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}

/** Returns the place of an offset in a file's text. */
export function placeAt(source: ConfigSource, offset: number): Place {
  const { line, col } = source.lines.linePos(offset);
  return { file: source.file.path, line: Math.max(line, 1), column: Math.max(col, 1) };
}

interface Found {
  key: Node | undefined;
  value: Node | undefined;
  /** How much of the path was there. */
  depth: number;
}

function follow(source: ConfigSource, path: KeyPath): Found {
  let found: Found = { key: undefined, value: source.root ?? undefined, depth: 0 };
  for (const part of path) {
    const next = step(source, found.value, part);
    if (!next) break;
    found = { ...next, depth: found.depth + 1 };
  }
  return found;
}

function step(source: ConfigSource, from: Node | undefined, part: string | number): Omit<Found, 'depth'> | undefined {
  const node = isAlias(from) ? from.resolve(source.document) : from;
  if (isSeq(node)) {
    const item = node.items[Number(part)];
    return item === undefined ? undefined : { key: item as Node, value: item as Node };
  }
  if (!isMap(node)) return undefined;
  const own = node.items.find((pair) => !isMergePair(pair) && keyText(pair) === String(part));
  if (own) return { key: own.key as Node, value: (own.value ?? undefined) as Node | undefined };
  for (const pair of node.items.filter(isMergePair)) {
    const merged = stepMerged(source, pair.value as Node, part);
    if (merged) return merged;
  }
  return undefined;
}

function stepMerged(source: ConfigSource, from: Node, part: string | number): Omit<Found, 'depth'> | undefined {
  const node = isAlias(from) ? from.resolve(source.document) : from;
  const sources = isSeq(node) ? (node.items as Node[]) : [node];
  for (const one of sources) {
    const found = step(source, one, part);
    if (found) return found;
  }
  return undefined;
}

function isMergePair(pair: Pair): boolean {
  return isScalar(pair.key) && (pair.key.source === '<<' || typeof pair.key.value === 'symbol');
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}
