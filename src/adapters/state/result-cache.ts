import { createHash } from 'node:crypto';
import path from 'node:path';
import { bestEffort } from '../../domain/errors.ts';
import { parseJson } from '../../domain/json.ts';
import { makeFolder, readFileIfThere, replaceFile } from '../files/files.ts';

/** Answers that hold for good, each under all that it depends on. */
export interface ResultCache {
  /** Undefined for one that is not known. */
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  /** Writes what is new. Where it cannot be written the answers are found again the next time. */
  save(): Promise<void>;
}

const MOST_ENTRIES = 10_000;
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Opens a file of answers; a file that cannot be read, or is not to the letter what was written, has none. The oldest answers go when
 * there are too many. Of two commands that write at once the last one's answers stay.
 */
export async function openResultCache(file: string): Promise<ResultCache> {
  const known = new Map(parseEntries((await bestEffort(readFileIfThere(file))) ?? ''));
  let isChanged = false;
  return {
    get(key) {
      const value = known.get(key);
      if (value === undefined) return undefined;
      // What was asked for last goes last.
      known.delete(key);
      known.set(key, value);
      return value;
    },
    set(key, value) {
      if (known.get(key) === value) return;
      isChanged = true;
      known.set(key, value);
    },
    async save() {
      if (!isChanged) return;
      isChanged = false;
      await bestEffort(write(file, [...known]));
    },
  };
}

/** The first line is a hash of the second. */
function parseEntries(text: string): [string, unknown][] {
  const [hash, body = ''] = text.split('\n');
  return hash === hashOf(body) ? (parseJson(body) as [string, unknown][]) : [];
}

async function write(file: string, entries: readonly [string, unknown][]): Promise<void> {
  const newest: string[] = [];
  let bytes = 0;
  for (const entry of entries.slice(-MOST_ENTRIES).reverse()) {
    const text = JSON.stringify(entry);
    bytes += Buffer.byteLength(text);
    if (bytes > MOST_BYTES) break;
    newest.push(text);
  }
  const body = `[${newest.reverse().join(',')}]`;
  await makeFolder(path.dirname(file));
  await replaceFile(file, `${hashOf(body)}\n${body}\n`, { lasting: false });
}

function hashOf(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
