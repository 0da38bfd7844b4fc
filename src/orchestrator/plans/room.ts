import { pause } from '../../adapters/pause.ts';
import { isForRoom, type StackError, throwIfAborted } from '../../domain/errors.ts';

/** So often somebody who waits for room looks whether there is any. */
const ROOM_MS = 3000;

/**
 * Returns what `work` returns, once `limits:` of stack.yml let it. `tell` is told of the first refusal, and of nothing once there is room
 * after one. Throws `interrupted`, and what the work throws.
 */
export async function whenRoom<Result>(
  signal: AbortSignal,
  tell: (refusal: StackError | undefined) => Promise<void>,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let isWaiting = false; ; isWaiting = true) {
    const tried = await unlessFull(work);
    if ('result' in tried) {
      if (isWaiting) await tell(undefined);
      return tried.result;
    }
    if (!isWaiting) await tell(tried.refusal);
    await pause(ROOM_MS, signal);
    throwIfAborted(signal);
  }
}

async function unlessFull<Result>(work: () => Promise<Result>): Promise<{ result: Result } | { refusal: StackError }> {
  try {
    return { result: await work() };
  } catch (error) {
    if (!isForRoom(error)) throw error;
    return { refusal: error };
  }
}
