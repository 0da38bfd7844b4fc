import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/domain/config/text.ts';
import { BASELINE, type InstanceRecord, type StackState } from '../../../src/domain/instance.ts';
import type { RuntimeName } from '../../../src/domain/runtime.ts';
import { type Extent, listPredecessors, requireOrder, type Step, stepName } from '../../../src/domain/step.ts';
import { layValues } from '../../../src/domain/values.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import { createWork, type Work } from '../../../src/orchestrator/core/work.ts';
import { listTicketSteps } from '../../../src/orchestrator/steps/list.ts';

const text = `
name: shop
shared: { postgres: {}, redis: {} }
repos:
  front: { path: front, setup: [npm ci] }
  api: { path: api, shared: true, setup: [npm ci], migrate: [npm run migrate] }
services:
  api: { repo: api, build: ., command: x, volumes: { data: /data } }
  worker: { repo: api, image: x, command: x, depends_on: [api] }
  front: { repo: front, image: x, command: x, depends_on: [api] }
`;
const config = parseConfig({ files: [{ path: 'stack.yml', text }], values: layValues() });

interface Shape {
  runtime: RuntimeName;
  /** The ticket has an API of its own. */
  own: boolean;
  provider: 'compose' | 'embedded';
}

function makeRecord(ticket: string, repos: readonly string[], runtime: RuntimeName): InstanceRecord {
  const names = Object.keys(config.services).filter((name) => repos.includes(config.services[name]?.repo ?? ''));
  return {
    ...{ ticket, argument: ticket, createdAt: '', phase: 'ready', started: true, folder: `/root/tickets/${ticket}` },
    repos: Object.fromEntries(
      Object.keys(config.repos).map((repo) => {
        if (!repos.includes(repo)) return [repo, { mode: 'shared' }];
        const git = { path: `/root/${repo}`, gitCommonDir: `/root/${repo}/.git`, worktree: `/root/tickets/t/${repo}` };
        const branch = { branch: ticket, ownsBranch: true, base: 'main', baseCommit: '' };
        return [repo, { mode: 'dedicated', ...git, ...branch, envFiles: ['.env.local'], copied: false, setUp: false }];
      }),
    ),
    services: Object.fromEntries(
      names.map((name) => {
        const docker = runtime === 'docker';
        const volumes = docker && name === 'api' ? { data: `${ticket}-data` } : {};
        const built = docker && name === 'api' && { builtImage: `${ticket}-api` };
        const repo = config.services[name]?.repo ?? '';
        return [name, { repo, runtime, workload: name, alias: name, ports: {}, volumes, ...built }];
      }),
    ),
  };
}

function makeWork({ runtime, own, provider }: Shape): Work {
  const stack = { root: '/root', rootId: 'ab12cd34', name: 'shop', values: layValues() } as unknown as Stack;
  const baseline = makeRecord(BASELINE, ['api'], runtime);
  const record = makeRecord('feat-01', own ? ['front', 'api'] : ['front'], runtime);
  if (own)
    record.own = {
      postgres: { as: 'database', database: 'shop_feat_01', from: 'shop' },
      redis: { as: 'number', number: 1 },
    };
  const shared: StackState['shared'] = { postgres: { port: 5433, provider }, redis: { port: 6380, provider } };
  return createWork({ stack, config, record, baseline, shared });
}

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
