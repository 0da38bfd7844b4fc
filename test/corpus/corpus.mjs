// `npm run corpus`: runs `init` on every product of the corpus, and prints the lines that a person must change.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';

const HELP = `npm run corpus -- [--record] [--only TEXT]

  --record   keep the figures in test/corpus/figures.json and docs/init.md; refused where a line became worse
  --only     products with this in their name
`;

const { values } = parseArgs({
  options: {
    record: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const checkout = path.resolve(import.meta.dirname, '../..');
const vitest = path.join(checkout, 'node_modules/vitest/vitest.mjs');
const run = spawnSync(process.execPath, [vitest, 'run', '--project', 'quick', 'test/git/corpus.test.ts'], {
  cwd: checkout,
  stdio: 'inherit',
  env: {
    ...process.env,
    STACK_CORPUS: values.record ? 'record' : 'print',
    STACK_CORPUS_ONLY: values.only,
  },
});
process.exit(run.status ?? 1);
