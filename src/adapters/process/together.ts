/**
 * Returns a look at the whole machine that all share who want it at the same time: one is for all of them. It is as things were at
 * `since` (of `performance.now()`), which is now unless said otherwise, or later. Throws what `look` throws.
 */
export function lookTogether<Seen>(look: () => Promise<Seen>): (since?: number) => Promise<Seen> {
  let last: { begun: number; seen: Promise<Seen> } | undefined;
  /** The one that begins once the last has ended. */
  let next: Promise<Seen> | undefined;
  const begin = (): Promise<Seen> => {
    next = undefined;
    const begun = { begun: performance.now(), seen: look() };
    last = begun;
    // Who asks later tries for themselves.
    begun.seen.catch(() => {
      if (last === begun) last = undefined;
    });
    return begun.seen;
  };
  return async (since = performance.now()) => {
    if (last && last.begun >= since) return last.seen;
    // What runs already may have passed over what has come since.
    next ??= (last?.seen ?? Promise.resolve()).catch(() => undefined).then(begin);
    return next;
  };
}
