/** How much of a log is kept, the file that was put aside included. */
export const DEFAULT_LOG_BYTES = 20 * 1024 * 1024;

/** What runs workloads. */
export const RUNTIME_NAMES = ['docker', 'process'] as const;
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** `auto` is the first where an engine answers, else the second, which needs nothing but this machine. */
export const [ENGINE_RUNTIME, HOST_RUNTIME] = RUNTIME_NAMES;

/** What a person may ask for, and how that is said. */
export const RUNTIME_CHOICES = [...RUNTIME_NAMES, 'auto'] as const;
export const RUNTIME_CHOICE = `${RUNTIME_NAMES.join(', ')} or auto`;

/** What runs a shared service, or a ticket's own server. */
export type Provider = 'compose' | 'embedded';

/** What the workloads of a runtime are like, as far as that is known without asking anything. */
export interface RuntimeTraits {
  /** What a person calls one of them. */
  readonly workload: 'container' | 'process';
  /** They are in the stack's network, in which each has a name, ports and a localhost of its own; the others are on this machine. */
  readonly network: boolean;
  /** They are made from an `image:` or `build:` and may have `volumes:`; the others need a `command:`. */
  readonly images: boolean;
  /** An engine keeps them: while it does not answer, they are there still and cannot be asked. */
  readonly engine: boolean;
}

/** From where an address is seen. */
export type Viewpoint = Pick<RuntimeTraits, 'network'>;

/** From where stack itself sees them. */
export const FROM_HOST: Viewpoint = { network: false };

/** The traits of each runtime. */
export const RUNTIMES: Readonly<Record<RuntimeName, RuntimeTraits>> = {
  docker: { workload: 'container', network: true, images: true, engine: true },
  process: { workload: 'process', network: false, images: false, engine: false },
};

/** The runtime that servers of a provider are workloads of. */
const PROVIDERS: Readonly<Record<Provider, RuntimeName>> = { compose: ENGINE_RUNTIME, embedded: HOST_RUNTIME };

/** A service, or a server. */
type Placed = { readonly runtime: RuntimeName } | { readonly provider: Provider };

/** Returns what runs a service or a server. */
export function runtimeOf(placed: Placed): RuntimeName {
  return 'runtime' in placed ? placed.runtime : PROVIDERS[placed.provider];
}

/** Returns the traits of what runs a service or a server. */
export function traitsOf(placed: Placed): RuntimeTraits {
  return RUNTIMES[runtimeOf(placed)];
}

/** Names one workload: a service of one instance of one root. Enough to find, stop and remove it. */
export interface WorkloadRef {
  /** 8 hex digits made from the root's path; keeps two roots on one machine apart. */
  readonly rootId: string;
  readonly stack: string;
  /** The ticket, or `baseline`. */
  readonly instance: string;
  readonly service: string;
  /** Unique on the machine: the container's name, or the key of the process record. */
  readonly name: string;
}

export interface PublishedPort {
  /** The key in the service's `ports:`. */
  readonly name: string;
  /** The leased port on this machine (127.0.0.1). */
  readonly host: number;
  /** The port inside a container; the lease itself for a host process. */
  readonly container: number;
}

/** All that is needed to run a service. Two specs with the same `hash` run the same way. */
export interface WorkloadSpec extends WorkloadRef {
  readonly root: string;
  readonly repo: string;
  /** Absolute path of the worktree or main checkout. Bind-mounted at `workingDir` and at this same path. */
  readonly source: string;
  /** Absolute path of the repo's git common directory; mounted at the same path so that git works inside. */
  readonly gitCommonDir: string | undefined;
  /** Folder of the repo the command runs in, relative to `source`; '' for the repo's top. */
  readonly dir: string;
  /** Where `source` is mounted in a container. */
  readonly workingDir: string;
  /** Image reference (pulled or built before). Docker runtime only. */
  readonly image: string | undefined;
  /** A string is a shell line, a list is an argv without a shell; undefined: the image's own command. */
  readonly command: string | readonly string[] | undefined;
  /** Filled in, from this workload's viewpoint. */
  readonly env: Readonly<Record<string, string>>;
  readonly ports: readonly PublishedPort[];
  /** Named volumes of this instance. */
  readonly volumes: readonly { readonly name: string; readonly target: string }[];
  /** The stack's network and this workload's names in it. Docker runtime only. */
  readonly network: string;
  readonly aliases: readonly string[];
  /** How much of what it prints is kept, in bytes; default `DEFAULT_LOG_BYTES`. */
  readonly logBytes?: number | undefined;
  /** What all its processes together may use at most; undefined: no limit. */
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  /** Hash of everything above that matters to the running thing; another hash means: make it again. */
  readonly hash: string;
}

