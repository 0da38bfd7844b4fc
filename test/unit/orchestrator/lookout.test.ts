import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openLookout } from '../../../src/orchestrator/workloads/lookout.ts';

describe('a lookout', () => {
  it('is due at once, and again when something has happened', () => {
    let tell = (): void => undefined;
    const lookout = openLookout(async (onChange) => {
      tell = onChange;
    });
    expect([lookout.isDue(), lookout.isDue()]).toEqual([true, false]);
    tell();
    expect([lookout.isDue(), lookout.isDue()]).toEqual([true, false]);
  });

  it('throws a fault of the watch where it is asked, not outside of all', async () => {
    const lookout = openLookout(async () => {
      throw new TypeError('a fault');
    });
    await wait(0);
    expect(() => lookout.isDue()).toThrow('a fault');
  });
});
