import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderPreview, toPreview } from '../../../src/commands/create.ts';
import type { StackConfig } from '../../../src/domain/config/config.ts';
import type { Runtime, WorkloadStatus } from '../../../src/domain/runtime.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import type { Work } from '../../../src/orchestrator/core/work.ts';
import { findProblems, type View } from '../../../src/orchestrator/status/problems.ts';
import { readyStep } from '../../../src/orchestrator/steps/ready.ts';
import { workloadStep } from '../../../src/orchestrator/steps/workload.ts';
import { buildSpec } from '../../../src/orchestrator/workloads/spec.ts';
import { config, makeWork } from './ticket.ts';

/** A process runtime that knows one workload at most. */
function makeWorld(root = '/root') {
  const world: { found: Partial<WorkloadStatus> | undefined; log: string[]; done: string[] } = {
    found: undefined,
    log: [],
    done: [],
  };
  const runtime: Partial<Runtime> = {
    watch: async (_, onChange) => onChange(),
    status: async () => (world.found ? [{ service: 'front', name: 'front', ...world.found } as WorkloadStatus] : []),
    async start() {
      world.done.push('start');
    },
    async remove() {
      world.done.push('remove');
    },
    async *logs() {
      for (const text of world.log) yield { stream: 'stdout', text };
    },
  };
  const stack: Partial<Stack> = { root, runtime: async () => runtime as Runtime };
  const work = makeWork({ runtime: 'process', own: false, provider: 'embedded' }, stack);
  return { world, work };
}

const progress = { signal: new AbortController().signal, note: () => undefined };

/** stack.yml with something of the front-end changed. */
function changeFront(change: Partial<StackConfig['services'][string]>): StackConfig {
  const { front } = config.services;
  return { ...config, services: { ...config.services, ...(front && { front: { ...front, ...change } }) } };
}

async function running(work: Work): Promise<Partial<WorkloadStatus>> {
  return { state: 'running', hash: (await buildSpec(work, 'front')).hash };
}

describe('a second look at a service', () => {
  it('says the same as the first where its worktree was made again, until it is started', async () => {
    const { world, work } = makeWorld();
    world.found = await running(work);
    work.needsRecreate.add('front');
    const step = workloadStep(work, 'front', []);
    const different = { different: 'its worktree is a new one' };
    expect([await step.inspect(), await step.inspect()]).toEqual([different, different]);
    await step.apply(progress);
    expect(world.done).toEqual(['remove', 'start']);
    expect(await step.inspect()).toBe('present');
  });

  it('names all that is not as wanted', async () => {
    const { world, work } = makeWorld();
    const step = workloadStep(work, 'front', []);
    expect(await step.inspect()).toBe('absent');
    world.found = { ...(await running(work)), state: 'stopped' };
    expect(await step.inspect()).toEqual({ different: 'it was stopped' });
    const later = { ...work, config: changeFront({ command: 'y', image: 'y' }) };
    expect(await workloadStep(later, 'front', []).inspect()).toEqual({
      different: 'changed: image, command, it was stopped',
    });
  });

  it('does not look through a log for good: what was seen there is noted by the wait alone', async () => {
    const root = mkdtempSync(path.join(tmpdir(), 'stack-inspect-'));
    try {
      const { world, work } = makeWorld(root);
      const asking = { ...work, config: changeFront({ ready: { log: 'up and well', timeoutSeconds: 5 } }) };
      world.found = { ...(await running(work)), startedAt: 1 };
      world.log = ['up and well'];
      const step = readyStep(asking, 'front');
      expect([await step.inspect(), await step.inspect()]).toEqual(['absent', 'absent']);
      expect(existsSync(path.join(root, '.stack'))).toBe(false);
      await step.apply(progress);
      world.log = [];
      expect(await step.inspect()).toBe('present');
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

describe('what is not as wanted', () => {
  it('is told with the reason by create --dry-run', async () => {
    const { world, work } = makeWorld();
    world.found = await running(work);
    const step = workloadStep({ ...work, config: changeFront({ env: { MORE: 'x' } }) }, 'front', []);
    const preview = toPreview({ record: work.record, steps: [[step, await step.inspect()]] });
    expect(preview.steps).toEqual([
      { id: 'workload front', subject: 'front', title: 'process', state: 'different', reason: 'changed: env' },
    ]);
    expect(renderPreview(preview, { columns: undefined })).toContain('1. front  process (changed: env)');
  });

  it.each([
    ['the settings that changed', undefined, 'changed: env'],
    ['settings, where an older version made it', 'a1b2c3d4e5f6', 'changed: settings'],
  ])('is told with the reason by ps: %s', async (_, hash, reason) => {
    const { work } = makeWorld();
    const found = { ...(await running(work)), name: 'front', ...(hash !== undefined && { hash }) } as WorkloadStatus;
    const nothing = { shared: new Map(), servers: new Map(), lost: new Map() };
    const observed = { ...nothing, workloads: new Map([['feat-01/front', found]]), answered: new Set(['process']) };
    const state = { instances: {}, shared: work.shared, baseline: work.baseline };
    const view = { stack: work.stack, config: changeFront({ env: { MORE: 'x' } }), state, observed } as unknown as View;
    expect((await findProblems(view, work.record)).noted).toEqual([
      `front runs as stack.yml had it before (${reason}): \`stack start feat-01\` makes it again`,
    ]);
  });
});
