import { describe, expect, it } from 'vitest';
import type { DedicatedRepo, InstanceRecord } from '../../../src/domain/instance.ts';
import { refuseOwnBranch, refuseStay, toCommand, toRequest } from '../../../src/orchestrator/change/recreate.ts';

const copy = (branch: string, base: string): DedicatedRepo => ({
  ...{ mode: 'dedicated', path: '/front', gitCommonDir: '/front/.git', worktree: '/tickets/fix-1/front', branch, base },
  ...{ ownsBranch: branch !== base, baseCommit: '', envFiles: [], copied: true, setUp: true },
});
const record: Pick<InstanceRecord, 'argument' | 'repos' | 'own'> = {
  argument: 'fix/1',
  repos: { front: copy('fix/1', 'feat/ui'), api: copy('feat/api', 'feat/api'), data: { mode: 'shared' } },
  own: { postgres: { as: 'database', database: 'shop_fix_1', from: 'shop' } },
};
const nothing = { request: { from: {}, on: {}, with: [] }, extent: 'ready' } as const;

describe('a ticket that is made again', () => {
  it('has the repos, bases and data that it had', () => {
    expect(toRequest(record, nothing)).toEqual({
      argument: 'fix/1',
      request: { from: { front: 'feat/ui' }, on: { api: 'feat/api' }, with: [] },
      own: ['postgres'],
      migrate: false,
      extent: 'ready',
      skipSetup: false,
    });
  });

  it('has what is said in the place of what it had, and beside it', () => {
    const request = { from: { api: 'main' }, on: { front: 'other' }, with: ['data'] };
    const asked = toRequest(record, { ...nothing, request, own: ['redis', 'postgres'] });
    expect(asked).toMatchObject({ request, own: ['postgres', 'redis'] });
  });

  it('is what a command line of create would make', () => {
    const request = { from: { front: "it's" }, on: { api: 'feat/api' }, with: ['data'] };
    const options = { ...toRequest(record, nothing), request, skipSetup: true, extent: 'started' } as const;
    expect(toCommand(options)).toBe(
      "stack create fix/1 --from-front='it'\\''s' --on-api=feat/api --with data --own postgres --no-setup --no-wait",
    );
  });

  it.each(['fix/1', 'refs/heads/fix/1', 'heads/fix/1', 'fix/1~2', 'fix/1^', 'fix/1@{1}'])(
    'does not start from its own branch, as in %s',
    (front) => {
      expect(() => refuseOwnBranch(record, { front })).toThrow('goes with the ticket');
    },
  );

  it.each(['fix/10', 'fix', 'origin/fix/1', 'HEAD'])('may start from %s', (front) => {
    expect(() => refuseOwnBranch(record, { front, api: 'feat/api' })).not.toThrow();
  });

  it('is told how the branch that goes with it can stay', () => {
    const ticket = { ...record, ticket: 'fix-1' };
    expect(() => refuseStay(ticket, { front: 'fix/1' })).toThrow('--on-front=fix/1: that branch goes with the ticket');
    expect(() => refuseStay(ticket, { front: 'fix/1' })).toThrow(
      expect.objectContaining({
        hint: expect.stringMatching(
          /^`stack destroy fix-1 --keep-branch` and then `stack create fix\/1 --on-front=fix\/1`/,
        ),
      }),
    );
    expect(() => refuseStay(ticket, { front: 'other', api: 'feat/api' })).not.toThrow();
  });
});