/**
 * `starting` is between start and running (docker `created`/`restarting`); `paused` lives and does nothing (SIGSTOP, `docker
 * pause`); `exited` ended by itself, `stopped` was told to.
 */
export type WorkloadState = 'running' | 'starting' | 'paused' | 'stopped' | 'exited';

export interface WorkloadStatus {
  readonly instance: string;
  readonly service: string;
  readonly repo: string;
  readonly name: string;
  readonly runtime: RuntimeName;
  readonly ports: readonly PublishedPort[];
  readonly state: WorkloadState;
  readonly exitCode: number | undefined;
  readonly hash: string;
  /** What it is called in the stack's network: [] when it runs and is not in there; undefined where nobody has looked. */
  readonly aliases?: readonly string[] | undefined;
  /** Unix milliseconds of the last start, where known. */
  readonly startedAt: number | undefined;
  /** Unix milliseconds that lie between the former run's lines in the log and this one's, where known. */
  readonly logSince: number | undefined;
}

export interface LogLine {
  /** `stdout` for both where the runtime keeps one log, in the order things were printed. */
  readonly stream: 'stdout' | 'stderr';
  /** Without the line end. */
  readonly text: string;
  /** The line as it was printed, without the line feed, where it is not UTF-8 or ended with a carriage return too. */
  readonly bytes?: Uint8Array;
  /** Unix milliseconds of when it was printed, for who asks with `times`; undefined where nobody noted that. */
  readonly time?: number;
}

export interface LogOptions {
  readonly follow?: boolean;
  /** A follow gives what there is of an unfinished line too, and the whole line later, where the runtime can see it. */
  readonly partial?: boolean;
  /** How many of the newest lines to begin with; undefined: all. */
  readonly tail?: number;
  /** Unix milliseconds; lines before it are left out. Where nobody noted times all is given that may have come after it. */
  readonly since?: number;
  readonly times?: boolean;
  readonly signal?: AbortSignal;
}

/** The workload a command is run beside. `env`: what its host process was given; a container knows its own. */
export interface ExecTarget extends WorkloadRef {
  readonly env?: Readonly<Record<string, string>>;
  /** Folder for a command beside a host process that does not run; undefined: then there is none. */
  readonly cwd?: string;
}

