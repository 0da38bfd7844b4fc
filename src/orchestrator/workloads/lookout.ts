/** How long a change may go unseen that nobody tells of: an engine may refuse to, or stop to. */
const LOOK_MS = 1000;

/** Says when to look at what runs: at once, after each change that is told of, and once a second. */
export interface Lookout {
  /** True when it is time for the next look, which is then taken as taken. Throws what the watch failed with. */
  isDue(): boolean;
  end(): void;
}

/** Opens a lookout on what `watch` tells of: it calls back from when it does so, since what was before is not told. */
export function openLookout(watch: (onChange: () => void, signal: AbortSignal) => Promise<void>): Lookout {
  const ending = new AbortController();
  let due = 0;
  let failure: { error: unknown } | undefined;
  const look = (): void => {
    due = 0;
  };
  watch(look, ending.signal).catch((error: unknown) => {
    failure = { error };
  });
  return {
    isDue() {
      if (failure) throw failure.error;
      const now = performance.now();
      if (now < due) return false;
      due = now + LOOK_MS;
      return true;
    },
    end: () => ending.abort(),
  };
}
