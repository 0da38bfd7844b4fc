import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { StackError, throwIfAborted } from '../../src/domain/errors.ts';
import type {
  LogLine,
  LogOptions,
  PublishedPort,
  Runtime,
  RuntimeName,
  WorkloadRef,
  WorkloadSpec,
  WorkloadStatus,
} from '../../src/domain/runtime.ts';
import { type FakeProgram, idle, runCommand, splitLines } from './fake-process.ts';

export interface FakeOptions {
  /** Default: a workload stays until it is told to end, a command ends with 0 at once. */
  readonly program?: FakeProgram;
  /** Default: docker. */
  readonly name?: RuntimeName;
  /** Called before what changes something: to see the order of things, or to make it fail by throwing. */
  readonly before?: (call: 'start' | 'stop' | 'remove' | 'exec' | 'run', ref: WorkloadRef) => void | Promise<void>;
}

/** A runtime in memory: the ports are real and answer `hello`, programs are functions, nothing outlives the test. */
export interface FakeRuntime extends Runtime {
  /** Names of the workloads there are of a root. */
  listLeft(rootId: string): string[];
  /** Ends and forgets all workloads of a root. */
  clean(rootId: string): Promise<void>;
}

interface Workload {
  readonly spec: WorkloadSpec;
  readonly lines: (LogLine & { at: number })[];
  readonly startedAt: number;
  readonly end: AbortController;
  /** Fulfilled when its program has ended and its ports are free. */
  readonly done: Promise<void>;
  /** Dispatches `change` for every line and at the end. */
  readonly events: EventTarget;
  state: 'running' | 'stopped' | 'exited';
  exitCode: number | undefined;
}

/** Gives a runtime that holds to the contract and runs nothing outside of this process. */
export function createFakeRuntime({ program = idle, name = 'docker', before }: FakeOptions = {}): FakeRuntime {
  const workloads = new Map<string, Workload>();
  const ofRoot = (rootId: string) => [...workloads.values()].filter(({ spec }) => spec.rootId === rootId);
  const end = async (ref: WorkloadRef): Promise<Workload | undefined> => {
    const workload = workloads.get(ref.name);
    workload?.end.abort();
    await workload?.done;
    return workload;
  };
  return {
    name,
    check: async () => ({ ok: true, version: '0', where: 'memory' }),
    async start(spec, signal) {
      await before?.('start', spec);
      throwIfAborted(signal);
      await requireFolder(spec);
      const found = workloads.get(spec.name);
      const isSame = found?.spec.hash === spec.hash;
      if (found?.state === 'running' && isSame) return;
      await end(spec);
      workloads.delete(spec.name);
      const servers = await openPorts(spec.ports);
      workloads.set(spec.name, launch(program, spec, servers, isSame ? found.lines : []));
      if (signal.aborted) await this.remove(spec);
      throwIfAborted(signal);
    },
    async stop(ref) {
      await before?.('stop', ref);
      const workload = await end(ref);
      if (workload) workload.state = 'stopped';
    },
    async remove(ref) {
      await before?.('remove', ref);
      await end(ref);
      workloads.delete(ref.name);
    },
    status: async (rootId, instance) =>
      ofRoot(rootId)
        .filter(({ spec }) => instance === undefined || spec.instance === instance)
        .map((workload) => describeStatus(name, workload)),
    async programs(ref) {
      const workload = workloads.get(ref.name);
      if (workload?.state !== 'running') return [];
      const { env, ports } = workload.spec;
      return [{ name: ref.name, env, ports: ports.map(({ host }) => host), open: [] }];
    },
    logs: (ref, options) => readLogs(workloads.get(ref.name), ref, options),
    async exec(ref, argv, { stdin, stdout, stderr, signal }) {
      await before?.('exec', ref);
      throwIfAborted(signal);
      const workload = workloads.get(ref.name);
      if (workload?.state !== 'running') throw new StackError('not-found', `${ref.service} does not run`);
      const { env, source, dir } = workload.spec;
      const write = (stream: LogLine['stream'], text: string) => (stream === 'stdout' ? stdout : stderr).write(text);
      const parts = { purpose: 'exec' as const, env, cwd: join(source, dir), stdin, write, ended: signal };
      const code = await runCommand(program, argv, parts);
      throwIfAborted(signal);
      return code;
    },
    async run(spec, command, onLine, signal) {
      await before?.('run', spec);
      throwIfAborted(signal);
      const { write, flush } = splitLines(onLine);
      const cwd = join(spec.source, spec.dir);
      const parts = { purpose: 'run' as const, env: spec.env, cwd, stdin: Readable.from([]), write, ended: signal };
      const code = await runCommand(program, command, parts);
      flush();
      throwIfAborted(signal);
      return code;
    },
    listLeft: (rootId) => ofRoot(rootId).map(({ spec }) => spec.name),
    async clean(rootId) {
      for (const { spec } of ofRoot(rootId)) {
        await end(spec);
        workloads.delete(spec.name);
      }
    },
  };
}

