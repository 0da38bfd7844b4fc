import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/** Asks until the answer is neither undefined, false nor an error, and gives it. Throws the last error after `seconds`. */
export async function until<T>(
  what: string,
  ask: () => Promise<T> | T,
  seconds = 60,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false)
        return answer as Exclude<T, false | null | undefined>;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw failure ?? new Error(`not within ${seconds} s: ${what}`);
    await delay(POLL_MS);
  }
}
