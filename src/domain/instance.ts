import { StackError } from './errors.ts';
import type { Provider, RuntimeName } from './runtime.ts';
import type { DocumentRecord } from './task.ts';

/** Name of the instance that runs from the main checkouts. No ticket may be called so. */
export const BASELINE = 'baseline';

/** The process that is changing a record, so that a crash can be told from work in progress. */
export interface Owner {
  pid: number;
  /** Start time of the process as the system tells it; with the pid an identity that is never reused. */
  startTime: string;
  command: string;
  /** The services that it is about to run: they take room from now on. */
  starts?: string[] | undefined;
}

/** A repo of which the instance has its own worktree (or, for the baseline, the main checkout itself). */
export interface DedicatedRepo {
  mode: 'dedicated';
  /** Absolute path of the main checkout. */
  path: string;
  /** Absolute path of the git common directory. */
  gitCommonDir: string;
  /** Absolute path where the instance's files are. */
  worktree: string;
  /** The branch checked out there. */
  branch: string;
  /** True when stack makes the branch, and so may delete it. */
  ownsBranch: boolean;
  /** True where somebody else made the worktree: it, its branch and its files stay when the ticket goes. */
  adopted?: boolean | undefined;
  /** What `ps` shows in brackets: the base as asked for, or the branch for `--on`. */
  base: string;
  /** Full commit id the branch starts from. */
  baseCommit: string;
  /** The ticket whose branch is the base, and the base that this one gets once that is merged. */
  stackedOn?: { ticket: string; base: string } | undefined;
  /** Env files stack writes, relative to `worktree`. */
  envFiles: string[];
  /** Globs of what is nobody's work, as stack.yml had them when the ticket was last made or started. */
  disposable?: string[] | undefined;
  /** The `copy:` files came over; not done again over what people changed. */
  copied: boolean;
  /** The `setup:` commands ran to their end in this worktree. */
  setUp: boolean;
  /** The `migrate:` commands ran to their end, on the database the instance has now. */
  migrated?: boolean | undefined;
}

/** A repo borrowed from the baseline. */
interface SharedRepo {
  mode: 'shared';
}

export type RepoRecord = DedicatedRepo | SharedRepo;

export interface ServiceRecord {
  repo: string;
  runtime: RuntimeName;
  /** Container name, or key of the process record. */
  workload: string;
  /** Name in the stack's network; unique to the instance. */
  alias: string;
  /** Leases and, for containers, the ports inside. */
  ports: Record<string, { host: number; container: number }>;
  /** Docker volumes made for this service: key in stack.yml → name in the engine. */
  volumes: Record<string, string>;
  /** Tag of the image that is built for this instance; unset for `image:`. */
  builtImage?: string | undefined;
}

/** What of the shared services an instance has for itself, by their names. */
export type OwnRecord = Record<string, OwnPart>;

/** What an instance has for itself of one shared service; `as` tells in which shape. */
export type OwnPart = OwnDatabase | OwnNumber | OwnServer;

/** A database on the server that all share. */
export interface OwnDatabase {
  as: 'database';
  database: string;
  /** The baseline's, of which it began as a copy. */
  from: string;
  /** It was there. */
  made?: boolean | undefined;
  /** On which server it was made. */
  at?: string | undefined;
}

/** A numbered database on the server that all share. */
export interface OwnNumber {
  as: 'number';
  /** Undefined: yet to be leased. */
  number?: number | undefined;
  /** It was empty when the instance got it. */
  checked?: boolean | undefined;
  /** On which server it was empty. */
  at?: string | undefined;
}

/** A server that an instance has for itself. */
export interface OwnServer {
  as: 'server';
  provider: Provider;
  /** It has been there. */
  checked?: boolean | undefined;
  /** The port on this machine; undefined: yet to be leased. */
  port?: number | undefined;
  /** The port inside its container. */
  container?: number | undefined;
  /** Name of its container. */
  workload: string;
  /** Its container's name in the stack's network. */
  alias: string;
  /** What its container was last made from. */
  image?: string | undefined;
}

