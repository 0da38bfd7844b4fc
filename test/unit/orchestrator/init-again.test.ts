import { describe, expect, it } from 'vitest';
import type { StackState } from '../../../src/domain/instance.ts';
import type { StackPlan } from '../../../src/orchestrator/init/detect/stack-plan.ts';
import { requireKept } from '../../../src/orchestrator/init/init.ts';
import { makeWork } from './ticket.ts';

const { record, baseline } = makeWork({ runtime: 'process', own: false, provider: 'embedded' });
const names = (...all: string[]) => all.map((name) => ({ name }));
const next = (repos: string[], services: string[]) =>
  ({ repos: names(...repos), services: names(...services) }) as unknown as StackPlan;
const state = (instances: StackState['instances']) => ({ instances, baseline }) as unknown as StackState;

describe('a new stack.yml', () => {
  it('is refused where it lacks what tickets have or borrow', () => {
    const used = state({ 'feat-01': record });
    expect(() => requireKept(next(['front', 'api'], ['front', 'api']), used)).toThrow(
      'the new stack.yml would not have worker, which tickets use: feat-01',
    );
    expect(() => requireKept(next(['front'], ['front', 'api', 'worker']), used)).toThrow('would not have api');
  });

  it('may lack anything where there is no ticket, and have more', () => {
    expect(() => requireKept(next([], []), state({}))).not.toThrow();
    const all = next(['front', 'api', 'docs'], ['front', 'api', 'worker', 'docs']);
    expect(() => requireKept(all, state({ 'feat-01': record }))).not.toThrow();
  });
});
