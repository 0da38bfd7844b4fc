import { StackError } from '../domain/errors.ts';
import { quoteForShell } from '../domain/shell.ts';
import { findFolder } from './common/ticket-folder.ts';
import type { Verb } from './common/verb.ts';
import { shellOf } from './completion/shell-init.ts';

export const cd: Verb<object, never> = {
  name: 'cd',
  summary: 'go into the folder of a ticket, or its worktree of a repo',
  args: '[ticket] [repo]',
  flags: [],
  examples: ['stack cd feat-02', 'stack cd feat-02 api'],
  completes: { tickets: true, repos: true },
  async run(context, { args }) {
    const { path } = await findFolder(context, args);
    const shell = shellOf(context.host.env);
    const line = shell === 'fish' ? 'stack shell-init fish | source' : `eval "$(stack shell-init ${shell})"`;
    throw new StackError('usage', 'a program cannot change the folder of your shell', {
      hint: `\`${line}\` in your shell’s startup file makes \`stack cd\` a part of it; now: cd ${quoteForShell(path)}`,
    });
  },
  render: () => '',
};
