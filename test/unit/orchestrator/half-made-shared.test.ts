import { describe, expect, it } from 'vitest';
import type { DockerEngine } from '../../../src/adapters/docker/docker.ts';
import { StackError } from '../../../src/domain/errors.ts';
import type { SharedLease } from '../../../src/domain/instance.ts';
import type { StepProgress } from '../../../src/domain/step.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import { examineLeases } from '../../../src/orchestrator/doctor/leases.ts';
import { leaseShared, planShared } from '../../../src/orchestrator/shared/plan.ts';
import { sharedStep } from '../../../src/orchestrator/steps/shared.ts';
import { config, makeWork } from './ticket.ts';

const container = {
  ...{ id: 'x', name: 'shop-postgres-1', service: 'postgres', state: 'healthy' },
  ...{ networks: ['stack-shop-ab12cd34'], ports: [] },
};
const gone = (): never => {
  throw new StackError('engine', 'no Docker engine answers');
};

/** A root with a lease on Postgres, whose engine `answers` so many questions before it is gone. */
function makeRoot(lease: Partial<SharedLease>, { answers }: { answers: number }) {
  const shared: Record<string, SharedLease> = { postgres: { port: 5432, provider: 'compose', ...lease } };
  const state = { shared, instances: {}, baseline: undefined };
  let left = answers;
  const docker = {
    listProject: async () => [container],
    listProjectVolumes: async () => [],
    listProjectNetworks: async () => [],
  } as unknown as DockerEngine;
  const stack: Partial<Stack> = {
    root: '/nowhere',
    packageRoot: '/nowhere',
    config: async () => config,
    docker: async () => (left-- > 0 ? docker : gone()),
    checkEngine: async () => (left > 0 ? ({ ok: true } as never) : { ok: false, reason: 'gone', hint: '' }),
    ownPasswords: async () => false,
    hostServer: async () => ({ status: async () => ({ state: 'stopped' }) }) as never,
    readCompose: async () => ({ data: {}, services: {}, sources: [], unseen: [] }) as never,
    store: { read: async () => state, update: async (edit: (draft: unknown) => unknown) => edit(state) } as never,
    ports: { others: async () => [] } as never,
  };
  const work = { ...makeWork({ runtime: 'process', own: false, provider: 'compose' }, stack), shared };
  return { state, shared, work, stack: work.stack };
}

const progress: StepProgress = { signal: new AbortController().signal, note: () => undefined };

describe('shared services whose engine ends while they are made', () => {
  it('run without an engine next, since nothing of anybody is in there', async () => {
    const { work, shared, state, stack } = makeRoot({ fresh: true }, { answers: 1 });
    const step = sharedStep(work, ['postgres']);
    await expect(step.apply(progress)).rejects.toThrow('no Docker engine answers');
    await expect(step.revert()).rejects.toThrow('no Docker engine answers');
    expect(shared.postgres?.fresh).toBe(true);
    expect(await planShared(stack, config, state as never)).toMatchObject({ postgres: 'embedded' });
    await leaseShared(stack, config, state as never, { providers: { postgres: 'embedded' } });
    expect(shared.postgres).toMatchObject({ port: 5432, provider: 'embedded', leftInEngine: true });
  });

  it('stay with the engine once they were ready in it', async () => {
    const { state, stack } = makeRoot({}, { answers: 0 });
    expect(await planShared(stack, config, state as never)).toMatchObject({ postgres: 'compose', redis: 'embedded' });
  });

  it('are looked at again by the next command, although all of them run', async () => {
    const inspect = (lease: Partial<SharedLease>) =>
      sharedStep(makeRoot(lease, { answers: 9 }).work, ['postgres']).inspect();
    expect(await inspect({ fresh: true })).toEqual({ different: 'postgres was not ready yet' });
    expect(await inspect({})).toBe('present');
  });

  it('are named by doctor where they run without an engine since', async () => {
    const look = (lease: Partial<SharedLease>, answers: number) => {
      const { stack, state } = makeRoot(lease, { answers });
      return examineLeases(stack, state as never);
    };
    const left = { provider: 'embedded', leftInEngine: true } as const;
    expect(await look(left, 9)).toEqual([
      expect.objectContaining({
        ok: false,
        text: expect.stringContaining('the container shop-postgres-1 of it is left'),
      }),
    ]);
    expect(await look(left, 0)).toEqual([]);
    expect(await look({ provider: 'embedded' }, 9)).toEqual([]);
    expect(await look({ provider: 'compose' }, 9)).toEqual([]);
  });
});
