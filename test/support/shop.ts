import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll } from 'vitest';
import type { StackState } from '../../src/domain/instance.ts';
import type { StackView } from '../../src/domain/view.ts';
import { NODE_IMAGE } from './engine.ts';
import { addEnv } from './mac.ts';
import { freePorts } from './ports.ts';
import { kill } from './processes.ts';
import { isolatedEnv, type Run } from './product.ts';
import { noteRun } from './tell-runs.ts';
import { socketOf } from './tmux-socket.ts';
import { until } from './until.ts';

/** The built command; another one (an installed package) can be tried by naming it. */
export const BIN = process.env.STACK_TEST_BIN ?? path.resolve(import.meta.dirname, '../../bin/stack.js');

/** A command that was started and may still run. */
export interface Running {
  pid: number;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<Run>;
}

export interface StackOptions {
  cwd?: string;
  input?: string;
  env?: Record<string, string>;
  /** Started through this: `setpriv --reuid 1234`. */
  through?: readonly string[];
}

/** Two git repos, front and api, in a temp root with a stack.yml; everything runs as host processes, without an engine. */
export interface Shop {
  /** The temp folder that the root is in, for what lies beside it. */
  folder: string;
  root: string;
  env: Record<string, string>;
  /** First of 20 ports of its own: +0 the baseline's API, +1… tickets' APIs, +10… fronts. */
  port: number;
  start(args: readonly string[], options?: StackOptions): Running;
  stack(args: readonly string[], options?: StackOptions): Promise<Run>;
  ps(): Promise<StackView>;
  /** Runs git in a folder of the root and gives what it printed. */
  git(folder: string, ...args: string[]): string;
  /** Absolute path of something below the root. */
  at(...parts: string[]): string;
  read(file: string): string;
  /** Writes a file below the root, with its folders. */
  write(file: string, text: string): void;
  commit(repo: string, file: string, text: string): void;
  configure(edit: (text: string) => string): void;
  state(): StackState | undefined;
  /** Everything that a command could make or change, as text: files, refs, worktrees, records, processes. */
  photograph(): string;
  dispose(): Promise<void>;
}

interface ShopOptions {
  /** Writes its stack.yml; default `shopConfig`. */
  config?: (port: number) => string;
  engine?: boolean;
  /** More for the environment of every command. */
  env?: Record<string, string>;
}

/** Makes a shop. */
export function makeShop(options: ShopOptions = {}): Shop {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-cli-')));
  const root = path.join(folder, 'shop');
  cpSync(templateShop(), root, { recursive: true });
  const env = { ...isolatedEnv(folder), ...(options.engine ? {} : { DOCKER_HOST: noEngine(folder) }), ...options.env };
  const shop = openShop(folder, root, env);
  shop.write('stack.yml', (options.config ?? shopConfig)(shop.port));
  return shop;
}

function noEngine(folder: string): string {
  return `unix://${folder}/no-engine.sock`;
}

