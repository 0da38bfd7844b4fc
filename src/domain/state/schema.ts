import * as z from 'zod/mini';
import { FILL_KINDS, type InstanceRecord, type StackState } from '../instance.ts';
import { RUNTIME_NAMES } from '../runtime.ts';

// Objects are loose: what a version does not know it keeps, so an optional field needs no new version of the file.

/** Keeps `__proto__` out too. */
const key = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'a name'));
const port = z.int().check(z.minimum(1), z.maximum(65_535));

const stackedOn = z.looseObject({ ticket: z.string(), base: z.string() });
const start = z.looseObject({ base: z.string(), baseCommit: z.string(), stackedOn: z.optional(stackedOn) });

const repo = z.discriminatedUnion('mode', [
  z.looseObject({
    mode: z.literal('dedicated'),
    path: z.string(),
    gitCommonDir: z.string(),
    worktree: z.string(),
    branch: z.string(),
    ownsBranch: z.boolean(),
    adopted: z.optional(z.boolean()),
    base: z.string(),
    baseCommit: z.string(),
    stackedOn: z.optional(stackedOn),
    envFiles: z.array(z.string()),
    disposable: z.optional(z.array(z.string())),
    copied: z.boolean(),
    setUp: z.boolean(),
    migrated: z.optional(z.boolean()),
  }),
  z.looseObject({ mode: z.literal('shared') }),
]);

const service = z.looseObject({
  repo: z.string(),
  runtime: z.enum(RUNTIME_NAMES),
  workload: z.string(),
  alias: z.string(),
  ports: z.record(key, z.looseObject({ host: port, container: port })),
  volumes: z.record(key, z.string()),
  builtImage: z.optional(z.string()),
});

const ownPart = z.discriminatedUnion('as', [
  z.looseObject({
    as: z.literal('database'),
    database: z.string(),
    from: z.string(),
    made: z.optional(z.boolean()),
    at: z.optional(z.string()),
  }),
  z.looseObject({
    as: z.literal('number'),
    number: z.optional(z.int()),
    checked: z.optional(z.boolean()),
    at: z.optional(z.string()),
  }),
  z.looseObject({
    as: z.literal('server'),
    provider: z.enum(['compose', 'embedded']),
    checked: z.optional(z.boolean()),
    port: z.optional(port),
    container: z.optional(port),
    workload: z.string(),
    alias: z.string(),
    image: z.optional(z.string()),
  }),
]);

const owner = z.looseObject({
  pid: z.number(),
  startTime: z.string(),
  command: z.string(),
  starts: z.optional(z.array(z.string())),
});

const issueLink = z.looseObject({
  number: z.int(),
  url: z.string(),
  title: z.string(),
  host: z.string(),
  path: z.string(),
});

/** Becomes the name of a file. */
const fileName = z.string().check(z.refine((text) => /^[^/\0]+$/.test(text) && !/^\.\.?$/.test(text), 'a file name'));

/** What states and rescues tell of a document of a ticket. */
export const documentShape = {
  name: fileName,
  hash: z.string().check(z.regex(/^[0-9a-f]{64}$/, 'a hash')),
  isTask: z.optional(z.boolean()),
};
const document = z.looseObject(documentShape);

const recreateNote = z.looseObject({
  argument: z.string(),
  owner,
  request: z.looseObject({
    from: z.record(key, z.string()),
    on: z.record(key, z.string()),
    with: z.array(z.string()),
  }),
  own: z.array(z.string()),
  migrate: z.boolean(),
  extent: z.enum(['files', 'started', 'ready']),
  skipSetup: z.boolean(),
  task: z.optional(z.string()),
  documents: z.optional(z.array(document)),
  issue: z.optional(issueLink),
  services: z.record(key, service),
});

const instance: z.ZodMiniType<InstanceRecord> = z.looseObject({
  ticket: z.string(),
  argument: z.string(),
  createdAt: z.string(),
  phase: z.enum(['creating', 'ready', 'destroying']),
  owner: z.optional(owner),
  started: z.boolean(),
  folder: z.string(),
  repos: z.record(key, repo),
  services: z.record(key, service),
  own: z.optional(z.record(key, ownPart)),
  task: z.optional(z.string()),
  documents: z.optional(z.array(document)),
  issue: z.optional(issueLink),
  unfinished: z.optional(z.boolean()),
  paused: z.optional(z.looseObject({ at: z.string(), services: z.array(z.string()) })),
  verifies: z.optional(z.string()),
  resolving: z.optional(
    z.record(
      key,
      z.looseObject({
        way: z.enum(['rebase', 'merge']),
        from: z.string(),
        tip: z.string(),
        back: z.optional(z.string()),
        base: z.string(),
        start: z.optional(start),
      }),
    ),
  ),
  resolvingFor: z.optional(
    z.discriminatedUnion('verb', [
      z.looseObject({ verb: z.literal('sync'), way: z.optional(z.enum(['rebase', 'merge'])) }),
      z.looseObject({
        verb: z.literal('merge'),
        way: z.enum(['no-ff', 'squash', 'rebase']),
        into: z.optional(z.string()),
        message: z.optional(z.string()),
        committed: z.boolean(),
        push: z.boolean(),
        start: z.boolean(),
        verify: z.boolean(),
      }),
    ]),
  ),
  beside: z.optional(z.record(z.string(), z.string())),
});

/** What a state file must look like, of the version that is written. */
export const stateSchema: z.ZodMiniType<StackState> = z.looseObject({
  version: z.literal(3),
  writtenBy: z.string(),
  root: z.string(),
  stack: z.string(),
  shared: z.record(
    key,
    z.looseObject({
      port,
      provider: z.enum(['compose', 'embedded']),
      fresh: z.optional(z.boolean()),
      leftInEngine: z.optional(z.boolean()),
      container: z.optional(port),
      ports: z.optional(z.record(key, z.looseObject({ host: port, container: port, wished: z.optional(port) }))),
      wished: z.optional(port),
      settings: z.optional(z.string()),
      login: z.optional(z.string()),
    }),
  ),
  baseline: z.optional(instance),
  instances: z.record(key, instance),
  filling: z.optional(z.looseObject({ left: z.array(z.enum(FILL_KINDS)), fromEmpty: z.boolean() })),
  recreating: z.optional(z.record(key, recreateNote)),
  sequence: z.optional(z.number()),
});
