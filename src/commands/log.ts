import { EXIT_CODES } from '../domain/errors.ts';
import type { TicketLog } from '../orchestrator/review/log.ts';
import { cleanText } from '../ui/safe-text.ts';
import { createStyle } from '../ui/style.ts';
import { countOf } from './common/change-blocks.ts';
import { isShown, showPaged, wantsGitColor } from './common/show-paged.ts';
import { namedTickets } from './common/tickets.ts';
import { listValues, type Verb } from './common/verb.ts';

interface Options {
  repo?: string[];
  sinceSeen?: boolean;
}

export const log: Verb<Options, TicketLog> = {
  name: 'log',
  summary: 'show the commits of a ticket in all its repos',
  args: '[ticket]',
  flags: [
    ['--repo <repo...>', 'that repo alone'],
    ['--since-seen', 'only what came since you looked last: at `stack log` or `diff` on a terminal'],
  ],
  examples: [
    'stack log feat-02',
    'stack log feat-02 --repo api',
    'stack log feat-02 --since-seen',
    'cd tickets/feat-02 && stack log',
  ],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { logTicket } = await import('../orchestrator/review/log.ts');
    const [ticket = ''] = await namedTickets(context, args);
    const color = !context.options.json && (await wantsGitColor(context));
    const found = await logTicket(await context.stack(), {
      ...{ ticket, repos: listValues(options.repo), color },
      ...{ sinceSeen: options.sinceSeen === true, isLook: isShown(context) },
    });
    for (const text of found.problems) context.emit({ type: 'warning', text });
    for (const text of found.notes) context.emit({ type: 'info', text });
    await context.endNarration();
    if (!context.options.json) await showPaged(context, 'log', renderLog(found, color));
    return found;
  },
  render: () => '',
  toJson: ({ repos, notes, ...rest }) => ({
    ...rest,
    repos: Object.fromEntries(Object.entries(repos).map(([repo, { text, ...one }]) => [repo, one])),
  }),
  exitCode: ({ problems }) => (problems.length > 0 ? EXIT_CODES.problems : 0),
};

function renderLog({ repos }: TicketLog, color: boolean): string {
  const style = createStyle(color);
  const blocks = Object.entries(repos).map(([repo, { branch, on, commits, text }]) => {
    const where = on === branch ? branch : `${on ?? 'no branch'}, not on ${branch}`;
    const head = style.strong(cleanText(`${repo}: ${countOf(commits.length, 'commit')} on ${where}`));
    return text === '' ? `${head}\n` : `${head}\n\n${text}`;
  });
  return blocks.join('\n');
}
