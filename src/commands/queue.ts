import type { Context } from '../context.ts';
import { EXIT_CODES, StackError } from '../domain/errors.ts';
import type { QueueEntry, QueueState } from '../domain/queue.ts';
import { renderSuggestion } from '../domain/suggest.ts';
import { ticketOf } from '../domain/ticket.ts';
import type { ShownEntry } from '../orchestrator/change/queue/queue.ts';
import { createStyle, type Paint, type Style } from '../ui/style.ts';
import { renderTable } from '../ui/table.ts';
import { wrapText } from '../ui/wrap.ts';
import { bothSaid, namedTickets } from './common/tickets.ts';
import { listValues, type RenderOptions, type Verb } from './common/verb.ts';

const ACTIONS = ['add', 'run', 'list', 'show', 'drop', 'resume'] as const;
type Action = (typeof ACTIONS)[number];

interface Options {
  after?: string[];
  verify?: string;
  start?: boolean;
  jobs?: string;
  tries?: string;
  ff?: boolean;
  squash?: boolean;
  rebase?: boolean;
}

interface Result {
  action: Action;
  queue: QueueEntry[];
  shown?: ShownEntry | undefined;
}

export const queue: Verb<Options, Result> = {
  name: 'queue',
  summary:
    'merge tickets one after the other, each verified on top of those before it: add, run, list, show, drop, resume',
  args: '[action] [ticket...]',
  flags: [
    ['--after <ticket...>', 'add: not before these are merged'],
    ['--verify <command>', 'run: a shell line that must pass in a copy of each; default: `verify:` of stack.yml'],
    ['--start', 'run: start that copy’s services first'],
    ['--jobs <n>', 'run: how many are verified side by side; default: 2'],
    ['--tries <n>', 'run: put out what has failed so often; default: 2'],
    ['--no-ff', 'run: with a merge commit a ticket; this is the default'],
    ['--squash', 'run: all of a ticket as one commit'],
    ['--rebase', 'run: each commit once more, on top of what is there'],
  ],
  examples: [
    'stack queue add feat-01 feat-02',
    'stack queue add feat-03 --after feat-01',
    'stack queue run --verify "npm --prefix api test"',
    'stack queue list',
    'stack queue show feat-02',
    'stack queue resume feat-02',
    'cd tickets/feat-02 && stack queue add',
  ],
  completes: { leads: ACTIONS, tickets: true, several: true },
  async run(context, { args, options }) {
    const { action, named } = readAction(args);
    refuseStray(action, options);
    return { action, ...(await act(context, action, { named, options })) };
  },
  render: ({ queue: entries, shown }, view) => (shown ? renderEntry(shown, view) : renderQueue(entries, view)),
  toJson: ({ queue: entries, shown }) => shown ?? { queue: entries },
  exitCode: ({ action, queue: entries }) =>
    action === 'run' && entries.some(({ state }) => state !== 'merged') ? EXIT_CODES.conflict : 0,
};

/** Throws `usage`. */
function readAction([word, ...named]: readonly string[]): { action: Action; named: string[] } {
  if (word === undefined) return { action: 'list', named };
  const action = ACTIONS.find((one) => one === word);
  const hint = `stack queue ${ACTIONS.join('|')} [TICKET…]`;
  if (!action)
    throw new StackError('usage', `\`${word}\` is not an action of queue${renderSuggestion(word, ACTIONS)}`, { hint });
  if ((action === 'run' || action === 'list') && named.length > 0)
    throw new StackError('usage', `queue ${action} is about all of the queue`, { hint: `stack queue ${action}` });
  return { action, named };
}

/** Throws `usage` for a flag of another action. */
function refuseStray(action: Action, { after, verify, start, jobs, tries, ff, squash, rebase }: Options): void {
  const ofRun = { verify, start, jobs, tries, squash, rebase, 'no-ff': ff === false ? true : undefined };
  const stray = action === 'run' ? undefined : Object.entries(ofRun).find(([, value]) => value !== undefined)?.[0];
  const flag = action !== 'add' && after !== undefined ? 'after' : stray;
  if (flag === undefined) return;
  const hint = `\`stack queue ${flag === 'after' ? 'add' : 'run'} --${flag}\` takes it`;
  throw new StackError('usage', `queue ${action} takes no --${flag}`, { hint });
}

