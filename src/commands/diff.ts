import type { Context } from '../context.ts';
import { EXIT_CODES, StackError } from '../domain/errors.ts';
import type { TicketDiff } from '../orchestrator/review/diff.ts';
import { isShown, showPaged, wantsGitColor } from './common/show-paged.ts';
import { namedTickets } from './common/tickets.ts';
import { listValues, type Verb } from './common/verb.ts';

interface Options {
  stat?: boolean;
  repo?: string[];
  committed?: boolean;
  sinceSeen?: boolean;
}

export const diff: Verb<Options, TicketDiff> = {
  name: 'diff',
  summary: 'show what a ticket has changed in all its repos, what is not committed too; or how two tickets differ',
  args: '[ticket] [other]',
  command: 'strict',
  flags: [
    ['--stat', 'how much, by file'],
    ['--repo <repo...>', 'that repo alone'],
    ['--committed', 'leave out what is not committed'],
    ['--since-seen', 'only what came since you looked last: at `stack diff` on a terminal'],
  ],
  examples: [
    'stack diff feat-02',
    'stack diff feat-02 --stat',
    'stack diff feat-02 --since-seen',
    'stack diff feat-02 feat-03',
    'stack diff -- front/src',
  ],
  completes: { tickets: true, several: true },
  async run(context, { args, command, options }) {
    const { diffTicket } = await import('../orchestrator/review/diff.ts');
    const named = await namedTickets(context, args);
    const [ticket = '', other] = named.length === args.length ? named : [...named, undefined];
    if (args.length === 2 && other === undefined)
      throw new StackError('usage', `${ticket} is one ticket`, { hint: 'name two, or the one alone' });
    const { committed = false, sinceSeen = false } = options;
    if (sinceSeen && (committed || other !== undefined))
      throw new StackError('usage', `--since-seen does not go with ${committed ? '--committed' : 'two tickets'}`, {
        hint: 'a look is at all that one ticket has, what is not committed too',
      });
    // Part of it, or its size, is no look at it.
    const isWhole = !committed && options.stat !== true && other === undefined && command.length === 0;
    const stack = await context.stack();
    const show = context.options.json ? undefined : describeShow(context, options.stat === true);
    // Asked beside the rest; whoever waits for it is told.
    show?.catch(() => undefined);
    const found = await diffTicket(stack, {
      ...{ ticket, other, repos: listValues(options.repo), committed, sinceSeen },
      ...{ paths: command, cwd: context.host.cwd, show, isLook: isWhole && isShown(context) },
    });
    for (const text of found.problems) context.emit({ type: 'warning', text });
    for (const text of found.notes) context.emit({ type: 'info', text });
    await context.endNarration();
    await showPaged(context, 'diff', found.text);
    return found;
  },
  render: () => '',
  toJson: ({ text, notes, ...rest }) => rest,
  exitCode: ({ problems }) => (problems.length > 0 ? EXIT_CODES.problems : 0),
};

async function describeShow(context: Context, stat: boolean) {
  const { env, stdout } = context.host;
  const color = (await wantsGitColor(context)) ? 'always' : 'never';
  const { GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM, GIT_CONFIG_NOSYSTEM, GIT_CONFIG_COUNT } = env;
  const settings = { GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM, GIT_CONFIG_NOSYSTEM, GIT_CONFIG_COUNT };
  const columns = (stdout.isTTY && stdout.columns) || Number(env.STACK_COLUMNS) || 80;
  return { flags: [`--color=${color}`, ...(stat ? [`--stat=${columns}`] : [])], env: settings };
}
