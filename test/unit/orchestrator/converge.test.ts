import { describe, expect, it } from 'vitest';
import type { Step } from '../../../src/domain/step.ts';
import { converge } from '../../../src/orchestrator/core/converge.ts';
import type { ForwardResult } from '../../../src/orchestrator/core/run.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import { createWork, type Work } from '../../../src/orchestrator/core/work.ts';

function makeWork(): Work {
  const stack = { emit: () => undefined, signal: new AbortController().signal } as unknown as Stack;
  return createWork({ stack, record: { ticket: 'feat-01' } } as unknown as Parameters<typeof createWork>[0]);
}

/** A step that is never there, and does `apply` each time. */
function makeStep(service: string, apply: () => void): Step {
  return {
    ...{ id: { kind: 'workload', of: service }, subject: service, title: 'process', after: [] },
    inspect: async () => 'absent',
    apply: async () => apply(),
    revert: async () => undefined,
  };
}

describe('a list of steps', () => {
  it('is applied once more where a lease moved on the way', async () => {
    const work = makeWork();
    let runs = 0;
    const list = (): Step[] => [
      makeStep('api', () => {
        runs += 1;
        if (runs === 1) work.leases.moved.add('api');
      }),
    ];
    expect(await converge(work, list, { unwind: async ({ error }) => error })).toBeUndefined();
    expect(runs).toBe(2);
  });

  it('fails with the name of a lease that moves each time, and unwinds what all passes made', async () => {
    const work = makeWork();
    let pass = 0;
    const list = (): Step[] => {
      pass += 1;
      return [makeStep(`api ${pass}`, () => work.leases.moved.add('api'))];
    };
    let unwound: ForwardResult | undefined;
    const error = await converge(work, list, {
      async unwind(run) {
        unwound = run;
        return run.error;
      },
    });
    expect(error).toMatchObject({ code: 'port', message: expect.stringContaining('api'), hint: expect.any(String) });
    expect(unwound?.made.map(({ id }) => id.of)).toEqual(['api 1', 'api 2', 'api 3']);
  });

  it('unwinds what earlier passes made when a later one fails', async () => {
    const work = makeWork();
    let pass = 0;
    const list = (): Step[] => {
      pass += 1;
      const fail = pass === 2;
      return [
        makeStep(`api ${pass}`, () => {
          if (fail) throw new Error('broken');
          work.leases.moved.add('api');
        }),
      ];
    };
    let made: string[] = [];
    await converge(work, list, {
      async unwind(run) {
        made = run.made.flatMap(({ id }) => id.of ?? []);
        return run.error;
      },
    });
    expect(made).toEqual(['api 1', 'api 2']);
  });
});
