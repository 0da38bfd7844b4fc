import { type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs';
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { explainFileError } from './file-errors.ts';

/** Something in a folder. */
export interface Found {
  /** Relative to the folder that was searched. */
  path: string;
  kind: 'file' | 'folder' | 'link' | 'other';
}

/** What globs match in a folder. */
export interface Matches {
  /** Each once; a folder that matches comes with everything in it. */
  found: Found[];
  /** Globs that match nothing. */
  unmatched: string[];
}

interface Glob {
  /** The folder that the search begins in. */
  base: string;
  /** How many levels below `base` a match may be. */
  depth: number;
  isMatch: (name: string) => boolean;
}

type IsLeftOut = (name: string) => boolean;

/** Asked one at a time the disk answers five times as fast, and between two such slices all else has its turn. */
const SLICE_MS = 20;

/** Goes through things in slices, so that signals and others are heard. */
export async function inSlices<Thing>(things: Iterable<Thing>, visit: (thing: Thing) => unknown): Promise<void> {
  let since = performance.now();
  for (const thing of things) {
    await visit(thing);
    if (performance.now() - since < SLICE_MS) continue;
    await breathe();
    since = performance.now();
  }
}

/**
 * Returns what globs match in a folder: a link that is met is a link, and not followed. `!glob` leaves out; `.git` is never among them.
 * Throws `files` for a folder that matches and cannot be read.
 */
export async function findMatches(top: string, globs: readonly string[]): Promise<Matches> {
  const { default: picomatch } = await import('picomatch');
  const wanted = globs.filter((glob) => !glob.startsWith('!'));
  const leftOut = globs.filter((glob) => glob.startsWith('!')).map((glob) => tidy(glob.slice(1)));
  const isLeftOut = picomatch(leftOut, { dot: true });
  const matched = new Map<string, Found>();
  const unmatched: string[] = [];
  for (const written of wanted) {
    const glob = tidy(written);
    const { base, glob: rest } = picomatch.scan(glob);
    const depth = /\*\*|[{(]/.test(rest) ? Number.POSITIVE_INFINITY : rest.split('/').length;
    // A name with brackets is what it says, where there is such a thing.
    const there = kindAt(top, glob);
    const found = there
      ? take(top, { path: glob, kind: there }, isLeftOut)
      : search(top, { base, depth, isMatch: picomatch(glob, { dot: true }) }, isLeftOut);
    let count = 0;
    await inSlices(found, (one) => {
      matched.set(one.path, one);
      count += 1;
    });
    if (count === 0) unmatched.push(written);
  }
  return { found: [...matched.values()], unmatched };
}

/** Returns a thing in a folder and everything below it, nothing where it is gone. Throws `files`. */
export async function listBelow(top: string, name: string): Promise<Found[]> {
  const kind = kindAt(top, name);
  const all: Found[] = [];
  if (kind)
    await inSlices(
      take(top, { path: tidy(name), kind }, () => false),
      (found) => all.push(found),
    );
  return all;
}

function tidy(glob: string): string {
  return path.posix.normalize(glob).replace(/(?<=.)\/$/, '');
}

function kindAt(top: string, name: string): Found['kind'] | undefined {
  if (tidy(name).split('/').includes('.git')) return undefined;
  const there = lstatSync(path.join(top, name), { throwIfNoEntry: false });
  return there && kindOf(there);
}

/** What does not match and cannot be read is nobody's concern. */
function* search(top: string, glob: Glob, isLeftOut: IsLeftOut): Generator<Found> {
  const { base, depth, isMatch } = glob;
  for (const found of listIn(top, base, isLeftOut, () => [])) {
    if (isMatch(found.path)) yield* take(top, found, isLeftOut);
    else if (found.kind === 'folder' && depth > 1) {
      yield* search(top, { base: found.path, depth: depth - 1, isMatch }, isLeftOut);
    }
  }
}

function* take(top: string, found: Found, isLeftOut: IsLeftOut): Generator<Found> {
  yield found;
  if (found.kind !== 'folder') return;
  const refuse = (error: unknown): never => {
    throw explainFileError(error, `read ${path.join(top, found.path)}`);
  };
  for (const one of listIn(top, found.path, isLeftOut, refuse)) yield* take(top, one, isLeftOut);
}

function listIn(top: string, folder: string, isLeftOut: IsLeftOut, onError: (error: unknown) => Dirent[]): Found[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(path.join(top, folder), { withFileTypes: true });
  } catch (error) {
    entries = onError(error);
  }
  const prefix = folder === '' || folder === '.' ? '' : `${folder}/`;
  const all = entries.map((entry): Found => ({ path: `${prefix}${entry.name}`, kind: kindOf(entry) }));
  return all.filter(({ path: name }) => !/(^|\/)\.git$/.test(name) && !isLeftOut(name));
}

function kindOf(entry: Dirent | Stats): Found['kind'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  return entry.isSymbolicLink() ? 'link' : 'other';
}
