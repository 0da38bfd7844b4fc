import { findFolder, type TicketFolder } from './common/ticket-folder.ts';
import type { Verb } from './common/verb.ts';

export const path: Verb<object, TicketFolder> = {
  name: 'path',
  summary: 'print the folder of a ticket, or of its worktree of a repo',
  args: '[ticket] [repo]',
  flags: [],
  examples: ['cd "$(stack path feat-02)"', 'code "$(stack path feat-02 api)"'],
  completes: { tickets: true, repos: true },
  run: (context, { args }) => findFolder(context, args),
  render: ({ path: folder }) => folder,
};
