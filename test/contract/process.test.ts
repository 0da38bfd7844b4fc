import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { createProcessRuntime, type ProcessRuntime } from '../../src/adapters/process/process.ts';
import type { Runtime } from '../../src/domain/runtime.ts';
import { kill, listCarriers } from '../support/processes.ts';
import { describeRuntime } from './runtime-contract.ts';

/** One runtime for all the suite's roots; each root is handed to the process runtime that is its own. */
function createRuntimeOfRoots(): { runtime: Runtime; add(root: string, rootId: string): void } {
  const runtimes = new Map<string, ProcessRuntime>();
  const of = (rootId: string): ProcessRuntime => runtimes.get(rootId)!;
  return {
    add: (root, rootId) => runtimes.set(rootId, createProcessRuntime({ root, rootId, env: process.env })),
    runtime: {
      name: 'process',
      check: () => createProcessRuntime({ root: '/', rootId: '', env: {} }).check(),
      start: (spec, signal) => of(spec.rootId).start(spec, signal),
      stop: (ref) => of(ref.rootId).stop(ref),
      remove: (ref) => of(ref.rootId).remove(ref),
      status: (rootId, ...which) => of(rootId).status(rootId, ...which),
      usage: (rootId) => of(rootId).usage(rootId),
      explainLimits: async (spec) => of(spec.rootId).explainLimits?.(spec),
      watch: (ref, ...how) => of(ref.rootId).watch(ref, ...how),
      programs: (ref, asked) => of(ref.rootId).programs(ref, asked),
      logs: (ref, options) => of(ref.rootId).logs(ref, options),
      exec: (ref, argv, options) => of(ref.rootId).exec(ref, argv, options),
      run: (spec, command, onLine, signal) => of(spec.rootId).run(spec, command, onLine, signal),
    },
  };
}

/** Workloads are named after their root. */
function listMarked(rootId: string): number[] {
  return listCarriers(`STACK_WORKLOAD=stack-contract-${rootId}-`);
}

function listFiles(root: string): string[] {
  try {
    const entries = readdirSync(path.join(root, '.stack'), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

const { runtime, add } = createRuntimeOfRoots();

describeRuntime('process', async () => ({
  runtime,
  oneLog: true,
  prepareRoot: async (root, rootId) => add(root, rootId),
  listLeft: async (root, rootId) => [...listMarked(rootId).map((pid) => `process ${pid}`), ...listFiles(root)],
  async cleanRoot(root, rootId) {
    for (const pid of listMarked(rootId)) kill(pid);
    await rm(path.join(root, '.stack'), { recursive: true, force: true, maxRetries: 3 });
  },
}));