export interface ExecOptions {
  /** True: stdin is a terminal, give the child one. */
  readonly tty: boolean;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly signal: AbortSignal;
  /** Laid over the workload's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What the processes of a workload that runs use together. */
export interface WorkloadUsage {
  readonly instance: string;
  readonly service: string;
  /** What its processes have had of processors since they began: two looks tell how busy it is. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** What a workload takes of the disk beside its source. */
export interface WorkloadDisk {
  readonly instance: string;
  readonly service: string;
  readonly bytes: number;
}

export type RuntimeCheck =
  | {
      readonly ok: true;
      readonly version: string;
      readonly where: string;
      /** Engines that were looked for before this one, and do not answer. */
      readonly silent?: readonly string[];
      /** Engines that there may be besides, which were not asked. */
      readonly others?: readonly string[];
    }
  | { readonly ok: false; readonly reason: string; readonly hint: string };

/** Returns the end of a sentence on an engine that names those that were looked for before it; '' where there are none. */
export function tellSilent(silent: readonly string[] = []): string {
  return silent.length > 0 ? `; no engine answers at ${silent.join(', ')}` : '';
}

/** Returns the end of a sentence on an engine that names what there may be besides it; '' where there is nothing. */
export function tellOthers(others: readonly string[] = []): string {
  return others.length > 0 ? `; another may be at ${others.join(', ')}` : '';
}

/** How a hint about an engine that does not answer ends. */
export const GO_WITHOUT = '; `runtime: process` in stack.yml does without';

/** Returns such a hint for what no runtime of a service helps, since all are processes already. */
export function keepToEngine(hint: string): string {
  return hint.replace(GO_WITHOUT, '');
}

/** A program of a running workload, as the system shows it. */
export interface Program {
  /** For people: `container x`, `pid 12 (node)`. */
  readonly name: string;
  /** The environment it really has, as far as it is shown. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables that were asked about and are not shown: each may hold anything, or not be there. */
  readonly unseen?: readonly string[];
  /** Ports of this machine that it listens on itself; undefined where that cannot be seen. */
  readonly ports: readonly number[] | undefined;
  /** Ports of this machine at which other machines reach it. */
  readonly open: readonly number[];
  /** Its names in the stack's network; undefined for a host process. */
  readonly aliases?: readonly string[];
}

/** One contract for everything that runs workloads; `test/contract` holds every runtime to it. */
export interface Runtime {
  readonly name: RuntimeName;
  /** Whether it can run anything here and now. Throws `interrupted` alone. */
  check(): Promise<RuntimeCheck>;
  /**
   * Makes and starts the workload. Running with the same hash: nothing happens. Another hash, or stopped: (re)made.
   * Throws `engine`/`process` when it cannot start, `port` (details `{port}`) when a published port is taken;
   * what was begun is removed before it throws.
   */
  start(spec: WorkloadSpec, signal: AbortSignal): Promise<void>;
  /** Ends it, keeps what is needed to see its logs and status. Missing or stopped: nothing happens. */
  stop(ref: WorkloadRef): Promise<void>;
  /** Ends it and removes all trace. Missing is done. */
  remove(ref: WorkloadRef): Promise<void>;
  /** Every workload of this root in one question to the outside; with `instance` only that one's, with `service` that one and all that is known of it. */
  status(rootId: string, instance?: string, service?: string): Promise<WorkloadStatus[]>;
  /** What the workloads of a root that run use now; what ends meanwhile, or cannot be looked at, is left out. */
  usage(rootId: string): Promise<WorkloadUsage[]>;
  /** What an engine keeps for the workloads of a root: containers and volumes, several lines of one where it has several. */
  disk?(rootId: string): Promise<WorkloadDisk[]>;
  /** Says why what a spec's `memoryBytes` and `cpus` say cannot be kept here, where a runtime may not be able to; undefined where it can. */
  explainLimits?(spec: WorkloadSpec): Promise<string | undefined>;
  /**
   * Calls back from when it begins to watch, and whenever something happens that may change the workload's status, until the signal. It
   * is a help and no promise: who waits asks now and then as well. Throws nothing but a fault in stack.
   */
  watch(ref: WorkloadRef, onChange: () => void, signal: AbortSignal): Promise<void>;
  /** Says why a workload may not be answering, where the runtime can see more than its state. */
  explain?(ref: WorkloadRef): Promise<string | undefined>;
  /** Says what of a workload that has ended keeps its port, where the runtime may lose sight of something. */
  explainAstray?(ref: Pick<WorkloadRef, 'instance' | 'service'>): Promise<string | undefined>;
  /**
   * Names the workloads of which something is alive, `name#…` for what `run` started, where `status` tells of those alone that
   * it has a record of.
   */
  listMarked?(): Promise<string[]>;
  /**
   * Returns the programs of a workload that runs: its container, or each of its processes. None when it does not run, or
   * where the system shows nothing. `asked` are the variables in question, with what each should hold: not every system shows all.
   */
  programs(ref: WorkloadRef, asked: Readonly<Record<string, string>>): Promise<Program[]>;
  logs(ref: WorkloadRef, options: LogOptions): AsyncIterable<LogLine>;
  /** Runs a command beside the running workload, in its folder and env. Returns its exit code. Throws `not-found` when it does not run. */
  exec(workload: ExecTarget, argv: readonly string[], options: ExecOptions): Promise<number>;
  /**
   * Runs one command to its end in a fresh copy of the workload's surroundings (setup commands): same source, env and user,
   * no published ports. Returns the exit code; leaves nothing behind, also when aborted.
   */
  run(
    spec: WorkloadSpec,
    command: string | readonly string[],
    onLine: (line: LogLine) => void,
    signal: AbortSignal,
  ): Promise<number>;
  /**
   * Ends what `run` began for a repo of an instance in a command of stack that was killed, where `remove` alone does not. None is
   * done. Throws `process`, `engine`.
   */
  endRuns?(of: { rootId: string; instance: string; repo: string }): Promise<void>;
}
