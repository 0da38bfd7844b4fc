import type { ComposeServer } from './compose-server.ts';
import type { LeftOut } from './find-repos.ts';
import type { Needs, Project, Role } from './project.ts';
import type { StoreSettings } from './wire-stores.ts';

/** What a person said where the files do not tell. */
export interface Answers {
  /** The branch that new ones start from, in the repos that have it. */
  base?: string;
  /** Name of the service that a front-end means by an API. */
  api?: string;
  /** `no`: each ticket has its own copy of everything. */
  borrow?: string;
}

/** A stack as init would write it down. */
export interface StackPlan {
  name: string;
  shared: Needs & {
    /** User and database that the product's own settings name. */
    login: StoreSettings;
    /** How addresses of Postgres begin, where that is not `postgres`. */
    scheme: string | undefined;
    /** False: nothing told, so both are there. */
    sure: boolean;
    /** What a compose file of the developers' starts, Postgres, MySQL and Redis among them. */
    servers: PlannedServer[];
  };
  repos: PlannedRepo[];
  services: PlannedService[];
  leftOut: LeftOut[];
}

/** A server of a compose file as a shared service. */
export interface PlannedServer {
  /** In `stack.yml`. */
  name: string;
  found: ComposeServer;
  /** How its address begins, where that is not http. */
  scheme: string | undefined;
  /** Names of its ports inside, the main one first; one port has no name. */
  ports: Record<string, number>;
}

export interface PlannedRepo {
  name: string;
  /** Relative to the root, as `stack.yml` has it: `./front`. */
  path: string;
  title: string | undefined;
  base: string | undefined;
  shared: boolean;
  setup: string[];
  copy: string[];
  /** Where that is not `.env.local`. */
  envFile: string | undefined;
  /** Lines that bring the database up to date, and fill an empty one. */
  migrate: string[];
  seed: string[];
  /** Shared services of which a ticket with its own copy gets one of its own. */
  own: string[];
  role: Role;
  /** What to look at. */
  checks: string[];
}

export interface PlannedService {
  name: string;
  repo: string;
  role: Role;
  project: Project;
  /** Undefined for what listens nowhere. */
  port: PlannedPort | undefined;
  env: Record<string, string>;
  /** It is restarted for what comes with tickets. */
  refresh: boolean;
  checks: string[];
}

/** Ports of one service: of the main checkout's copy, the first for tickets, and inside the container. */
export interface PlannedPort {
  baseline: number | undefined;
  from: number;
  container: number;
}
