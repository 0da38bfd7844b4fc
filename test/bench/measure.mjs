// Times whole processes, interleaved, and prints medians and ratios against a floor that was taken in the same run.
import { spawnSync } from 'node:child_process';

export const ROUNDS = Number(process.env.STACK_BENCH_ROUNDS ?? 10);

function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs a command to its end; milliseconds. Throws when it fails: a fast failure is no result. */
export function timeCommand(command, args, options = {}) {
  const started = performance.now();
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const ms = performance.now() - started;
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status}\n${result.stderr}`);
  return ms;
}

/** Takes each sampler once a round, in turn, so that a slow minute of the machine hits all alike. */
export async function interleave(samplers, rounds = ROUNDS) {
  const samples = Object.fromEntries(Object.keys(samplers).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, sample] of Object.entries(samplers)) {
      const ms = await sample(round);
      // The first round warms caches and is not counted.
      if (round >= 0) samples[name].push(ms);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
}
