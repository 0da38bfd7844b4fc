import { parseConfig } from '../../../src/domain/config/text.ts';
import { BASELINE, type InstanceRecord, type StackState } from '../../../src/domain/instance.ts';
import type { RuntimeName } from '../../../src/domain/runtime.ts';
import { layValues } from '../../../src/domain/values.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import { createWork, type Work } from '../../../src/orchestrator/core/work.ts';

/** The stack.yml below, as it is written. */
export const text = `
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
/** A front-end, and an API with a worker that tickets may borrow. */
export const config = parseConfig({ files: [{ path: 'stack.yml', text }], values: layValues() });

/** What a ticket is made of. */
export interface Shape {
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

/** Returns the work on a ticket; `stack` is laid over a stack that can be asked nothing. */
export function makeWork({ runtime, own, provider }: Shape, over: Partial<Stack> = {}): Work {
  const stack = {
    root: '/root',
    rootId: 'ab12cd34',
    name: 'shop',
    values: layValues(),
    env: {},
    ...over,
  } as unknown as Stack;
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
