import type { StackFile } from './schema.ts';

/** A string is a shell line; a list is an argv that no shell sees. */
export type Command = string | readonly string[];

/** A command of a repo, with how it is told: as written, since what `${env.…}` stands for may be a secret. */
export interface RepoCommand {
  run: Command;
  shown: string;
}

/** What a service may be run by; `auto` is docker where an engine answers, else process. */
type RuntimeChoice = NonNullable<StackFile['runtime']>;

/** The settings of a shared service; what is left out is the compose file's own default. */
export interface SharedServiceConfig {
  provider?: 'auto' | 'compose' | 'embedded';
  url?: string;
  /** Of redis alone. */
  isolation?: 'auto' | 'db' | 'server';
  image?: string;
  port?: number;
  user?: string;
  password?: string;
  database?: string;
  scheme?: string;
  /** Name → port inside the stack's network; the first is the one `url` means. */
  ports?: Record<string, number>;
  /** Template of what a ticket puts before the names it makes there; `ticket` is its only name. */
  prefix?: string;
}

/** A git repository of the stack, defaults filled in. */
export interface RepoConfig {
  /** As written: absolute, or relative to the root. */
  path: string;
  title: string;
  /** Undefined: the branch the remote calls its head, else main. */
  base: string | undefined;
  shared: boolean;
  setup: RepoCommand[];
  migrate: RepoCommand[];
  /** They run on the baseline's database alone. */
  seed: RepoCommand[];
  /** How long one setup, migrate or seed command may take. */
  setupTimeoutSeconds: number;
  /** Names of shared services; each is one a ticket may have of its own. */
  own: string[];
  /** Globs relative to the repo, never leading out of it. */
  copy: string[];
  /** Globs of what is nobody's work, relative to the repo. */
  disposable: string[];
  /** Globs of what others rely on, relative to the repo. */
  contracts: string[];
  /** Relative to the service's folder, never leading out of the repo. */
  envFile: string;
  /** Variables of the person's shell for its commands: names, or how they begin with a `*` behind. */
  passEnv: string[];
}

/** One named port of a service. The first port in the file is the one `${<service>.url}` means. */
export interface PortConfig {
  /** Port of the baseline; undefined: leased like a ticket's. */
  baseline?: number;
  from: number;
  to: number;
  /** Port inside the container; undefined: the leased port. */
  container?: number;
}

/** How an image is made; paths as in compose: `context` relative to the service's folder, `dockerfile` to the context. */
export interface BuildConfig {
  context: string;
  dockerfile: string;
  target?: string;
  /** Templates. */
  args: Record<string, string>;
}

/** When a service is ready. Several may be given: all must hold; none: the first port accepts connections. */
export interface ReadyConfig {
  http?: string;
  /** A key of the service's ports. */
  port?: string;
  /** A regular expression that compiles. */
  log?: string;
  timeoutSeconds: number;
}

/** Something that runs out of a repo, defaults filled in. `image`, `command`, `env` and `build.args` are templates. */
export interface ServiceConfig {
  repo: string;
  /** Folder of the repo it lives in, normalised; '' for the repo's top. */
  dir: string;
  image?: string;
  build?: BuildConfig;
  command?: Command;
  /** Absolute path in the container where the repo is mounted. */
  workingDir: string;
  runtime: RuntimeChoice;
  ports: Record<string, PortConfig>;
  env: Record<string, string>;
  /** Files with more variables, relative to `dir`, the last with the most to say; `env` is laid over them. */
  envFiles: string[];
  /** Variables of the person's shell: names, or how they begin with a `*` behind. */
  passEnv: string[];
  /** Names in `env` whose text has something of the environment in it, which may be a secret. */
  fromEnv?: string[];
  /** Name of the volume → absolute path in the container. */
  volumes: Record<string, string>;
  /** Other services only; free of cycles. */
  dependsOn: string[];
  ready: ReadyConfig;
  /** What happens to the running baseline's when the tickets that its settings name come. */
  refresh: 'restart' | 'none';
  /** How much of what it prints is kept, in bytes. */
  logBytes?: number;
  /** What all its processes may use at most; undefined: no limit. */
  memoryBytes?: number;
  cpus?: number;
  /** How it can be asked whose it is. */
  identity?: { http: string; header: string };
}

/**
 * A `stack.yml` that has been read, filled with the environment, validated and cross-checked. Every `${…}` left in a
 * template is a name that `listKnownNames` knows.
 */
export interface StackConfig {
  name: string;
  runtime: RuntimeChoice;
  /** Template of a new branch's name; `ticket` is its only name. */
  branch: string;
  /** Template of the messages of `stack commit`; `ticket` and `message` are its names. */
  commit: string;
  /** As written: absolute, or relative to the root. Undefined: the default place. */
  worktrees: string | undefined;
  /** A shell line that says whether what was merged is good. */
  verify: string | undefined;
  /** What the team asks of who works in a ticket: text, never run. */
  conventions: string | undefined;
  /** A shell line, with which one person's editor is opened. */
  editor: string | undefined;
  /** A shell line that tells a person of what begins. */
  notify: string | undefined;
  shared: {
    /** As written: absolute, or relative to the root. Undefined: the file that ships with stack. */
    compose: string | undefined;
    services: Record<string, SharedServiceConfig>;
  };
  /** What runs of all tickets together, at most; what is left out has no limit. */
  limits: { tickets?: number; memoryBytes?: number; cpus?: number; agents?: number };
  /** A ticket that nobody has used for so long is paused; undefined: never. */
  idleSeconds: number | undefined;
  /** How long what a ticket had of its own is kept when it is destroyed. */
  dumps: { keepDays: number };
  repos: Record<string, RepoConfig>;
  services: Record<string, ServiceConfig>;
}
