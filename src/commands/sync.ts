import { exitCodeOf } from '../orchestrator/change/result.ts';
import type { TicketSync } from '../orchestrator/change/sync.ts';
import type { SyncedRepo } from '../orchestrator/change/sync-plan.ts';
import { type Block, countOf, describeRefusal, listWith, renderChange } from './common/change-blocks.ts';
import { chooseOne, namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  rebase?: boolean;
  merge?: boolean;
  dryRun?: boolean;
  resolve?: boolean;
  continue?: boolean;
  abort?: boolean;
  onto?: string;
}

/** More files are counted. */
const SHOWN = 5;

export const sync: Verb<Options, TicketSync> = {
  name: 'sync',
  summary: 'fetch, and bring what is new in the bases into the branches of a ticket, in all repos or in none',
  args: '[ticket]',
  flags: [
    ['--rebase', 'put the branch’s own commits on top; the default while nothing is pushed'],
    ['--merge', 'bring the news in with a merge commit; the default once something is pushed'],
    ['--onto <ticket>', 'stand on the branches of another ticket, until that is merged'],
    ['--resolve', 'make the conflicts in the worktrees that have one; the other repos wait'],
    ['--continue', 'go on once they are resolved, and bring the other repos up to date'],
    ['--abort', 'put all repos back to where they were'],
    ['--dry-run', 'fetch, tell what would come and what would conflict; move nothing'],
  ],
  examples: ['stack sync feat-02', 'stack sync feat-02 --dry-run', 'cd tickets/feat-02/api && stack sync --merge'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { syncTicket } = await import('../orchestrator/change/sync.ts');
    const { dryRun = false } = options;
    const [stack, [ticket = '']] = await Promise.all([context.stack(), namedTickets(context, args)]);
    const step = chooseOne(options, ['resolve', 'continue', 'abort']);
    return syncTicket(stack, {
      ticket,
      dryRun,
      step,
      onto: options.onto,
      way: chooseOne(options, ['rebase', 'merge']),
    });
  },
  render(result, view) {
    return renderChange(result, (repo) => describe(repo, result.dryRun), tellVerdict(result), view);
  },
  exitCode: exitCodeOf,
};

function describeChanged(changed: SyncedRepo['changed']): string[] {
  const { lockfiles = [], migrations = [], env = [] } = changed ?? {};
  const line = (paths: readonly string[], what: string): string[] => {
    const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : '';
    return paths.length === 0 ? [] : [`changed ${what}: ${paths.slice(0, SHOWN).join(', ')}${more}`];
  };
  return [...line(lockfiles, 'lockfile'), ...line(migrations, 'migrations'), ...line(env, 'env files')];
}

function tellVerdict({ repos, dryRun }: TicketSync): string {
  const clashing = listWith(repos, 'conflict');
  const undone = listWith(repos, 'undone');
  if (undone.length > 0) return `${undone.join(', ')}: put back`;
  const bad = listWith(repos, 'refused', 'failed');
  if (clashing.length + bad.length > 0) {
    const because = [...clashing, ...bad].join(', ');
    return `nothing has moved, because of ${because}`;
  }
  const waiting = listWith(repos, 'waiting');
  if (dryRun && waiting.length > 0) return `${countOf(waiting.length, 'repo')} would be brought up to date`;
  const updated = listWith(repos, 'updated');
  return updated.length === 0 ? 'it is up to date' : `${countOf(updated.length, 'repo')} brought up to date`;
}

function describe(repo: SyncedRepo, dryRun: boolean): Block {
  const { result, branch, base = '', from = '', to = '', way, news, made = 0 } = repo;
  const notes = [...(repo.notes ?? []), ...describeChanged(repo.changed)];
  if (result === 'unchanged') return { line: `up to date with ${base}`, more: notes };
  if (result === 'conflict' || result === 'refused' || result === 'failed') {
    const { line, more } = describeRefusal(repo);
    return { line, more: [...more, ...notes] };
  }
  if (result === 'undone') return { line: `${branch} is where it was, at ${to.slice(0, 7)}`, more: notes };
  if (result === 'updated' && news === undefined)
    return { line: `${from.slice(0, 7)}..${to.slice(0, 7)} resolved, with ${base}`, more: notes };
  const came = `${countOf(news ?? 0, 'commit')} of ${base}`;
  const how = {
    forward: `${came}`,
    merge: `${came}, merged`,
    rebase: `${came}, and ${made} of its own on top`,
  }[way ?? 'forward'];
  if (result === 'waiting') return { line: dryRun ? `would get ${how}` : 'waits', more: notes };
  return { line: `${from.slice(0, 7)}..${to.slice(0, 7)} ${how}`, more: notes };
}