async function act(
  context: Context,
  action: Action,
  { named, options }: { named: string[]; options: Options },
): Promise<Omit<Result, 'action'>> {
  const engine = await import('../orchestrator/change/queue/queue.ts');
  const stack = await context.stack();
  const tickets = async (): Promise<string[]> => namedTickets(context, named);
  if (action === 'add') await engine.addToQueue(stack, await tickets(), listValues(options.after).map(ticketOf));
  if (action === 'drop') await engine.dropFromQueue(stack, await tickets());
  if (action === 'resume') await engine.resumeQueue(stack, named.map(ticketOf));
  if (action === 'show') {
    const [ticket = '', other] = await tickets();
    if (other !== undefined) throw new StackError('usage', 'show is about one ticket', { hint: 'name one' });
    return { queue: [], shown: await engine.showEntry(stack, ticket) };
  }
  if (action === 'run') {
    const wish = readWish(options);
    const { runQueue } = await import('../orchestrator/change/queue/run.ts');
    await runQueue(stack, { ...wish, line: options.verify ?? (await stack.config()).verify });
  }
  return { queue: await engine.listQueue(stack) };
}

/** Throws `usage`. */
function readWish({ squash, rebase, ff, start, jobs = '2', tries = '2' }: Options) {
  const ways = [squash ? 'squash' : [], rebase ? 'rebase' : [], ff === false ? 'no-ff' : []].flat();
  if (ways.length > 1) throw bothSaid(`--${ways.join(' and --')}`, 'say one of them');
  const way = squash ? 'squash' : rebase ? 'rebase' : 'no-ff';
  return { way, start: start === true, jobs: readCount('jobs', jobs), tries: readCount('tries', tries) } as const;
}

const MOST = 64;

function readCount(flag: string, text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MOST) return count;
  throw new StackError('usage', `--${flag} is a number from 1 to ${MOST}, not ${JSON.stringify(text)}`, {
    hint: `--${flag} 2`,
  });
}

function paintsOf(style: Style): Record<QueueState, Paint> {
  return {
    ...{ waiting: style.dim, rebasing: style.warn, verifying: style.warn },
    ...{ merged: style.good, evicted: style.bad, conflicted: style.bad },
  };
}

function renderQueue(entries: readonly QueueEntry[], view: RenderOptions): string {
  if (entries.length === 0) return 'the queue is empty: `stack queue add TICKET` adds one';
  const style = createStyle(view.color);
  const paints = paintsOf(style);
  const rows = entries.map(({ ticket, state, attempts, after }) => [
    ticket,
    { text: state, paint: paints[state] },
    String(attempts),
    after.length > 0 ? after.join(', ') : '-',
  ]);
  const told = entries.filter(({ state, reason }) => state !== 'merged' && reason !== undefined);
  const lines = told.flatMap((entry) => {
    const text = [`${entry.ticket}: ${entry.reason}`, ...listMore(entry)].join('; ');
    return `${style.bad('!')} ${wrapText(text, view.columns, 2)}`;
  });
  return [renderTable(['Ticket', 'State', 'Tries', 'After'], rows, { ...view, cut: true }), ...lines].join('\n');
}

function listMore({ state, log, hint, ticket }: QueueEntry): string[] {
  if (hint !== undefined) return [hint];
  if (state !== 'evicted' || log === null) return [];
  return [`its output is in ${log}; \`stack queue resume ${ticket}\` tries it again`];
}

function renderEntry(entry: ShownEntry, view: RenderOptions): string {
  const { ticket, state, attempts, after, reason, hint, log, lines } = entry;
  const style = createStyle(view.color);
  const facts = [
    ...(attempts > 0 ? [`tries: ${attempts}`] : []),
    ...(after.length > 0 ? [`after: ${after.join(', ')}`] : []),
    ...(reason !== undefined ? [reason] : []),
    ...(hint !== undefined ? [hint] : []),
    ...(log !== null ? [`log: ${log}`] : []),
  ];
  return [
    `${ticket}: ${paintsOf(style)[state](state)}`,
    ...facts.map((text) => `  ${wrapText(text, view.columns, 2)}`),
    ...lines.map((line) => `  | ${line}`),
  ].join('\n');
}
