import { renderTable } from '../../src/ui/table.ts';
import type { Outcome } from './matrix.ts';

const POINTS = ['before', 'inside', 'after'] as const;

/** Returns the table of a run: for each command and each place how many cases passed, and the sums. */
export function renderOutcomes(scene: string, seed: number, outcomes: readonly Outcome[]): string {
  const subjects = [...new Set(outcomes.map(({ subject }) => subject))];
  const rows = subjects.map((subject) => {
    const own = outcomes.filter((one) => one.subject === subject);
    const parts = new Set(own.map(({ part }) => part)).size;
    return [subject, `${parts}`, ...POINTS.map((point) => renderCount(own.filter((one) => one.point === point)))];
  });
  const kills = outcomes.reduce((sum, { kills: own }) => sum + own, 0);
  const table = renderTable(['Command', 'Parts', ...POINTS.map((point) => `${point} it`)], rows, {
    color: false,
    columns: 200,
  });
  return `${table}\n${scene}: ${renderCount(outcomes)} cases, ${kills} of them kills; seed ${seed}`;
}

/** `12/12 passed`: the second is how many there were. */
function renderCount(outcomes: readonly Outcome[]): string {
  const passed = outcomes.filter(({ problems }) => problems.length === 0).length;
  return outcomes.length === 0 ? '-' : `${passed}/${outcomes.length} passed`;
}
