import { isLockfile } from './lock-files.ts';

/** What changed in one file between two trees. */
export interface FileChange {
  /** Relative to the repo. */
  path: string;
  status: 'added' | 'modified' | 'deleted';
  /** Ids of the file, or the commit of a submodule, before and after; undefined where it is not there. */
  from: string | undefined;
  to: string | undefined;
}

/** Lines of a file before the change: the first and the last; what was put between two lines has the one before it as both. */
export type LineRange = readonly [first: number, last: number];

/** `conflict`: git cannot merge the two. The others are warnings, the gravest first. */
export const COLLISION_KINDS = ['conflict', 'migration', 'lockfile', 'contract', 'same-file'] as const;

export type CollisionKind = (typeof COLLISION_KINDS)[number];

/** One way in which two tickets are in each other's way in one repo. */
export interface Collision {
  kind: CollisionKind;
  paths: string[];
  /** What is to be said of some of these paths: `modify/delete`, `same number`, `lines 3-5 and 7`. */
  notes: Record<string, string>;
}

/** What is known of two tickets' work in one repo. */
export interface PairFacts {
  one: readonly FileChange[];
  other: readonly FileChange[];
  conflicts: readonly { path: string; kind: string; others: readonly string[] }[];
  /** What changed between what the two began from: who did not touch it has nothing to do with a conflict about it. */
  between: ReadonlySet<string>;
  /** True for a file of a contract, one test for each pattern. */
  contracts: readonly ((path: string) => boolean)[];
}

/** Lines that have so many others between them are not near each other. */
const NEAR_LINES = 10;

/** Returns how two tickets are in each other's way in one repo, the gravest first; [] when they are not. */
export function judgePair(all: PairFacts): Collision[] {
  const conflicts = listConflicts(all);
  const [one = [], other = []] = withoutSame(all.one, all.other);
  const facts = { ...all, one, other };
  const told = new Set(conflicts.flatMap(({ path, others }) => [path, ...others]));
  const found: Collision[] = [];
  const tell = (kind: CollisionKind, paths: readonly string[], notes: Record<string, string> = {}): void => {
    if (paths.length > 0) found.push({ kind, paths: [...new Set(paths)].sort(), notes });
    for (const path of paths) told.add(path);
  };
  const left = (): string[] => listShared(facts).filter((path) => !told.has(path));
  tell('conflict', [...told], Object.fromEntries(conflicts.map(({ path, kind }) => [path, kind])));
  const migrations = judgeMigrations(facts);
  tell('migration', migrations.paths, migrations.notes);
  tell('lockfile', left().filter(isLockfile));
  tell('contract', listContracts(facts, told));
  tell('same-file', left());
  return found;
}

/** Returns the paths that both have changed, and not to the very same; in two spellings, where they differ in their letters’ case. */
function listShared({ one, other }: Pick<PairFacts, 'one' | 'other'>): string[] {
  const known = new Map(one.map((change) => [foldPath(change.path), change]));
  return other.flatMap((change) => {
    const twin = known.get(foldPath(change.path));
    if (twin === undefined || isSame(twin, change)) return [];
    return [...new Set([twin.path, change.path])];
  });
}

/**
 * True where git may find a conflict between two tickets: both have changed something, or what one calls a folder is a file of the
 * other, or something was renamed, which moves what the other has added.
 */
export function mayConflict({ one, other }: Pick<PairFacts, 'one' | 'other'>): boolean {
  if (one.length === 0 || other.length === 0) return false;
  if (listShared({ one, other }).length > 0) return true;
  return [one, other].some(mayRename) || isFileAndFolder(one, other) || isFileAndFolder(other, one);
}

function mayRename(changes: readonly FileChange[]): boolean {
  return ['added', 'deleted'].every((wanted) => changes.some(({ status }) => status === wanted));
}

function isFileAndFolder(files: readonly FileChange[], others: readonly FileChange[]): boolean {
  const folders = new Set(others.flatMap(({ path }) => listParents(path)));
  return files.some(({ path }) => folders.has(path));
}

