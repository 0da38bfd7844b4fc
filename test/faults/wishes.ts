/** How much of the faults a run takes on; `npm run faults -- --help` tells of the flags behind them. */
export interface Wishes {
  /** The same seed draws the same cases. */
  seed: number;
  /** `part`: a few cases of every command, as in `npm run verify`; `most`: a draw in which every step has its turn; `whole`: every place in every step. */
  extent: 'part' | 'most' | 'whole';
  /** Only cases with this in their title. */
  only: string | undefined;
  /** How many worlds at once. */
  jobs: number;
}

/** Reads the wishes that `faults.mjs` puts into the environment; without them a run is the part for `npm run verify`. */
export function readWishes(env: Readonly<Record<string, string | undefined>> = process.env): Wishes {
  const seed = Number(env.STACK_FAULT_SEED);
  return {
    seed: Number.isInteger(seed) && seed > 0 ? seed : 1,
    extent: (env.STACK_FAULT_EXTENT ?? 'part') as Wishes['extent'],
    only: env.STACK_FAULT_ONLY || undefined,
    jobs: Number(env.STACK_FAULT_JOBS ?? 3),
  };
}
