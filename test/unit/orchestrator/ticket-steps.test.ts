import { describe, expect, it } from 'vitest';
import { type Extent, listPredecessors, requireOrder, type Step, stepName } from '../../../src/domain/step.ts';
import { listTicketSteps } from '../../../src/orchestrator/steps/list.ts';
import { config, makeWork, type Shape } from './ticket.ts';

const SHAPES = (['docker', 'process'] as const).flatMap((runtime) =>
  [true, false].flatMap((own) =>
    (['compose', 'embedded'] as const).map((provider): Shape => ({ runtime, own, provider })),
  ),
);

/** What stands, directly or by way of others, before a step that the list has. */
function listBefore(steps: readonly Step[], name: string): string[] {
  const found = steps.find(({ id }) => stepName(id) === name);
  const before = found ? listPredecessors(found).map(stepName) : [];
  return [...new Set(before.flatMap((one) => [one, ...listBefore(steps, one)]))];
}

describe('the steps of a ticket', () => {
  it.each(SHAPES)('are in a sound order, each once: %o', (shape) => {
    for (const extent of ['files', 'started', 'ready'] satisfies Extent[]) {
      const steps = listTicketSteps(makeWork(shape), config, extent);
      expect(() => requireOrder(steps)).not.toThrow();
      const names = steps.map(({ id }) => stepName(id));
      expect(names).toEqual([...new Set(names)]);
    }
  });

  it('tell the baseline’s services from those of the ticket', () => {
    const steps = listTicketSteps(makeWork({ runtime: 'docker', own: false, provider: 'compose' }), config, 'ready');
    const names = steps.map(({ id }) => stepName(id));
    expect(names).toEqual(expect.arrayContaining(['baseline workload api', 'workload front', 'shared services']));
    expect(names).not.toContain('workload api');
    expect(listBefore(steps, 'workload front')).toContain('baseline ready api');
    expect(listBefore(steps, 'baseline workload worker')).toEqual(
      expect.arrayContaining(['baseline ready api', 'baseline image worker', 'shared services', 'network']),
    );
  });

  it('make a service last of all that is its own', () => {
    const steps = listTicketSteps(makeWork({ runtime: 'docker', own: true, provider: 'compose' }), config, 'ready');
    expect(listBefore(steps, 'ready worker')).toEqual(
      expect.arrayContaining([
        ...[
          'folder',
          'worktree api',
          'copy api',
          'env-file api',
          'setup api',
          'migrate api',
          'volumes api',
          'image api',
        ],
        ...['network', 'shared services', 'template postgres', 'database postgres', 'database redis', 'ready api'],
      ]),
    );
  });
});