/** Returns a shop around a root that is there. */
export function openShop(folder: string, root: string, env: Record<string, string>): Shop {
  const port = freePorts(20);
  const at = (...parts: string[]): string => path.resolve(root, ...parts);
  const git: Shop['git'] = (inside, ...args) =>
    execFileSync('git', args, { cwd: at(inside), env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd();
  const write: Shop['write'] = (file, text) => {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  };
  const start: Shop['start'] = (args, how = {}) => startStack(args, { cwd: root, ...how, env: addEnv(env, how.env) });
  const stack: Shop['stack'] = (args, how) => start(args, how).ended;
  return {
    ...{ folder, root, env, port, at, git, write, start, stack },
    ps: async () => JSON.parse((await stack(['ps', '--json'])).stdout),
    read: (file) => readFileSync(at(file), 'utf8'),
    commit(repo, file, text) {
      write(path.join(repo, file), text);
      git(repo, 'add', '--force', file);
      git(repo, 'commit', '--quiet', '--message', `Write ${file}`);
    },
    configure: (edit) => write('stack.yml', edit(readFileSync(at('stack.yml'), 'utf8'))),
    state: () => readState(root),
    photograph: () => photograph(folder, root),
    async dispose() {
      const state = readState(root);
      const tickets = Object.values(state?.instances ?? {}).filter(({ started }) => started);
      const names = tickets.map(({ ticket }) => ticket);
      if (names.length > 0) await stack(['destroy', '--force', '--yes', ...names]);
      if (env.DOCKER_HOST !== noEngine(folder) || listProcesses(root).length > 0) {
        await stack(['down', '--force', '--volumes', '--yes']);
      }
      try {
        await until(`nothing of ${root} runs`, () => listProcesses(root).length === 0);
      } finally {
        for (const pid of listProcesses(root)) kill(pid);
        rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
        rmSync(socketOf(root), { force: true });
      }
    },
  };
}

/** A front-end and an API that tickets borrow, as host processes. */
export function shopConfig(port: number): string {
  return `name: shop
runtime: process
repos:
  front: { path: ./front, base: main }
  api:   { path: ./api, base: main, shared: true }
services:
  api:
    repo: api
    command: node server.mjs
    ports: { http: { baseline: ${port}, from: ${port + 1}, to: ${port + 9} } }
    env: { PORT: '\${port.http}' }
    ready: { http: / }
  front:
    repo: front
    command: node server.mjs
    ports: { http: { from: ${port + 10}, to: ${port + 19} } }
    env: { PORT: '\${port.http}', API_URL: '\${api.url}' }
    ready: { http: / }
`;
}

/** The same, in containers. */
export function containedConfig(port: number): string {
  return shopConfig(port)
    .replace('runtime: process', 'runtime: docker')
    .replaceAll(/command: node server.mjs/g, `image: ${NODE_IMAGE}\n    command: node server.mjs 0.0.0.0`)
    .replaceAll(/(to: \d+) \}/g, '$1, container: 3000 }');
}

/** Answers with what it knows of itself, but on one path. */
const SERVER = `import { createServer } from 'node:http';
const { PORT, API_URL, STACK_TICKET } = process.env;
console.log('listens on ' + PORT);
createServer(({ url }, answer) => url === '/never' || answer.end(JSON.stringify({ ticket: STACK_TICKET, api: API_URL }))).listen(PORT, process.argv[2] ?? 'localhost');
`;

let template: string | undefined;
afterAll(() => {
  if (template !== undefined) rmSync(template, { recursive: true, force: true });
  template = undefined;
});

/** Made once in a test file, and copied: a dozen calls of git are slow beside that. */
function templateShop(): string {
  if (template !== undefined) return template;
  const folder = mkdtempSync(path.join(tmpdir(), 'stack-cli-template-'));
  for (const [repo, branch] of [
    ['front', 'feat/ui'],
    ['api', 'feat/endpoint'],
  ] as const) {
    makeRepo(path.join(folder, repo), { 'server.mjs': SERVER, '.gitignore': '.env.local\n' }, branch);
  }
  template = folder;
  return folder;
}

/** Makes a git repo on `main` with one commit, and another on `branch`. */
export function makeRepo(folder: string, files: Record<string, string>, branch?: string): void {
  mkdirSync(folder, { recursive: true });
  const git = (...args: string[]): unknown =>
    execFileSync('git', args, { cwd: folder, env: isolatedEnv(folder), stdio: ['ignore', 'pipe', 'pipe'] });
  git('init', '--quiet', '--initial-branch=main');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  git('add', '.');
  git('commit', '--quiet', '--message', 'Start');
  if (branch === undefined) return;
  git('checkout', '--quiet', '-b', branch);
  git('commit', '--quiet', '--allow-empty', '--message', `Go on as ${branch}`);
  git('checkout', '--quiet', 'main');
}

function startStack(
  args: readonly string[],
  options: StackOptions & { cwd: string; env: Record<string, string> },
): Running {
  const { cwd, env, input, through = [] } = options;
  const [program = '', ...rest] = [...through, process.execPath, BIN, ...args];
  const child = execa(program, rest, {
    // A SIGTERM is all it gets: what it does about it is being tested.
    ...{ cwd, env, extendEnv: false, reject: false, encoding: 'utf8', forceKillAfterDelay: false },
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  } as const);
  return {
    pid: child.pid ?? -1,
    kill: (signal) => void child.kill(signal),
    ended: child.then(({ exitCode, signal, stdout, stderr }) => {
      // As a shell tells the end of a program by a signal.
      const code = exitCode ?? (signal === undefined ? -1 : 128 + constants.signals[signal]);
      noteRun(args, { code, stdout, stderr });
      return { code, stdout, stderr };
    }),
  };
}

function readState(root: string): StackState | undefined {
  const file = path.join(root, '.stack/state.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function photograph(folder: string, root: string): string {
  const state = readState(root);
  return [
    ...listFiles(folder),
    `records: ${JSON.stringify(sortKeys([state?.instances ?? {}, state?.baseline ?? null, state?.shared ?? {}]))}`,
    ...listProcesses(root).map((pid) => `process ${pid}`),
  ].join('\n');
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => one.localeCompare(other));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

/**
 * What git may write while it is only asked (its index), and objects that nothing leads to, are no traces; nor is what stack keeps
 * for the person whose home this is, of all roots.
 */
const UNSEEN = new Set(['.stack', '.local', '.git/index', '.git/objects']);

/** Files with what is in them, git's own included: refs, worktrees, config, excludes. */
function listFiles(folder: string): string[] {
  const entries = ifOpen(() => readdirSync(folder, { withFileTypes: true }));
  if (!entries) return [`${folder} is closed`];
  return entries
    .filter(({ name }) => !UNSEEN.has(name) && !UNSEEN.has(`${path.basename(folder)}/${name}`))
    .sort((one, other) => one.name.localeCompare(other.name))
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      if (entry.isSymbolicLink()) return [`${file} -> ${readlinkSync(file)}`];
      if (entry.isDirectory()) return [`${file}/`, ...listFiles(file)];
      if (!entry.isFile()) return [file];
      const isRecord = entry.name === 'stack-record.json';
      const content = isRecord ? readRecord(file) : ifOpen(() => readFileSync(file));
      return [`${file} ${content === undefined ? 'is closed' : createHash('sha1').update(content).digest('hex')}`];
    });
}

/** Undefined for what nobody but root may read. */
function ifOpen<Content>(read: () => Content): Content | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    return undefined;
  }
}

/** A record, but for how often the state was written: a command that is refused writes it and takes it back. */
function readRecord(file: string): string {
  const { sequence: _, ...record } = JSON.parse(readFileSync(file, 'utf8'));
  return JSON.stringify(sortKeys(record));
}

/** Returns the ids of processes that were started for a root (Linux; [] elsewhere). */
export function listProcesses(root: string): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readEnviron(pid).split('\0').includes(`STACK_ROOT=${root}`))
    .map(Number);
}

function readEnviron(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    // It has ended meanwhile, or is somebody else's.
    return '';
  }
}
