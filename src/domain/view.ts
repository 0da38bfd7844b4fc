import type { RunCost, RunView } from './runs/run.ts';
import type { RuntimeName } from './runtime.ts';

/** What is said of a service, a repo, a ticket; `unknown`: what it runs on does not answer. The JSON of `stack ps` and `stack create`; fields may be added only. */
export type ServiceStatus = 'running' | 'starting' | 'paused' | 'stopped' | 'exited' | 'unknown';
export type RepoStatus = CombinedStatus | 'broken';
export type InstanceStatus = CombinedStatus | 'creating' | 'broken';
type CombinedStatus = 'running' | 'partial' | 'paused' | 'stopped' | 'unknown';

export interface ServiceView {
  repo: string;
  runtime: RuntimeName;
  status: ServiceStatus;
  ports: Record<string, number>;
  exitCode?: number;
}

/** How the worktree of a repo stands, in short. */
export interface RepoMarks {
  /** True where something is not committed. */
  dirty: boolean;
  /** Commits that its base lacks, and commits of the base that came since. */
  ahead: number;
  behind: number;
  /** True where nothing of its own is missing at a remote, as of the last fetch or push. */
  pushed: boolean;
  /** True where it is not on the ticket's branch. */
  switched: boolean;
}

export type RepoView =
  | {
      mode: 'dedicated';
      url?: string;
      status: RepoStatus;
      worktree: string;
      branch: string;
      base: string;
      /** True when the branch was there before the ticket (`--on`). */
      existingBranch: boolean;
      /** Where somebody has asked for it, and it could be looked at. */
      changes?: RepoMarks;
    }
  | { mode: 'shared'; url?: string; status: RepoStatus };

export interface InstanceView {
  ticket: string;
  status: InstanceStatus;
  createdAt: string;
  /** Since when `stack pause` keeps its services from running. */
  pausedAt?: string;
  folder: string;
  /** The first line of its task. */
  title?: string;
  /** What is not as it should be, a line each; a status `broken` has at least one. */
  problems: string[];
  repos: Record<string, RepoView>;
  services: Record<string, ServiceView>;
  /** Its agents that live, or the last one that has ended; left out where nobody has asked for them. */
  agents?: Pick<RunView, 'name' | 'state' | 'since' | 'text' | 'exitCode' | 'cost'>[];
  /** What all its agents that are kept have reported together; left out where none has. */
  cost?: RunCost;
  /** What it has for itself of the shared services, by their names: a database, a numbered one, or a server (`db` is 0 then). */
  own?: Record<string, OwnView>;
}

export interface OwnView {
  database?: string;
  db?: number;
  server?: ServerView;
}

/** A server that a ticket has for itself. */
interface ServerView {
  /** As this machine reaches it, without its password. */
  url: string;
  runtime: RuntimeName;
  status: string;
}

/** A column of the table. */
interface RepoHeading {
  name: string;
  title: string;
  shared: boolean;
}

export interface StackView {
  stack: string;
  root: string;
  /** What runs services that name no runtime themselves, and why. */
  runtime: { name: RuntimeName; why: string };
  /** The repos of stack.yml, in its order. */
  repos: RepoHeading[];
  baseline: {
    repos: Record<string, { url?: string; status: RepoStatus }>;
    services: Record<string, ServiceView>;
  };
  shared: Record<string, { url: string; status: string }>;
  /** What is not as it should be with the baseline and the shared services, a line each. */
  problems: string[];
  instances: InstanceView[];
}

/** Some tickets, with what their table needs. */
export type InstancesView = Pick<StackView, 'repos' | 'instances'>;

/** Returns the one status that stands for several services. */
export function combineStatus(statuses: readonly ServiceStatus[]): CombinedStatus {
  const running = statuses.filter((status) => status === 'running').length;
  if (running === statuses.length && running > 0) return 'running';
  if (running > 0 || statuses.includes('starting')) return 'partial';
  if (statuses.includes('unknown')) return 'unknown';
  return statuses.includes('paused') ? 'paused' : 'stopped';
}
