import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { interrupted, StackError } from '../../domain/errors.ts';
import { explainFileError } from '../files/file-errors.ts';
import { makePersonFolder } from '../files/person-folder.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A Redis server's program, and what it needs to find its libraries. */
export interface RedisProgram {
  program: string;
  env: Record<string, string>;
}

export interface RedisSearch {
  /** The environment with the `PATH` to look in. */
  env: Env;
  /** Folder of this person where a fetched server is kept, e.g. `~/.cache/stack`. */
  cacheFolder: string;
  /** Takes what goes on while a server is fetched. */
  note?: (text: string) => void;
  signal: AbortSignal;
}

/**
 * Gives `redis-server` or `valkey-server` of the PATH, else one fetched before, else fetches Debian's or Ubuntu's package
 * into the cache folder, which takes no root and changes nothing of the system. Throws `process` where that cannot be done.
 */
export async function findRedisProgram(search: RedisSearch): Promise<RedisProgram> {
  const installed = ['redis-server', 'valkey-server'].map((name) => findOnPath(name, search.env)).find(Boolean);
  if (installed) return { program: installed, env: {} };
  const folder = path.join(search.cacheFolder, 'redis');
  if (!existsSync(programIn(folder))) await fetchRedis(folder, search);
  return { program: programIn(folder), env: { LD_LIBRARY_PATH: libraryFolders(folder).join(':') } };
}

function findOnPath(name: string, env: Env): string | undefined {
  const folders = (env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return folders.map((folder) => path.join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
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

/** Made under another name and renamed once it runs: what is at `folder` is whole. */
async function fetchRedis(folder: string, search: RedisSearch): Promise<void> {
  if (!findOnPath('apt-get', search.env)) throw noRedis('there is none on the PATH');
  search.note?.('fetching redis-server');
  await makePersonFolder(search.env, path.dirname(folder), 'XDG_CACHE_HOME');
  const fresh = await mkdtemp(`${folder}-`);
  try {
    const debs = await download(fresh, search);
    const root = path.join(fresh, 'root');
    for (const deb of debs) await run(['dpkg-deb', '--extract', deb, root], fresh, search);
    await run([programIn(root), '--version'], fresh, search, { LD_LIBRARY_PATH: libraryFolders(root).join(':') });
    // What another command has put there meanwhile is whole, and may run already.
    if (existsSync(programIn(folder))) return;
    await rm(folder, { recursive: true, force: true });
    await rename(root, folder);
  } catch (error) {
    // Another command was faster.
    if (existsSync(programIn(folder)) && !search.signal.aborted) return;
    throw explainFileError(error, `put redis-server into ${folder}`);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Gives the package files: with the system's package lists, else with fresh ones of our own. */
async function download(fresh: string, search: RedisSearch): Promise<string[]> {
  try {
    return await downloadWith(path.join(fresh, 'debs'), [], search);
  } catch (error) {
    if (search.signal.aborted) throw error;
  }
  const own = path.join(fresh, 'apt');
  await mkdir(path.join(own, 'lists/partial'), { recursive: true });
  await mkdir(path.join(own, 'cache/archives/partial'), { recursive: true });
  const options = [`Dir::State::Lists=${own}/lists`, `Dir::Cache=${own}/cache`, 'APT::Sandbox::User='];
  const flags = options.flatMap((option) => ['-o', option]);
  await run(['apt-get', ...flags, '-qq', 'update'], fresh, search);
  return downloadWith(path.join(fresh, 'debs-again'), flags, search);
}

async function downloadWith(folder: string, flags: readonly string[], search: RedisSearch): Promise<string[]> {
  await mkdir(folder);
  const packages = await listPackages(folder, flags, search);
  await run(['apt-get', ...flags, '-o', 'APT::Sandbox::User=', '-qq', 'download', ...packages], folder, search);
  return readdirSync(folder).map((name) => path.join(folder, name));
}

/** The server, its tools, and those of their libraries that are not installed. */
async function listPackages(folder: string, flags: readonly string[], search: RedisSearch): Promise<string[]> {
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
  const roots = ['redis-server', 'redis-tools'];
  const depends = await run(['apt-cache', ...flags, 'depends', '--recurse', ...kinds, ...roots], folder, search);
  const libraries = depends.split('\n').filter((line) => /^(lib|lua)[a-z0-9.+-]+$/.test(line));
  const asked = ['dpkg-query', '--show', '--showformat', '${Package} ${db:Status-Status}\n', ...libraries];
  // Ends with 1 when one of the names is not known to it, and still answers for the others.
  const installed = new Set((await run(asked, folder, search, {}, [0, 1])).split('\n'));
  return [...roots, ...libraries.filter((name) => !installed.has(`${name} installed`))];
}

async function run(
  argv: readonly string[],
  cwd: string,
  search: RedisSearch,
  more: Record<string, string> = {},
  good: readonly number[] = [0],
): Promise<string> {
  const [program = '', ...args] = argv;
  const env = { ...search.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', ...more };
  const options = { cwd, env, extendEnv: false, reject: false, stdin: 'ignore', cancelSignal: search.signal } as const;
  const result = await execa(program, args, options);
  if (search.signal.aborted) throw interrupted(search.signal.reason);
  if (result.exitCode !== undefined && good.includes(result.exitCode)) return result.stdout;
  const lines = `${result.stdout}\n${result.stderr}`.trim().split('\n');
  throw noRedis(`there is none on the PATH, and \`${path.basename(program)}\` could not fetch one`, lines);
}

function noRedis(why: string, lines: string[] = []): StackError {
  const install = process.platform === 'darwin' ? 'brew install redis' : 'install redis-server or valkey-server';
  return new StackError('process', `no Redis server: ${why}`, {
    hint: `${install}, start a Docker engine, or give the \`url:\` of a server`,
    lines,
  });
}
