import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/domain/config/text.ts';
import { type Extent, listPredecessors, requireOrder, type Step, stepName } from '../../../src/domain/step.ts';
import { layValues } from '../../../src/domain/values.ts';
import { listTicketSteps } from '../../../src/orchestrator/steps/list.ts';
import { config, makeWork, type Shape, text } from './ticket.ts';

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

  it('set a repo up beside its data, unless the set-up may be what fills it', () => {
    const shape: Shape = { runtime: 'process', own: true, provider: 'embedded' };
    const data = ['embedded postgres', 'template postgres', 'database postgres'];
    const listAhead = (text: string, repo: string): string[] => {
      const files = [{ path: 'stack.yml', text }];
      const changed = { ...makeWork(shape), config: parseConfig({ files, values: layValues() }) };
      return listBefore(listTicketSteps(changed, changed.config, 'ready'), `setup ${repo}`);
    };
    const handed = text.replaceAll('command: x', 'command: x, env: { DB: "${postgres.url}" }');
    for (const [file, repo] of [
      [text, 'front'],
      [text, 'api'],
      [handed, 'api'],
    ] as const)
      expect(listAhead(file, repo).filter((name) => data.includes(name))).toEqual([]);
    expect(listAhead(handed, 'front')).toEqual(expect.arrayContaining(data));
  });
});
