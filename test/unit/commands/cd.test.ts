import { expect, it, vi } from 'vitest';
import { cd } from '../../../src/commands/cd.ts';
import type { Context } from '../../../src/context.ts';

vi.mock('../../../src/commands/common/ticket-folder.ts', () => ({
  findFolder: async () => ({ ticket: 'feat-01', path: '/my shop/tickets/feat-01' }),
}));

it('`cd` tells the line that a shell takes as it is', async () => {
  const context = { host: { env: {} } } as Context;
  const run = cd.run(context, { args: ['feat-01'], command: [], options: {}, from: {}, on: {} });
  await expect(run).rejects.toMatchObject({ hint: expect.stringMatching(/ now: cd '\/my shop\/tickets\/feat-01'$/) });
});