function listParents(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** A file of two names in one case of letters is one file on many disks. */
function foldPath(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

/** What both did in the very same way, as by a commit that both picked, is in nobody's way. */
function withoutSame(one: readonly FileChange[], other: readonly FileChange[]): FileChange[][] {
  const lacksIn = (others: readonly FileChange[]) => {
    const known = new Map(others.map((change) => [change.path, change]));
    return (change: FileChange): boolean => {
      const twin = known.get(change.path);
      return twin === undefined || !isSame(twin, change);
    };
  };
  return [one.filter(lacksIn(other)), other.filter(lacksIn(one))];
}

function isSame(one: FileChange, other: FileChange): boolean {
  return one.path === other.path && one.status === other.status && one.to === other.to && one.from === other.from;
}

function listConflicts({ one, other, conflicts, between }: PairFacts): PairFacts['conflicts'] {
  const touched = [one, other].map((changes) => new Set(changes.map(({ path }) => path)));
  return conflicts.filter(({ path, others }) => {
    const isBasesOwn = (name: string): boolean => between.has(name) && !touched.every((paths) => paths.has(name));
    return ![path, ...others].every(isBasesOwn);
  });
}

/** Returns what is said of two changes of one file that are near each other; undefined where they are not. */
export function describeNear(one: readonly LineRange[], other: readonly LineRange[]): string | undefined {
  for (const range of one) {
    const near = other.find(([first, last]) => first - range[1] <= NEAR_LINES && range[0] - last <= NEAR_LINES);
    if (near) return `near each other: ${nameLines(range)} and ${nameLines(near)}`;
  }
  return undefined;
}

function nameLines([first, last]: LineRange): string {
  return first === last ? `line ${first}` : `lines ${first}-${last}`;
}

/** A contract is one thing for all that match a pattern: who changes its one file must know of the other. */
function listContracts({ one, other, contracts }: PairFacts, told: ReadonlySet<string>): string[] {
  return contracts.flatMap((matches) => {
    const [own = [], others = []] = [one, other].map((changes) =>
      changes.flatMap(({ path }) => (matches(path) && !told.has(path) ? [path] : [])),
    );
    return own.length > 0 && others.length > 0 ? [...own, ...others] : [];
  });
}

interface Migration {
  path: string;
  folder: string;
  name: string;
  /** What it is ordered by; undefined where a chain of names does that (Alembic). */
  number: string | undefined;
}

/** `migrations/0003_x.sql`, `db/migrate/2024…_x.rb`, `db/migration/V3__x.sql`, `prisma/migrations/2024…_x/migration.sql`, `alembic/versions/…`. */
const MIGRATION = /^(.*?(?<![^/])(?:(?:[\w.-]*[-_.])?migrat(?:e|ions?)|alembic)(?:\/versions)?)\/([^/]+)/i;

/** True for a file that a program which changes a schema reads. */
export function isMigration(path: string): boolean {
  return MIGRATION.test(path);
}

function readMigration({ path, status }: FileChange): Migration[] {
  const [, folder = '', name = ''] = MIGRATION.exec(path) ?? [];
  const number = /^[VU]?(\d+)/i.exec(name)?.[1]?.replace(/^0+(?=\d)/, '');
  const isOne = number !== undefined || (/\/versions$/.test(folder) && /^[0-9a-f]{6,}_.*\.py$/.test(name));
  return status === 'added' && isOne ? [{ path, folder, name, number }] : [];
}

/** Who merges second has, in the same folder, the same number again, or one that comes before what has run already. */
function judgeMigrations({ one, other }: PairFacts): { paths: string[]; notes: Record<string, string> } {
  const others = other.flatMap(readMigration);
  const pairs = one.flatMap(readMigration).flatMap((mine) =>
    others.flatMap((theirs) => {
      const isBeside = mine.folder === theirs.folder && mine.path !== theirs.path;
      return isBeside ? [{ paths: [mine.path, theirs.path], note: noteOrder(mine, theirs) }] : [];
    }),
  );
  // Of several notes on one file the one on its number counts most.
  const noted = pairs.flatMap(({ paths, note }) => (note ? paths.map((path): [string, string] => [path, note]) : []));
  noted.sort(([, note], [, next]) => Number(note.startsWith('same')) - Number(next.startsWith('same')));
  return { paths: pairs.flatMap(({ paths }) => paths), notes: Object.fromEntries(noted) };
}

function noteOrder(one: Migration, other: Migration): string | undefined {
  if (one.number === undefined || other.number === undefined) return undefined;
  const order = BigInt(one.number) - BigInt(other.number);
  if (order === 0n) return `same number: ${one.number}`;
  const [first, second] = order < 0n ? [one, other] : [other, one];
  return `order: ${first.name} before ${second.name}`;
}
