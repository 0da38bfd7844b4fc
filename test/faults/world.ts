import { cpSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll } from 'vitest';
import { rootIdOf } from '../../src/domain/names.ts';
import type { RuntimeName } from '../../src/domain/runtime.ts';
import { main } from '../../src/main.ts';
import { cleanLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { isolatedEnv, type Run } from '../support/product.ts';
import { makeRepo, openShop, type Shop } from '../support/shop.ts';

/** A shop with three repos, in which people have work of their own that no command may touch. */
export interface FaultWorld extends Shop {
  runtime: RuntimeName;
  /** Runs a command in this process: the same code without the time a process takes. */
  here(...args: string[]): Promise<Run>;
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

/** Makes a world. Without `engine` in it no Docker engine answers. */
export async function makeFaultWorld(runtime: RuntimeName): Promise<FaultWorld> {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-faults-')));
  const root = path.join(folder, 'shop');
  cpSync(templateRoot(), root, { recursive: true });
  const env = {
    ...isolatedEnv(folder),
    ...(runtime === 'process' ? { DOCKER_HOST: `unix://${folder}/no-engine.sock` } : {}),
  };
  const shop = openShop(folder, root, env);
  worlds += 1;
  const port = 10_000 + ((process.pid * 7 + worlds * 3) % 14) * 3 * PORTS;
  shop.write('stack.yml', config(runtime, port));
  leaveWork(shop);
  const world: FaultWorld = {
    ...shop,
    runtime,
    here: (...args) => runHere(args, root, env),
    photographFiles: () => shop.photograph().replace(/^(records: |process ).*\n?/gm, ''),
    listKept: () => listFiles(path.join(root, '.stack')).filter((file) => !OWN.has(file)),
    async raze() {
      await shop.dispose();
      if (runtime === 'docker') await cleanLabelled(await openClient(), rootIdOf(root));
    },
  };
  return world;
}

/** The last two are empty folders by then: what is in them is listed by itself. */
const OWN = new Set(['.gitignore', 'state.json', 'state.json.bak', 'logs', 'run']);

/** Answers with what it was told of itself and of the others. */
const SERVER = `import { createServer } from 'node:http';
const { PORT, STACK_TICKET, STACK_SERVICE, API_URL, DATA_URL } = process.env;
const answer = JSON.stringify({ ticket: STACK_TICKET, service: STACK_SERVICE, api: API_URL, data: DATA_URL });
createServer((_, response) => response.end(answer)).listen(PORT);
process.on('SIGTERM', () => process.exit(0));
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
  makeRepo(path.join(folder, 'api'), files, 'feat/endpoint');
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

function config(runtime: RuntimeName, port: number): string {
  const range = (index: number): string => {
    const from = port + index * PORTS;
    return `ports: { http: { from: ${from + 1}, to: ${from + PORTS - 1}, container: 3000 } }`;
  };
  const run = `image: ${NODE_IMAGE}\n    command: node server.mjs\n    ready: { http: / }`;
  return `name: shop
runtime: ${runtime}
repos:
  front: { path: ./front, base: main, copy: [keys], setup: ["mkdir -p node_modules && echo made > node_modules/made"] }
  api:   { path: ./api, base: main }
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
    env: { PORT: '\${port.http}', DATA_URL: '\${data.url}' }
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