async function requireFolder({ source, dir }: WorkloadSpec): Promise<void> {
  const found = await stat(join(source, dir)).catch(() => undefined);
  if (!found?.isDirectory()) throw new StackError('engine', `there is no folder ${join(source, dir)}`);
}

function launch(program: FakeProgram, spec: WorkloadSpec, servers: Server[], lines: Workload['lines']): Workload {
  const end = new AbortController();
  const events = new EventTarget();
  const change = () => events.dispatchEvent(new Event('change'));
  const { write, flush } = splitLines((line) => {
    lines.push({ ...line, at: Date.now() });
    change();
  });
  const cwd = join(spec.source, spec.dir);
  const parts = { purpose: 'start' as const, env: spec.env, cwd, stdin: Readable.from([]), write, ended: end.signal };
  const finish = async (): Promise<void> => {
    workload.exitCode = await runCommand(program, spec.command, parts);
    workload.state = 'exited';
    flush();
    await closePorts(servers);
    change();
  };
  const done = Promise.resolve().then(finish);
  const workload: Workload = {
    spec,
    lines,
    end,
    events,
    done,
    startedAt: Date.now(),
    state: 'running',
    exitCode: undefined,
  };
  return workload;
}

async function openPorts(ports: readonly PublishedPort[]): Promise<Server[]> {
  const servers: Server[] = [];
  for (const { host } of ports) {
    const server = createServer((_, answer) => answer.end('hello'));
    const failure = await new Promise<Error | undefined>((resolve) => {
      server.once('error', resolve).listen(host, '127.0.0.1', () => resolve(undefined));
    });
    if (failure) {
      await closePorts(servers);
      throw new StackError('port', `port ${host} is taken on this machine`, {
        details: { port: host },
        cause: failure,
      });
    }
    servers.push(server);
  }
  return servers;
}

async function closePorts(servers: readonly Server[]): Promise<void> {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function describeStatus(runtime: RuntimeName, { spec, state, exitCode, startedAt }: Workload): WorkloadStatus {
  const { instance, service, name, hash } = spec;
  return { instance, service, name, runtime, state, exitCode, hash, startedAt, logSince: startedAt };
}

async function* readLogs(
  workload: Workload | undefined,
  ref: WorkloadRef,
  { follow, tail, since = 0, signal }: LogOptions,
): AsyncGenerator<LogLine> {
  if (!workload) throw new StackError('not-found', `${ref.service} has no logs`);
  const recent = workload.lines.filter((line) => line.at >= since);
  const old = tail === undefined ? recent : recent.slice(recent.length - Math.min(tail, recent.length));
  let next = workload.lines.length;
  for (const { stream, text } of old) yield { stream, text };
  while (follow && !signal?.aborted) {
    for (; next < workload.lines.length; next++) {
      if (signal?.aborted) return;
      const { stream, text } = workload.lines[next]!;
      yield { stream, text };
    }
    if (workload.state !== 'running') return;
    await nextChange(workload, signal);
  }
}

function nextChange({ events }: Workload, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      events.removeEventListener('change', done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    events.addEventListener('change', done);
    signal?.addEventListener('abort', done);
  });
}
