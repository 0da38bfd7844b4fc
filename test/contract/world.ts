import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { rootIdOf, workloadName } from '../../src/domain/names.ts';
import type {
  ExecOptions,
  LogLine,
  LogOptions,
  Runtime,
  WorkloadRef,
  WorkloadSpec,
  WorkloadStatus,
} from '../../src/domain/runtime.ts';
import { freePorts } from '../support/ports.ts';
import { WORK_SCRIPT } from './work.ts';

/** What the suite must know of a runtime beside its contract. */
export interface RuntimeSetup {
  readonly runtime: Runtime;
  /** What a spec needs of what only this runtime has. */
  readonly settings?: { image?: string; network?: string };
  /** The port inside that a lease leads to; default: the lease itself. */
  readonly containerPort?: number;
  /** True: it keeps both streams of a workload in one log, in the order things were printed. */
  readonly oneLog?: true;
  /** Makes what a root's workloads stand on, e.g. their network. */
  prepareRoot?(root: string, rootId: string, network: string): Promise<void>;
  /** Names of what is there of a root's workloads, seen from outside the runtime: processes, containers, records. */
  listLeft(root: string, rootId: string): Promise<string[]>;
  /** Ends and removes whatever a failed test has left. */
  cleanRoot(root: string, rootId: string): Promise<void>;
}

type Wishes = Partial<Pick<WorkloadSpec, 'env' | 'hash' | 'dir' | 'ports' | 'service' | 'instance'>>;

/** A root with a source folder, and the runtime that is tried. */
export interface World {
  readonly runtime: Runtime;
  readonly oneLog: boolean;
  readonly root: string;
  readonly rootId: string;
  readonly source: string;
  /** Returns a spec of `node work.mjs` with these words. */
  spec(words: string, wishes?: Wishes): WorkloadSpec;
  /** Returns a port of this machine that nobody uses, with what leads to it. */
  leasePort(): { host: number; wishes: Wishes };
  statusOf(ref: WorkloadRef): Promise<WorkloadStatus | undefined>;
  /** Returns the lines there are. */
  linesOf(ref: WorkloadRef, options?: LogOptions): Promise<string[]>;
  listLeft(): Promise<string[]>;
  dispose(): Promise<void>;
}

/** Makes a root of its own for one test. */
export async function createWorld(setup: RuntimeSetup): Promise<World> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'stack-contract-')));
  const rootId = rootIdOf(root);
  const source = await mkdtemp(join(root, 'source-'));
  await writeFile(join(source, 'work.mjs'), WORK_SCRIPT);
  const network = setup.settings?.network ?? `stack-contract-${rootId}`;
  await setup.prepareRoot?.(root, rootId, network);
  const { runtime } = setup;
  return {
    ...{ runtime, root, rootId, source, oneLog: setup.oneLog ?? false },
    spec: (words, wishes = {}) => {
      const { instance = 'feat-01', service = 'api' } = wishes;
      return {
        ...{ rootId, root, source, instance, service, network },
        stack: 'contract',
        name: workloadName('contract', rootId, instance, service),
        repo: 'api',
        gitCommonDir: undefined,
        dir: '',
        workingDir: '/app',
        image: setup.settings?.image,
        command: ['node', 'work.mjs', ...words.split(' ')],
        env: {},
        ports: [],
        volumes: [],
        aliases: [`${service}.${instance}`],
        hash: 'one',
        ...wishes,
      };
    },
    leasePort: () => {
      const host = freePorts();
      const container = setup.containerPort ?? host;
      return { host, wishes: { ports: [{ name: 'http', host, container }], env: { PORT: String(container) } } };
    },
    statusOf: async (ref) => (await runtime.status(rootId, ref.instance, ref.service))[0],
    linesOf: async (ref, options = {}) => (await readAll(runtime.logs(ref, options))).map((line) => line.text),
    listLeft: () => setup.listLeft(root, rootId),
    dispose: async () => {
      await setup.cleanRoot(root, rootId);
      await rm(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Returns all that an iterable gives. */
export async function readAll(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

/** Returns the streams of an exec, with what it has printed so far; `input` undefined leaves stdin open. */
export function openStreams(input?: string, signal: AbortSignal = new AbortController().signal) {
  const stdin = new PassThrough();
  if (input !== undefined) stdin.end(input);
  const collect = (stream: PassThrough): (() => string) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    return () => text;
  };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const options: ExecOptions = { tty: false, stdin: stdin as unknown as NodeJS.ReadStream, stdout, stderr, signal };
  return { options, out: collect(stdout), err: collect(stderr) };
}
