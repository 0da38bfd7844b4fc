import { afterEach } from 'vitest';
import type { Run } from './product.ts';

const SHOWN = 3;
const runs: string[] = [];

/** Keeps what a run of the bin said, for the report of a test that fails: an assertion shows no more than its exit code. */
export function noteRun(args: readonly string[], { code, stderr }: Run): void {
  runs.push(`stack ${args.join(' ')}: ${code}\n${stderr}`);
}

afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.error(['the last runs were', ...runs.slice(-SHOWN)].join('\n\n'));
  runs.length = 0;
});
