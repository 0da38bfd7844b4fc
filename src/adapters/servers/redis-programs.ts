import { constants, existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { mayUse } from '../files/file-errors.ts';
import { listFolders, listPackageFolders } from '../search-path.ts';
import { fetchOnce, type ProgramSearch, type Workshop } from './fetch-once.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A Redis server's program, and what it needs to find its libraries. */
export interface RedisProgram {
  program: string;
  env: Record<string, string>;
}

/**
 * Returns `redis-server` or `valkey-server` of the PATH, else one fetched before, else fetches Debian's or Ubuntu's package
 * into the cache folder, which takes no root and changes nothing of the system. Throws `process` where that cannot be done.
 */
export async function findRedisProgram(search: ProgramSearch): Promise<RedisProgram> {
  const installed = ['redis-server', 'valkey-server'].map((name) => findOnPath(name, search.env)).find(Boolean);
  if (installed) return { program: installed, env: {} };
  const folder = path.join(search.cacheFolder, 'redis');
  const isWhole = (): boolean => existsSync(programIn(folder));
  if (!isWhole() && !findOnPath('apt-get', search.env)) throw noRedis('there is none on the PATH');
  await fetchOnce({ folder, what: 'redis-server', isWhole }, search, makeRedis);
  return { program: programIn(folder), env: { LD_LIBRARY_PATH: libraryFolders(folder).join(':') } };
}

function findOnPath(name: string, env: Env): string | undefined {
  const folders = [...listFolders(env.PATH), ...listPackageFolders(/^(redis|valkey)/)];
  return folders.map((folder) => path.join(folder, name)).find((file) => mayUse(file, constants.X_OK));
}

function programIn(folder: string): string {
  return path.join(folder, 'usr/bin/redis-server');
}

/** Debian keeps libraries in a folder for each kind of machine: `usr/lib/x86_64-linux-gnu`. */
function libraryFolders(folder: string): string[] {
  return ['usr/lib', 'lib'].flatMap((one) => {
    const parent = path.join(folder, one);
    if (!existsSync(parent)) return [];
    const machines = readdirSync(parent).filter((name) => name.includes('-linux-'));
    return machines.map((name) => path.join(parent, name));
  });
}

async function makeRedis(workshop: Workshop): Promise<string> {
  const root = path.join(workshop.folder, 'root');
  for (const deb of await download(workshop)) await run(workshop, ['dpkg-deb', '--extract', deb, root]);
  const env = { LD_LIBRARY_PATH: libraryFolders(root).join(':') };
  await run(workshop, [programIn(root), '--version'], { env });
  return root;
}

/** Returns the package files: with the system's package lists, else with fresh ones of our own. */
async function download(workshop: Workshop): Promise<string[]> {
  try {
    return await downloadWith(workshop, 'debs', []);
  } catch (error) {
    if (!(error instanceof StackError) || error.code === 'interrupted') throw error;
  }
  const own = path.join(workshop.folder, 'apt');
  await mkdir(path.join(own, 'lists/partial'), { recursive: true });
  await mkdir(path.join(own, 'cache/archives/partial'), { recursive: true });
  const options = [`Dir::State::Lists=${own}/lists`, `Dir::Cache=${own}/cache`, 'APT::Sandbox::User='];
  const flags = options.flatMap((option) => ['-o', option]);
  await run(workshop, ['apt-get', ...flags, '-qq', 'update']);
  return downloadWith(workshop, 'debs-again', flags);
}

async function downloadWith(workshop: Workshop, name: string, flags: readonly string[]): Promise<string[]> {
  const cwd = path.join(workshop.folder, name);
  await mkdir(cwd);
  const packages = await listPackages(workshop, flags);
  await run(workshop, ['apt-get', ...flags, '-o', 'APT::Sandbox::User=', '-qq', 'download', ...packages], { cwd });
  return readdirSync(cwd).map((file) => path.join(cwd, file));
}

/** The server, its tools, and those of their libraries that are not installed. */
async function listPackages(workshop: Workshop, flags: readonly string[]): Promise<string[]> {
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
  const roots = ['redis-server', 'redis-tools'];
  const depends = await run(workshop, ['apt-cache', ...flags, 'depends', '--recurse', ...kinds, ...roots]);
  const libraries = depends.split('\n').filter((line) => /^(lib|lua)[a-z0-9.+-]+$/.test(line));
  const asked = ['dpkg-query', '--show', '--showformat', '${Package} ${db:Status-Status}\n', ...libraries];
  // Ends with 1 when one of the names is not known to it, and still answers for the others.
  const installed = new Set((await run(workshop, asked, { good: [0, 1] })).split('\n'));
  return [...roots, ...libraries.filter((name) => !installed.has(`${name} installed`))];
}

async function run(
  workshop: Workshop,
  argv: readonly string[],
  { cwd = workshop.folder, env = {}, good = [0] }: { cwd?: string; env?: Record<string, string>; good?: number[] } = {},
): Promise<string> {
  const options = { cwd, env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', ...env } };
  const { exitCode, stdout, stderr } = await workshop.run(argv, options);
  if (exitCode !== undefined && good.includes(exitCode)) return stdout;
  const lines = `${stdout}\n${stderr}`.trim().split('\n');
  throw noRedis(`there is none on the PATH, and \`${path.basename(argv[0] ?? '')}\` could not fetch one`, lines);
}

function noRedis(why: string, lines: string[] = []): StackError {
  const install = process.platform === 'darwin' ? 'brew install redis' : 'install redis-server or valkey-server';
  return new StackError('process', `no Redis server: ${why}`, {
    hint: `${install}, start a Docker engine, or give the \`url:\` of a server`,
    lines,
  });
}
