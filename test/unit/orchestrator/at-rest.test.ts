import { describe, expect, it } from 'vitest';
import type { Runtime } from '../../../src/domain/runtime.ts';
import type { ServiceView } from '../../../src/domain/view.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import { pickReason, tellAtRest } from '../../../src/orchestrator/status/at-rest.ts';
import type { View } from '../../../src/orchestrator/status/problems.ts';
import { makeWork } from './ticket.ts';

const CRASH = [
  'up',
  '/app/server.js:1',
  'Error: out of memory',
  '    at run (/app/server.js:1)',
  '',
  'Node.js v20.20.0',
];

describe('what ps says of services that do not run', () => {
  const tell = async (
    services: Record<string, Partial<ServiceView>>,
    { log = CRASH, baseline = false }: { log?: string[]; baseline?: boolean } = {},
  ): Promise<string[]> => {
    const runtime: Partial<Runtime> = {
      async *logs() {
        for (const text of log) yield { stream: 'stdout', text };
      },
    };
    const stack: Partial<Stack> = { runtime: async () => runtime as Runtime };
    const work = makeWork({ runtime: 'process', own: true, provider: 'embedded' }, stack);
    const view = { stack: work.stack, observed: { workloads: new Map() } } as unknown as View;
    const record = baseline ? work.baseline : work.record;
    return tellAtRest(view, record!, services as Record<string, ServiceView>);
  };
  const running = { status: 'running' } as const;

  it('is how one ended, what it said of it, and how it is started', async () => {
    const end = 'ended (exit 9): Error: out of memory · stack';
    const ended = { status: 'exited', exitCode: 9 } as const;
    expect(await tell({ front: ended, api: running })).toEqual([`front ${end} start feat-01`]);
    expect(await tell({ front: ended })).toEqual([`front ${end} start feat-01`]);
    expect(await tell({ api: ended }, { baseline: true })).toEqual([`api (baseline) ${end} up`]);
    expect(await tell({ front: ended }, { log: [] })).toEqual(['front ended (exit 9) · stack start feat-01']);
  });

  it('is that one was stopped where others run', async () => {
    const stopped = { status: 'stopped' } as const;
    expect(await tell({ front: stopped, api: running })).toEqual(['front is stopped · stack start feat-01 front']);
    expect(await tell({ front: { status: 'starting' }, api: running })).toEqual(['front is starting']);
    expect(await tell({ front: stopped, api: stopped })).toEqual([]);
    expect(await tell({ api: running, worker: stopped }, { baseline: true })).toEqual([]);
  });

  it('is that one was killed where others were not', async () => {
    const killed = { status: 'exited', exitCode: 137 } as const;
    expect(await tell({ front: killed, api: killed })).toEqual([]);
    expect(await tell({ front: killed, api: running })).toEqual([expect.stringContaining('front ended (exit 137)')]);
  });

  it('names the last line that tells of an error, without colours and passwords', () => {
    expect(pickReason(['Traceback (most recent call last):', '  File "a.py"', 'ValueError: bad', ''])).toBe(
      'ValueError: bad',
    );
    expect(pickReason(['\u001b[31merror\u001b[0m at postgres://me:secret@h/x', 'bye'])).toBe(
      'error at postgres://me:***@h/x',
    );
    expect(pickReason(['all errors are gone', 'bye  '])).toBe('bye');
    expect(pickReason(['x'.repeat(500)])).toMatch(/^x{159}…$/);
  });
});
