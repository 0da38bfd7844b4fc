import { setTimeout as wait } from 'node:timers/promises';
import { tolerate } from '../domain/errors.ts';

/** Waits for so many milliseconds, or until the signal is aborted, which whoever waits asks for itself. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await tolerate(wait(milliseconds, undefined, signal && { signal }), 'ABORT_ERR');
}
