import * as z from 'zod/mini';
import type { InstanceRecord, StackState } from './instance.ts';

const repo = z.discriminatedUnion('mode', [
  z.object({
    mode: z.literal('dedicated'),
    path: z.string(),
    gitCommonDir: z.string(),
    worktree: z.string(),
    branch: z.string(),
    ownsBranch: z.boolean(),
    base: z.string(),
    baseCommit: z.string(),
    envFiles: z.array(z.string()),
    copied: z.boolean(),
    setUp: z.boolean(),
  }),
  z.object({ mode: z.literal('shared') }),
]);

const service = z.object({
  repo: z.string(),
  runtime: z.enum(['docker', 'process']),
  workload: z.string(),
  alias: z.string(),
  ports: z.record(z.string(), z.object({ host: z.number(), container: z.number() })),
  volumes: z.record(z.string(), z.string()),
  builtImage: z.optional(z.string()),
});

const instance: z.ZodMiniType<InstanceRecord> = z.object({
  ticket: z.string(),
  argument: z.string(),
  createdAt: z.string(),
  phase: z.enum(['creating', 'ready', 'destroying']),
  owner: z.optional(z.object({ pid: z.number(), startTime: z.string(), command: z.string() })),
  started: z.boolean(),
  folder: z.string(),
  repos: z.record(z.string(), repo),
  services: z.record(z.string(), service),
});

/** What a state file of version 1 must look like. */
export const stateSchema: z.ZodMiniType<StackState> = z.object({
  version: z.literal(1),
  writtenBy: z.string(),
  root: z.string(),
  stack: z.string(),
  shared: z.record(z.string(), z.object({ port: z.number(), provider: z.enum(['compose', 'embedded']) })),
  baseline: z.optional(instance),
  instances: z.record(z.string(), instance),
});
