import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { throwIfAborted } from '../../domain/errors.ts';
import { explainFileError } from '../files/file-errors.ts';
import { makePersonFolder } from '../files/person-folder.ts';
import { type HeldLock, withLock } from '../lock.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** How long to wait for another command that fetches the same, in seconds. */
const WAIT_SECONDS = 900;

/** With what the programs of a server are looked for. */
export interface ProgramSearch {
  /** The environment with the `PATH` to look in. */
  env: Env;
  /** Folder of this person where a fetched server is kept, e.g. `~/.cache/stack`. */
  cacheFolder: string;
  /** Takes what goes on while a server is fetched. */
  note?: ((text: string) => void) | undefined;
  signal: AbortSignal;
}

/** What a program came to. */
interface Ended {
  /** Undefined when it could not be started, or a signal ended it. */
  exitCode: number | undefined;
  /** Why it could not be started: `ENOENT`. */
  code: string | undefined;
  stdout: string;
  stderr: string;
}

/** The place in which something is made before it is moved to where it belongs. */
export interface Workshop {
  folder: string;
  /** Runs a program in `cwd`, which is the folder unless said otherwise. Throws `interrupted`. */
  run(argv: readonly string[], options?: { cwd?: string; env?: Record<string, string> }): Promise<Ended>;
}

/**
 * Makes a folder of the cache that `isWhole` does not find there: `make` builds it in a workshop and returns its path, and it
 * is moved into place as it is. Of several commands one makes it and the others wait; what a killed one left is cleared away.
 * Throws `files`, `busy`, `interrupted`, and what `make` throws.
 */
export async function fetchOnce(
  { folder, what, isWhole }: { folder: string; what: string; isWhole: () => boolean },
  { env, note, signal }: ProgramSearch,
  make: (workshop: Workshop) => Promise<string>,
): Promise<void> {
  if (isWhole()) return;
  await makePersonFolder(env, path.dirname(folder), 'XDG_CACHE_HOME');
  const onWait = (holder: string): void => note?.(`waiting for ${holder}, which fetches ${what}`);
  await withLock(
    `${folder}.lock`,
    async ({ addHelper }) => {
      if (isWhole()) return;
      note?.(`fetching ${what}`);
      const start = `${path.basename(folder)}.new-`;
      await sweep(path.dirname(folder), start);
      // Each has a name of its own: what a killed command has started may still write to the old one.
      const workshop = await mkdtemp(path.join(path.dirname(folder), start));
      try {
        const made = await make({
          folder: workshop,
          run: (...args) => run(args, workshop, { env, signal, addHelper }),
        });
        await rm(folder, { recursive: true, force: true });
        await rename(made, folder);
      } catch (error) {
        throw explainFileError(error, `put ${what} into ${folder}`);
      } finally {
        await rm(workshop, { recursive: true, force: true });
      }
    },
    { signal, waitSeconds: WAIT_SECONDS, onWait },
  );
}

/** What stays is in nobody's way, and goes the next time. */
async function sweep(cache: string, start: string): Promise<void> {
  const left = (await readdir(cache)).filter((name) => name.startsWith(start));
  await Promise.all(
    left.map((name) => rm(path.join(cache, name), { recursive: true, force: true }).catch(() => undefined)),
  );
}

/** The lock holds until the program has ended, should this process be killed. */
async function run(
  [[program = '', ...args], { cwd, env: more } = {}]: Parameters<Workshop['run']>,
  folder: string,
  { env, signal, addHelper }: Pick<ProgramSearch, 'env' | 'signal'> & HeldLock,
): Promise<Ended> {
  const child = execa(program, args, {
    cwd: cwd ?? folder,
    env: { ...env, ...more },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    cancelSignal: signal,
  });
  const forget = child.pid === undefined ? undefined : addHelper({ pid: child.pid, name: '' });
  const { exitCode, code, stdout, stderr } = await child;
  forget?.();
  throwIfAborted(signal);
  return { exitCode, code, stdout, stderr };
}