type Phase = 'creating' | 'ready' | 'destroying';

/** What is brought into a branch while its conflicts are resolved. */
export interface Resolving {
  way: 'rebase' | 'merge';
  /** Full ids of commits: where the branch was, and what is brought in. */
  from: string;
  tip: string;
  /** Where the branch was before the first of several that came one after the other; default: `from`. */
  back?: string | undefined;
  /** How that is called. */
  base: string;
  /** What the branch starts from afterwards. */
  start?: Start | undefined;
}

/** What conflicts are resolved for: the command that goes on once they are, as it was typed. Holds no line that is run. */
export type ResolvingFor =
  | { verb: 'sync'; way?: 'rebase' | 'merge' | undefined }
  | {
      verb: 'merge';
      way: 'no-ff' | 'squash' | 'rebase';
      into?: string | undefined;
      message?: string | undefined;
      committed: boolean;
      push: boolean;
      start: boolean;
      /** True: a command was said to verify it. */
      verify: boolean;
    };

/** What a branch starts from. */
export type Start = Pick<DedicatedRepo, 'base' | 'baseCommit' | 'stackedOn'>;

/** The issue of a forge that an instance is made for. */
export interface IssueLink {
  number: number;
  url: string;
  title: string;
  /** Where its repo is kept. */
  host: string;
  path: string;
}

/** All that is needed to take an instance apart without today's config. Holds no secrets. */
export interface InstanceRecord {
  /** `feat-02`, or `baseline`. */
  ticket: string;
  /** The name as typed (`feat/02`): what the branch is made from. */
  argument: string;
  /** ISO 8601. */
  createdAt: string;
  phase: Phase;
  owner?: Owner | undefined;
  /** False as long as no workload, volume or image of it can exist; taking it apart then needs no runtime. */
  started: boolean;
  /** Absolute path of the folder the worktrees are in; '' for the baseline. */
  folder: string;
  repos: Record<string, RepoRecord>;
  services: Record<string, ServiceRecord>;
  own?: OwnRecord | undefined;
  /** What is to be done, as a person or an issue says it; its beginning where one of the documents has the whole. */
  task?: string | undefined;
  /** Files that tell more of it. */
  documents?: DocumentRecord[] | undefined;
  /** The issue that says so; the pull request closes it. */
  issue?: IssueLink | undefined;
  /** Its create failed and was told to leave what it had made: the next one goes on from there. */
  unfinished?: boolean | undefined;
  /** Since when it is paused (ISO 8601), and which of its services ran before. */
  paused?: { at: string; services: string[] } | undefined;
  /** The ticket whose merge it is made to verify; it goes once that is done. */
  verifies?: string | undefined;
  /** What conflicts in the worktrees and is being resolved there, by repo; and what for, by default a sync. */
  resolving?: Record<string, Resolving> | undefined;
  resolvingFor?: ResolvingFor | undefined;
  /** What set-ups made in the folder beside the worktrees, with a hash of it as they left it. */
  beside?: Record<string, string> | undefined;
}

/** A shared service that stack runs: the port it is promised, and what runs it, since its data is there. */
export interface SharedLease {
  /** The port on this machine that its `url` names. */
  port: number;
  provider: Provider;
  /** True until what compose made of it was ready once: nothing in it is somebody's, and another provider may take its place. */
  fresh?: boolean | undefined;
  /** True where it had a part in an engine before it ran without one: some of that may be in there still. */
  leftInEngine?: boolean | undefined;
  /** The port that stands for it in the stack's network; undefined: the service's usual one. */
  container?: number | undefined;
  /** Its ports by the names that stack.yml gives them. */
  ports?: Record<string, { host: number; container: number; wished?: number | undefined }> | undefined;
  /** The port that stack.yml wished for when this one was leased. */
  wished?: number | undefined;
  /** Hash of what compose last made it from. */
  settings?: string | undefined;
  /** Hash of the user, password and database that its data was made with. */
  login?: string | undefined;
}

