import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll } from 'vitest';
import { rootIdOf } from '../../src/domain/names.ts';
import { main } from '../../src/main.ts';
import { cleanLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { asUser } from '../support/other-user.ts';
import { isolatedEnv, type Run } from '../support/product.ts';
import { makeRepo, openShop, type Shop } from '../support/shop.ts';
import { leaveData } from './data.ts';

/**
 * What services are: host processes, containers, or host processes whose tickets have a database of Postgres and one of Redis,
 * or a server of Redis, of their own.
 */
export type Scene = 'process' | 'docker' | 'own data' | 'own server';

/** True where tickets have data of their own. */
export function ownsData(scene: Scene): boolean {
  return scene === 'own data' || scene === 'own server';
}

/** A shop with three repos, in which people have work of their own that no command may touch. */
export interface FaultWorld extends Shop {
  scene: Scene;
  /** Runs a command in this process: the same code without the time a process takes. */
  here(...args: string[]): Promise<Run>;
  /** Makes what the test itself has written the property of whoever the world is of. */
  own(): void;
  /** Everything but what `.stack/` holds and which processes run. */
  photographFiles(): string;
  /** What there is in `.stack/` beside the state file. */
  listKept(): string[];
  /** Ends and deletes everything, whatever state it is in. */
  raze(): Promise<void>;
}

/** Ports that the worlds of one process have taken: each has 3 × 400 for its services, since tests lease many. */
let worlds = 0;
const PORTS = 400;

/** Makes a world, of somebody else where a user id is given, as root may. But for `docker` no engine answers in it. */
export async function makeFaultWorld(scene: Scene, person?: number): Promise<FaultWorld> {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-faults-')));
  const root = path.join(folder, 'shop');
  cpSync(templateRoot(), root, { recursive: true });
  const env = {
    ...isolatedEnv(folder),
    ...(scene === 'docker' ? {} : { DOCKER_HOST: `unix://${folder}/no-engine.sock` }),
  };
  const shop = openShop(folder, root, env);
  worlds += 1;
  const port = 10_000 + ((process.pid * 7 + worlds * 3) % 14) * 3 * PORTS;
  shop.write('stack.yml', config(scene, port));
  leaveWork(shop);
  const world: FaultWorld = {
    ...shop,
    scene,
    here: (...args) => runHere(args, root, env),
    own: () => undefined,
    photographFiles: () => shop.photograph().replace(/^(records: |process ).*\n?/gm, ''),
    listKept: () => listFiles(path.join(root, '.stack')).filter((file) => !OWN.has(file) && !DATA.test(file)),
    async raze() {
      await shop.dispose();
      if (scene === 'docker') await cleanLabelled(await openClient(), rootIdOf(root));
    },
  };
  if (person !== undefined) giveTo(world, person);
  try {
    if (ownsData(scene)) await leaveData(world);
    return world;
  } catch (error) {
    await world.raze();
    throw error;
  }
}

/** Hands a world to somebody, as whom all commands and git run from then on. */
function giveTo(world: FaultWorld, person: number): void {
  const through = asUser(person);
  const { start, raze } = world;
  const [program = '', ...words] = through;
  const env = { ...world.env, TMPDIR: world.folder };
  Object.assign(world, {
    start: (args, how) => start(args, { ...how, through, env: { TMPDIR: world.folder, ...how?.env } }),
    stack: (args, how) => world.start(args, how).ended,
    here: (...args) => world.stack(args),
    ps: async () => JSON.parse((await world.stack(['ps', '--json'])).stdout),
    git: (inside, ...args) =>
      execFileSync(program, [...words, 'git', ...args], {
        cwd: world.at(inside),
        env,
        encoding: 'utf8',
        stdio: 'pipe',
      }).trimEnd(),
    own: () => chown(world.folder, person),
    async raze() {
      chown(world.folder, 0);
      await raze();
    },
  } satisfies Partial<FaultWorld>);
  world.own();
}

function chown(folder: string, person: number): void {
  execFileSync('chown', ['-R', `${person}:${person}`, folder]);
}

/** Files that stay. */
const OWN_FILES = ['.gitignore', 'state.json', 'state.json.bak', 'standings.json'];
/** Empty folders by then: what is in them is listed by itself. */
const OWN_FOLDERS = ['logs', 'run', 'runs', 'own', 'changes'];
const OWN = new Set([...OWN_FILES, ...OWN_FOLDERS]);
/** What servers of this machine keep until `down --volumes`, and the passwords they ask for. */
const DATA = /^(shared(\/|$)|passwords\.json$)/;

/** Answers with what it was told of itself and of the others, and with the database it is really on. */
const SERVER = `import { createServer } from 'node:http';
const { PORT, STACK_TICKET, STACK_SERVICE, API_URL, DATA_URL, DATABASE_URL } = process.env;
const { database, migrated } = DATABASE_URL ? await import('./database.mjs').then(({ ask }) => ask('SELECT current_database() AS database, count(*) AS migrated FROM migrations')) : {};
const answer = JSON.stringify({ ticket: STACK_TICKET, service: STACK_SERVICE, api: API_URL, data: DATA_URL, database, migrated });
createServer((_, response) => response.end(answer)).listen(PORT);
process.on('SIGTERM', () => process.exit(0));
`;

/** Run by `migrate:`, and imported by the server; the package is the checkout's. */
const DATABASE = `import pg from ${JSON.stringify(import.meta.resolve('pg'))};
export async function ask(text) {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  return client.query(text).then(({ rows }) => rows[0]).finally(() => client.end());
}
if (process.argv[2] === 'migrate') await ask('CREATE TABLE IF NOT EXISTS migrations AS SELECT 1 AS number');
`;

let template: string | undefined;
afterAll(() => {
  if (template !== undefined) rmSync(template, { recursive: true, force: true });
});

/** Three repos: one whose env file git ignores, one where it does not, one that tickets borrow. */
function templateRoot(): string {
  if (template !== undefined) return template;
  const folder = mkdtempSync(path.join(tmpdir(), 'stack-faults-template-'));
  const files = { 'server.mjs': SERVER, 'README.md': 'A service.\n' };
  makeRepo(path.join(folder, 'front'), { ...files, '.gitignore': '.env.local\nnode_modules\nkeys\n' }, 'feat/ui');
  makeRepo(path.join(folder, 'api'), { ...files, 'database.mjs': DATABASE }, 'feat/endpoint');
  makeRepo(path.join(folder, 'data'), files);
  template = folder;
  return folder;
}

/** A branch, a worktree, uncommitted changes, a stash, settings and excludes of a person in every repo. */
function leaveWork(shop: Shop): void {
  shop.write('front/keys/master.key', 'not in git\n');
  for (const repo of ['front', 'api', 'data']) {
    shop.write(`${repo}/README.md`, 'Stashed.\n');
    shop.git(repo, 'stash', '--quiet');
    shop.git(repo, 'worktree', 'add', '--quiet', '-b', 'mine', path.join(shop.folder, 'mine', repo));
    writeFileSync(path.join(shop.folder, 'mine', repo, 'README.md'), 'Half a change.\n');
    shop.git(repo, 'config', 'branch.mine.description', 'My own.');
    shop.git(repo, 'tag', 'v1');
    shop.write(`${repo}/README.md`, 'Uncommitted.\n');
    shop.write(`${repo}/todo.txt`, 'Untracked.\n');
    shop.write(`${repo}/.git/info/exclude`, '*.mine\n');
  }
}

function config(scene: Scene, port: number): string {
  const owns = ownsData(scene);
  const redis = scene === 'own server' ? '{ isolation: server }' : '{}';
  const range = (index: number): string => {
    const from = port + index * PORTS;
    return `ports: { http: { from: ${from + 1}, to: ${from + PORTS - 1}, container: 3000 } }`;
  };
  const run = `image: ${NODE_IMAGE}\n    command: node server.mjs\n    ready: { http: / }`;
  return `name: shop
runtime: ${scene === 'docker' ? scene : 'process'}${owns ? `\nshared: { postgres: {}, redis: ${redis} }` : ''}
repos:
  front: { path: ./front, base: main, copy: [keys], setup: ["mkdir -p node_modules && echo made > node_modules/made"] }
  api:   { path: ./api, base: main${owns ? ', own: [postgres, redis], migrate: [node database.mjs migrate]' : ''} }
  data:  { path: ./data, base: main, shared: true }
services:
  data:
    repo: data
    ${run}
    ${range(0)}
    env: { PORT: '\${port.http}' }
  api:
    repo: api
    ${run}
    ${range(1)}
    env: { PORT: '\${port.http}', DATA_URL: '\${data.url}'${owns ? ", DATABASE_URL: '${postgres.url}', REDIS_URL: '${redis.url}'" : ''} }
  front:
    repo: front
    ${run}
    ${range(2)}
    env: { PORT: '\${port.http}', API_URL: '\${api.url}', DATA_URL: '\${data.url}' }
`;
}

async function runHere(args: readonly string[], cwd: string, env: Record<string, string>): Promise<Run> {
  const [stdout, stderr] = [makeSink(), makeSink()];
  const host = { cwd, env, stdin: process.stdin, stdout: stdout.stream, stderr: stderr.stream, pid: process.pid };
  const code = await main(args, host, new AbortController().signal);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function makeSink(): { stream: NodeJS.WriteStream; text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => chunks.join('') };
}

function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}
