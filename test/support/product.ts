import {
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
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { rootIdOf, sharedProject } from '../../src/domain/names.ts';
import type { StackView } from '../../src/domain/view.ts';
import { CACHE_HOME } from './cache.ts';
import { makeTestRepos } from './demo-apps.ts';
import { listLabelled, openClient } from './engine.ts';
import { envOfRun } from './mac.ts';
import { freePorts } from './ports.ts';
import { noteRun } from './tell-runs.ts';

const BIN = path.resolve(import.meta.dirname, '../../bin/stack.js');

/** What a run of the built bin came to. */
export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** A product in a temp root: two git repos, front and api, and the stack.yml of the README on ports of its own. */
export interface Product {
  root: string;
  env: Record<string, string>;
  /** Ports by what the README calls them: `ports.of(3001)`. */
  port(inReadme: number): number;
  /** Returns a text with this product's ports as the README has them. */
  inReadme(text: string): string;
  stack(args: readonly string[], options?: { cwd?: string; input?: string }): Promise<Run>;
  /** Runs `stack … --json` and gives the document; throws when the exit code is not 0. */
  json<Answer = unknown>(...args: string[]): Promise<Answer>;
  ps(): Promise<StackView>;
  git(repo: string, ...args: string[]): Promise<string>;
  writeConfig(edit: (text: string) => string): void;
  /** Destroys all tickets, takes everything down, deletes the root. */
  dispose(): Promise<void>;
}

/** Returns an environment that is nobody's: no settings of git, npm or docker, but the engine's address. */
export function isolatedEnv(home: string): Record<string, string> {
  const kept = ['PATH', 'DOCKER_HOST', 'DOCKER_CONFIG', 'LANG', 'TMPDIR', 'SystemRoot'].flatMap((key) => {
    const value = process.env[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    XDG_CACHE_HOME: CACHE_HOME,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Test',
    GIT_AUTHOR_EMAIL: 'test@example.invalid',
    GIT_COMMITTER_NAME: 'Test',
    GIT_COMMITTER_EMAIL: 'test@example.invalid',
    NO_COLOR: '1',
    ...envOfRun(),
  };
}

/** The stack.yml of the README, word for word but for its ports. */
function readmeConfig(port: (inReadme: number) => number): string {
  const readme = readFileSync(path.resolve(import.meta.dirname, '../../README.md'), 'utf8');
  const text = /```yaml\n(name: shop\n[\s\S]*?)```/.exec(readme)?.[1];
  if (text === undefined) throw new Error('the README shows no stack.yml');
  return text
    .replaceAll(/\b(baseline|from): (\d+)/g, (_, key: string, value: string) => `${key}: ${port(Number(value))}`)
    .replace('postgres: {', `postgres: { port: ${port(5432)},`)
    .replace('redis: {', `redis: { port: ${port(6379)},`);
}

/** Where in a product's row of ports those are that begin at one of the README. */
const PLACES = [
  [3000, 0],
  [3001, 1],
  [4001, 20],
  [5432, 38],
  [6379, 39],
] as const;
const PORTS = 40;

/** Makes a product. `runtime` overrules the one in stack.yml. */
export async function makeProduct(options: { runtime?: 'docker' | 'process' } = {}): Promise<Product> {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-test-')));
  const root = path.join(folder, 'shop');
  mkdirSync(root);
  await makeTestRepos(root);
  mkdirSync(path.join(root, 'api/config/keys'), { recursive: true });
  writeFileSync(path.join(root, 'api/config/keys/master.key'), 'not in git\n');
  const first = freePorts(PORTS);
  const port = (inReadme: number): number => {
    const [start, place] = PLACES.findLast(([one]) => one <= inReadme) ?? [0, 0];
    return first + place + inReadme - start;
  };
  const config = readmeConfig(port).replace('runtime: auto', `runtime: ${options.runtime ?? 'auto'}`);
  writeFileSync(path.join(root, 'stack.yml'), config);
  const env = isolatedEnv(folder);
  // Without an engine, as on a machine that has none: the shared services run on this machine too.
  if (options.runtime === 'process') env.DOCKER_HOST = `unix://${folder}/no-engine.sock`;

  const stack: Product['stack'] = async (args, { cwd = root, input } = {}) => {
    const run = await execa('node', [BIN, ...args], {
      cwd,
      env,
      extendEnv: false,
      reject: false,
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
    });
    const { exitCode: code = -1, stdout, stderr } = run;
    noteRun(args, { code, stdout, stderr });
    return { code, stdout, stderr };
  };
  const json: Product['json'] = async (...args) => {
    const run = await stack([...args, '--json']);
    if (run.code !== 0) throw new Error(`stack ${args.join(' ')} ended with ${run.code}\n${run.stdout}\n${run.stderr}`);
    return JSON.parse(run.stdout);
  };
  return {
    root,
    env,
    port,
    inReadme: (text) =>
      text.replaceAll(/\b\d{5}\b/g, (found) => {
        const place = Number(found) - first;
        if (place < 0 || place >= PORTS) return found;
        const [start, at] = PLACES.findLast(([, one]) => one <= place) ?? [0, 0];
        return String(start + place - at);
      }),
    stack,
    json,
    ps: () => json<StackView>('ps'),
    git: async (repo, ...args) =>
      (await execa('git', ['-C', path.join(root, repo), ...args], { env, extendEnv: false })).stdout,
    writeConfig(edit) {
      const file = path.join(root, 'stack.yml');
      writeFileSync(file, edit(readFileSync(file, 'utf8')));
    },
    async dispose() {
      const state = await stack(['ps', '--json']);
      const tickets =
        state.code === 0 ? (JSON.parse(state.stdout) as StackView).instances.map(({ ticket }) => ticket) : [];
      if (tickets.length > 0) await stack(['destroy', '--force', '--yes', ...tickets]);
      await stack(['down', '--force', '--volumes', '--yes']);
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Returns everything there is of a root outside its folder: `container x`, `network y`, `process 7`; and its data, `volume z`. */
export async function listLeft(root: string, runtime: 'docker' | 'process'): Promise<string[]> {
  return runtime === 'docker' ? listInEngine(root) : [...listInside(root), ...listEmbedded(root)];
}

async function listInEngine(root: string): Promise<string[]> {
  const client = await openClient();
  const filters = { label: [`com.docker.compose.project=${sharedProject('shop', rootIdOf(root))}`] };
  const [own, containers, networks, { Volumes: volumes }] = await Promise.all([
    listLabelled(client, rootIdOf(root)),
    client.listContainers({ all: true, filters }),
    client.listNetworks({ filters }),
    client.listVolumes({ filters }),
  ]);
  const names = containers.map((one) => `container ${one.Names[0]}`);
  return [
    ...own,
    ...names,
    ...networks.map((one) => `network ${one.Name}`),
    ...volumes.map((one) => `volume ${one.Name}`),
  ];
}

/** Processes that work in a folder of the root. Linux tells; elsewhere none is seen. */
function listInside(root: string): string[] {
  const pids = existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  return pids.flatMap((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(root) ? [`process ${pid}`] : [];
    } catch {
      return [];
    }
  });
}

function listEmbedded(root: string): string[] {
  const folder = path.join(root, '.stack/shared');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => existsSync(path.join(folder, name, 'data'))).map((name) => `volume ${name}`);
}
