import { mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createProcessRuntime, type ProcessRuntime } from '../../src/adapters/process/process.ts';
import { rootIdOf, shortHash, workloadName } from '../../src/domain/names.ts';
import type { LogLine, LogOptions, WorkloadRef, WorkloadSpec, WorkloadState } from '../../src/domain/runtime.ts';

/** A root of its own in a temp folder with a runtime on it; every test has one. */
export interface ProcessWorld {
  root: string;
  rootId: string;
  /** The folder that stands for the worktree. */
  source: string;
  runtime: ProcessRuntime;
  /** A workload that runs `command`; `more` sets other fields. */
  spec(command: string | readonly string[], more?: Partial<WorkloadSpec>): WorkloadSpec;
  /** Writes a Node script into the worktree and gives the argv that runs it. */
  script(text: string): string[];
  state(service?: string): Promise<WorkloadState | undefined>;
  log(ref: WorkloadRef, options?: LogOptions): Promise<string[]>;
  /** Ends all workloads and deletes the root. */
  end(): Promise<void>;
}

/** Makes a root and a process runtime on it. */
export function makeProcessWorld(): ProcessWorld {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-process-')));
  const rootId = rootIdOf(root);
  const source = path.join(root, 'tickets/feat-01/api');
  mkdirSync(source, { recursive: true });
  const runtime = createProcessRuntime({ root, rootId, env: process.env });
  const used: WorkloadRef[] = [];
  let scripts = 0;
  return {
    root,
    rootId,
    source,
    runtime,
    spec(command, more = {}) {
      const service = more.service ?? 'api';
      const spec = makeSpec({ root, rootId, source, service, command, ...more });
      used.push(spec);
      return spec;
    },
    script(text) {
      const file = path.join(source, `script-${scripts++}.mjs`);
      writeFileSync(file, text);
      return [process.execPath, file];
    },
    state: async (service = 'api') => (await runtime.status(rootId)).find((one) => one.service === service)?.state,
    log: async (ref, options = {}) => textsOf(runtime.logs(ref, options)),
    async end() {
      await Promise.all(used.map((ref) => runtime.remove(ref)));
      await rm(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function makeSpec(
  wish: Pick<WorkloadSpec, 'root' | 'rootId' | 'source' | 'service' | 'command'> & Partial<WorkloadSpec>,
): WorkloadSpec {
  const spec: Omit<WorkloadSpec, 'hash'> = {
    stack: 'shop',
    instance: 'feat-01',
    name: workloadName('shop', wish.rootId, 'feat-01', wish.service),
    repo: 'api',
    gitCommonDir: undefined,
    dir: '',
    workingDir: '/app',
    image: undefined,
    env: {},
    ports: [],
    volumes: [],
    network: '',
    aliases: [],
    ...wish,
  };
  return { hash: shortHash(JSON.stringify(spec)), ...spec };
}

/** True while a process that is no zombie has the number. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function textsOf(lines: AsyncIterable<LogLine>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of lines) texts.push(text);
  return texts;
}
