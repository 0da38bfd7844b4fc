// `npm run faults`: kills, failures, races and random walks, on real git and both runtimes, with a table of what passed; nasty names too.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';

const HELP = `npm run faults -- [--part matrix|races|walks|corners|engine|fuzz] [--seed N] [--whole] [--only TEXT] [--jobs N]

  --part   one part alone; may be repeated. Without it all but fuzz, which asks for 10,000 nasty names
  --seed   draw the cases of another run again: each run prints its seed
  --whole  every place in every step, in every scene (hours), not a draw in which each step has its turn
  --only   the cases with this in their title (": merge:"); of one command alone where it names one
  --jobs   worlds at once (default 4)
`;

const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: String((Date.now() % 1_000_000) + 1) },
    whole: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '4' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const checkout = path.resolve(import.meta.dirname, '../..');
const parts = values.part.length > 0 ? values.part : ['matrix', 'races', 'walks', 'corners', 'engine'];
const vitest = path.join(checkout, 'node_modules/vitest/vitest.mjs');
const started = performance.now();
const run = spawnSync(process.execPath, [vitest, 'run', ...parts.map((part) => `test/faults/${part}`)], {
  cwd: checkout,
  stdio: 'inherit',
  env: {
    ...process.env,
    STACK_FAULT_SEED: values.seed,
    STACK_FAULT_EXTENT: values.whole ? 'whole' : 'most',
    STACK_FAULT_ONLY: values.only,
    STACK_FAULT_JOBS: values.jobs,
  },
});
process.stdout.write(`seed ${values.seed}; ${Math.round((performance.now() - started) / 1000)} s\n`);
process.exit(run.status ?? 1);
