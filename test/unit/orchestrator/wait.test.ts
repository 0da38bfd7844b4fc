import { describe, expect, it } from 'vitest';
import type { RunState, RunView } from '../../../src/domain/runs/run.ts';
import { pickAwaited, type Seen } from '../../../src/orchestrator/status/wait.ts';

const run = (id: string, state: RunState): RunView => ({
  ...{ id, state, ticket: 'feat-01', name: id, agent: 'sh', pid: null, since: '', source: 'system' },
  ...{ text: null, exitCode: null, cost: null, tmux: null },
});

describe('the agents that a wait is for', () => {
  it('are those that have lived since it began, also once they have ended', () => {
    const seen: Seen = new Map();
    pickAwaited([run('old', 'exited'), run('one', 'working'), run('two', 'working')], 'feat-01', seen);
    const later = [run('old', 'exited'), run('one', 'exited'), run('two', 'working'), run('three', 'working')];
    expect(pickAwaited(later, 'feat-01', seen).map(({ id }) => id)).toEqual(['one', 'two', 'three']);
  });

  it('are the last one where none lives, and none in a ticket without', () => {
    const ended = [run('one', 'exited'), run('two', 'exited')];
    expect(pickAwaited(ended, 'feat-01', new Map()).map(({ id }) => id)).toEqual(['two']);
    expect(pickAwaited([], 'feat-01', new Map())).toEqual([]);
  });
});
