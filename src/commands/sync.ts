import { EXIT_CODES } from '../domain/errors.ts';
import { exitCodeOf, exitCodeOfAll } from '../orchestrator/change/result.ts';
import type { AllSyncs, FailedSync } from '../orchestrator/change/sync/all.ts';
import type { SyncedRepo } from '../orchestrator/change/sync/plan.ts';
import type { TicketSync } from '../orchestrator/change/sync/sync.ts';
import { type Block, countOf, describeRefusal, listWith, renderChange } from './common/change-blocks.ts';
import { ALL_FLAG, bothSaid, chooseOne, namedTickets } from './common/tickets.ts';
import type { RenderOptions, Verb } from './common/verb.ts';

interface Options {
  rebase?: boolean;
  merge?: boolean;
  dryRun?: boolean;
  resolve?: boolean;
  continue?: boolean;
  abort?: boolean;
  onto?: string;
  all?: boolean;
  setup?: boolean;
}

/** More files are counted. */
const SHOWN = 5;

export const sync: Verb<Options, TicketSync | AllSyncs> = {
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
    [...ALL_FLAG],
    ['--setup', 'then run what changed lockfiles, migrations and env files ask for; services stay as they are'],
    ['--dry-run', 'fetch, tell what would come and what would conflict; move nothing'],
  ],
  examples: ['stack sync feat-02', 'stack sync feat-02 --dry-run', 'cd tickets/feat-02/api && stack sync --merge'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { dryRun = false, setup = false, onto, all } = options;
    const step = chooseOne(options, ['resolve', 'continue', 'abort']);
    const wish = { dryRun, setup, step, onto, way: chooseOne(options, ['rebase', 'merge']) };
    const stack = await context.stack();
    if (all) {
      const other = args.length > 0 ? 'a ticket’s name' : (step && `--${step}`) || (onto !== undefined && '--onto');
      if (other) throw bothSaid(`--all and ${other}`, 'leave one of the two away');
      return (await import('../orchestrator/change/sync/all.ts')).syncAll(stack, wish);
    }
    const [{ syncTicket }, [ticket = '']] = await Promise.all([
      import('../orchestrator/change/sync/sync.ts'),
      namedTickets(context, args),
    ]);
    return syncTicket(stack, { ...wish, ticket });
  },
  render(result, view) {
    if (!('tickets' in result)) return renderOne(result, view);
    if (result.tickets.length === 0) return 'there are no tickets';
    return result.tickets.map((one) => ('error' in one ? renderFailed(one) : renderOne(one, view))).join('\n\n');
  },
  exitCode: (result) => exitCodeOfAll(('tickets' in result ? result.tickets : [result]).map(codeOf)),
};

function renderOne(result: TicketSync, view: RenderOptions): string {
  const told = renderChange(result, (repo) => describe(repo, result.dryRun), tellVerdict(result), view);
  return [told, ...describeSetUp(result)].join('\n');
}

/** What was run afterwards counts once all repos are done. */
function codeOf(one: TicketSync | FailedSync): number {
  const error = 'error' in one ? one.error : one.setup?.error;
  return ('repos' in one && exitCodeOf(one)) || (error ? EXIT_CODES[error.code] : 0);
}

function renderFailed({ ticket, error: { message, hint } }: FailedSync): string {
  return [`${ticket}: ${message}`, ...(hint === undefined ? [] : [`hint: ${hint}`])].join('\n');
}

function describeSetUp({ setup }: TicketSync): string[] {
  if (!setup) return [];
  const { setUp, migrated, env, notes, error } = setup;
  const ran = [
    ...(setUp.length > 0 ? [`set up ${setUp.join(', ')}`] : []),
    ...(migrated.length > 0 ? [`migrated the data of ${migrated.join(', ')}`] : []),
    ...(env.length > 0 ? [`wrote the env files of ${env.join(', ')}`] : []),
  ];
  const failed = error && [
    `the set-up failed: ${error.message}`,
    ...(error.lines ?? []).map((line) => `| ${line}`),
    ...(error.hint === undefined ? [] : [error.hint]),
  ];
  return [...ran, ...notes, ...(failed ?? [])];
}

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
    // It may have had all of the base, and what it stood on before.
    rebase: news === 0 ? `${made} of its own on ${base}` : `${came}, and ${made} of its own on top`,
  }[way ?? 'forward'];
  if (result === 'waiting') return { line: dryRun ? `would get ${how}` : 'waits', more: notes };
  return { line: `${from.slice(0, 7)}..${to.slice(0, 7)} ${how}`, more: notes };
}
