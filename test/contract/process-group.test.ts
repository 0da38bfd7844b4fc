import { describe, expect, it } from 'vitest';
import { endGroup, endWhole, isGroupAlive } from '../../src/adapters/process/group.ts';
import { isRunning } from '../support/process-world.ts';
import { leaveMember } from '../support/processes.ts';
import { makeTemp } from '../support/temp.ts';

describe('a group whose leader has ended', () => {
  it.each([['endGroup', endGroup] as const, ['endWhole', endWhole] as const])(
    'lives while a member does, and is ended by %s',
    async (_, end) => {
      const { group, member } = await leaveMember();
      expect(await isGroupAlive(group)).toBe(true);
      await end(group);
      expect([await isGroupAlive(group), isRunning(member)]).toEqual([false, false]);
    },
  );

  it('is reached without a marker where it is a child of this very process', async () => {
    const { group, member } = await leaveMember({ isChild: true, name: '' });
    await endGroup(group);
    expect(isRunning(member)).toBe(false);
  });

  it('is left alone where it is somebody else’s', async () => {
    const { group, member } = await leaveMember({ name: 'another', cwd: makeTemp('elsewhere') });
    expect(await isGroupAlive(group)).toBe(false);
    await endWhole(group);
    expect(isRunning(member)).toBe(true);
  });
});
