import { withLock } from '../../adapters/lock.ts';
import { prepareStateFolder } from '../../adapters/state/store.ts';
import { roomLockOf, stateFolder } from '../../domain/layout.ts';
import type { Stack } from './stack.ts';

/** Each waits for those before it, which look at the runtimes and write the state. */
const WAIT_SECONDS = 300;

/**
 * Returns what `work` returns: it counts what runs against `limits:` and records one more. Nobody else of the root does so meanwhile.
 * Throws `confirm`, `busy`, `interrupted`, `files`.
 */
export async function holdRoom<Result>(stack: Stack, work: () => Promise<Result>): Promise<Result> {
  await stack.store.requireBelieved();
  await prepareStateFolder(stateFolder(stack.root));
  return withLock(roomLockOf(stack.root), work, { signal: stack.signal, waitSeconds: WAIT_SECONDS });
}
