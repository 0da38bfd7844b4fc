import type { PushedRepo, TicketPush } from '../orchestrator/change/push.ts';
import { exitCodeOf } from '../orchestrator/change/result.ts';
import { type Block, countOf, describeRefusal, listWith, renderChange } from './common/change-blocks.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  dryRun?: boolean;
  forceWithLease?: boolean;
}

export const push: Verb<Options, TicketPush> = {
  name: 'push',
  summary: 'push the branches of a ticket, each to its own name alone; never a base',
  args: '[ticket]',
  flags: [
    ['--dry-run', 'ask the remotes and the hooks; push nothing'],
    ['--force-with-lease', 'replace what the remote has, as long as it is what this branch had once'],
  ],
  examples: ['stack push feat-02', 'stack push feat-02 --dry-run', 'cd tickets/feat-02/api && stack push'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { pushTicket } = await import('../orchestrator/change/push.ts');
    const [stack, [ticket = '']] = await Promise.all([context.stack(), namedTickets(context, args)]);
    return pushTicket(stack, { ticket, dryRun: options.dryRun === true, force: options.forceWithLease === true });
  },
  render(result, view) {
    return renderChange(result, (repo) => describe(repo, result.dryRun), tellVerdict(result), view);
  },
  exitCode: exitCodeOf,
};

function tellVerdict({ repos, dryRun }: TicketPush): string {
  const bad = listWith(repos, 'refused', 'failed');
  const pushed = listWith(repos, 'pushed');
  const waiting = listWith(repos, 'waiting');
  if (bad.length > 0 && pushed.length > 0)
    return `pushed ${pushed.join(', ')}, but not ${bad.join(', ')}; the same command goes on from here`;
  if (bad.length > 0) return `nothing is pushed, because of ${bad.join(', ')}`;
  if (dryRun && waiting.length > 0) return `${countOf(waiting.length, 'repo')} would be pushed`;
  return pushed.length === 0 ? 'there is nothing to push' : `pushed ${countOf(pushed.length, 'repo')}`;
}

const WORDS: Partial<Record<NonNullable<PushedRepo['outcome']>, string>> = { new: 'new', forced: 'replaced' };

function describe(repo: PushedRepo, dryRun: boolean): Block {
  const { result, branch, remote = '', from = '', to = '', outcome, said = [], reason, note } = repo;
  const place = `${remote}/${branch}`;
  const notes = note === undefined ? [] : [note];
  if (result === 'unchanged') return { line: reason ?? `${place} is up to date`, more: notes };
  if (result === 'waiting') return { line: dryRun ? `would be pushed to ${place}` : 'not begun', more: notes };
  if (result !== 'pushed') return describeRefusal(repo);
  const word = outcome && WORDS[outcome];
  const range = from === '' || outcome === 'new' ? to.slice(0, 7) : `${from.slice(0, 7)}..${to.slice(0, 7)}`;
  const told = said.flatMap((line) => /^remote: \s*(\S.*)$/.exec(line)?.[1] ?? []);
  return {
    line: `${place} ${range}${word === undefined ? '' : ` (${word})`}`,
    more: [...told.map((line) => `| ${line}`), ...notes],
  };
}
