/** How long a change may go unseen that nobody tells of: an engine may refuse to, or stop to. */
const LOOK_MS = 1000;

/** Says when to look at what runs: after each change that is told of, and once a second. */
export interface Lookout {
  /** True when it is time for the next look, which is then taken as taken. */
  isDue(): boolean;
  end(): void;
}

/** Opens a lookout on what `watch` tells of: it calls back from when it does so, since what was before is not told. */
export function openLookout(watch: (onChange: () => void, signal: AbortSignal) => Promise<void>): Lookout {
  const ending = new AbortController();
  let due = performance.now() + LOOK_MS;
  void watch(() => {
    due = 0;
  }, ending.signal);
  return {
    isDue() {
      const now = performance.now();
      if (now < due) return false;
      due = now + LOOK_MS;
      return true;
    },
    end: () => ending.abort(),
  };
}