/** What a `recreate` is about to make, written down before what was there goes. */
export interface RecreateNote {
  argument: string;
  owner: Owner;
  request: { from: Record<string, string>; on: Record<string, string>; with: string[] };
  own: string[];
  migrate: boolean;
  extent: 'files' | 'started' | 'ready';
  skipSetup: boolean;
  task?: string | undefined;
  documents?: DocumentRecord[] | undefined;
  issue?: IssueLink | undefined;
  /** As they were, for their runtimes and leases. */
  services: Record<string, ServiceRecord>;
}

/** What fills the baseline's database, in order. */
export const FILL_KINDS = ['migrate', 'seed'] as const;
export type FillKind = (typeof FILL_KINDS)[number];

/** What was begun of filling the baseline's database and is not known to be done. */
export interface Filling {
  /** The first of them was begun. */
  left: FillKind[];
  /** The database was empty, and can be made so again. */
  fromEmpty: boolean;
}

/** The state file as this version writes it. What runs is never in it: that is asked. */
export interface StackState {
  version: 3;
  /** The stack version that wrote the file, for the message when it is newer. */
  writtenBy: string;
  /** Real path of the root the file belongs to. */
  root: string;
  stack: string;
  /** Leased ports of the shared services. */
  shared: Record<string, SharedLease>;
  baseline?: InstanceRecord | undefined;
  instances: Record<string, InstanceRecord>;
  /** What is left of filling the baseline's database, until all of it is done. */
  filling?: Filling | undefined;
  /** Tickets that are being made again, until they are ready. */
  recreating?: Record<string, RecreateNote> | undefined;
  /** One more with each write: a clock may be set back. Older versions wrote none. */
  sequence?: number | undefined;
}

/** Returns the tickets that somebody works on: all but those made to verify a merge, which go once that is done. */
export function listWorkedOn({ instances }: Pick<StackState, 'instances'>): InstanceRecord[] {
  return Object.values(instances).filter(({ verifies }) => verifies === undefined);
}

/** Returns all records of a root, the baseline's last. */
export function listRecords({
  instances,
  baseline,
}: Partial<Pick<StackState, 'instances' | 'baseline'>>): InstanceRecord[] {
  return [...Object.values(instances ?? {}), ...(baseline ? [baseline] : [])];
}

/** The dedicated repos of a record, with their names. */
export function dedicatedRepos(record: Pick<InstanceRecord, 'repos'>): [string, DedicatedRepo][] {
  return Object.entries(record.repos).filter(
    (entry): entry is [string, DedicatedRepo] => entry[1].mode === 'dedicated',
  );
}

/** The dedicated repos of a record whose worktrees stack makes, and so may take away. */
export function madeRepos(record: Pick<InstanceRecord, 'repos'>): [string, DedicatedRepo][] {
  return dedicatedRepos(record).filter(([, { adopted }]) => !adopted);
}

/** Returns a service of a record. Throws `not-found`. */
export function requireService(record: InstanceRecord, service: string): ServiceRecord {
  const found = Object.hasOwn(record.services, service) ? record.services[service] : undefined;
  if (found) return found;
  throw new StackError('not-found', `${record.ticket} has no service ${service} of its own`, {
    hint: `its services: ${Object.keys(record.services).join(', ') || 'none'}`,
  });
}

/** True for a service that a record borrows from the baseline, with its repo. */
export function isBorrowed(record: InstanceRecord, baseline: InstanceRecord | undefined, service: string): boolean {
  if (Object.hasOwn(record.services, service)) return false;
  const lent = baseline && Object.hasOwn(baseline.services, service) ? baseline.services[service] : undefined;
  return lent !== undefined && record.repos[lent.repo]?.mode === 'shared';
}

/** Returns a repo that the record has its own copy of. Throws `not-found`. */
export function requireDedicated(record: InstanceRecord, repo: string): DedicatedRepo {
  const found = record.repos[repo];
  if (found?.mode === 'dedicated') return found;
  throw new StackError('not-found', `${record.ticket} has no ${repo} of its own`);
}
