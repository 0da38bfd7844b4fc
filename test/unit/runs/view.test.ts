import { expect, it } from 'vitest';
import { renderRuns } from '../../../src/commands/common/run-table.ts';
import { describeCost, pickRecent, type RunView } from '../../../src/domain/runs/run.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');

function view(more: Partial<RunView>): RunView {
  return {
    ...{ id: '1', ticket: 'feat-01', name: 'worker', agent: 'sh', pid: null, state: 'exited', source: 'exit code' },
    ...{ since: '2026-11-28T11:00:00Z', text: null, exitCode: 0, cost: null, tmux: null, ...more },
  };
}

it('shows agents that live or have ended within a day, and the last one of each ticket', () => {
  const old = '2026-11-01T11:00:00Z';
  const runs = [
    view({ id: '1', since: old }),
    view({ id: '2', since: old, state: 'done' }),
    view({ id: '3' }),
    view({ id: '1', ticket: 'feat-02', since: old }),
    view({ id: '2', ticket: 'feat-02', since: old }),
  ];
  expect(pickRecent(runs, NOW).map(({ ticket, id }) => `${ticket} ${id}`)).toEqual([
    ...['feat-01 2', 'feat-01 3', 'feat-02 2'],
  ]);
});

const QUESTION = 'Which of these two?\n\n- the long one, which has all of the columns that there are\n- the short one';

it('shows a question of several lines as a whole, on a narrow terminal too', async () => {
  const runs = [view({ state: 'waiting', text: QUESTION }), view({ id: '2', name: 'other', text: 'all done' })];
  const wide = await renderRuns({ runs, hidden: 0 }, { color: false, columns: 120 });
  expect(wide).toContain(`feat-01: worker (run 1) asks:\n  ${QUESTION.replaceAll('\n', '\n  ').replace('  \n', '\n')}`);
  expect(wide).not.toContain('other (run 2)');
  const narrow = await renderRuns({ runs, hidden: 2 }, { color: false, columns: 60 });
  expect(narrow.split('\n').filter((line) => line.length > 60)).toEqual([]);
  expect(narrow).toMatch(/\n {2}- the long one, [^\n]* that there\n {2}are\n/);
  expect(narrow).toContain('feat-01: other (run 2) says:\n  all done');
  expect(narrow).toMatch(/\n2 more have ended: `stack runs --all` lists them$/);
});

it('says what an agent has reported of its cost', () => {
  expect(describeCost({ usd: 0.416, input: 12_345, output: 800 })).toBe('$0.42, 12k tokens in, 800 out');
  expect(describeCost({ usd: null, input: 1_250_000, output: null })).toBe('1.3M tokens in');
});
