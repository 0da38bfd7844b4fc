import { StackError } from '../domain/errors.ts';
import type { TicketMerge } from '../orchestrator/change/merge.ts';
import type { MergedRepo } from '../orchestrator/change/merge-plan.ts';
import { exitCodeOf } from '../orchestrator/change/result.ts';
import { type Block, countOf, describeRefusal, listWith, renderChange } from './common/change-blocks.ts';
import { bothSaid, chooseOne, namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  into?: string;
  ff: boolean;
  squash?: boolean;
  rebase?: boolean;
  message?: string[];
  committed?: boolean;
  verify?: string;
  start?: boolean;
  push?: boolean;
  dryRun?: boolean;
  resolve?: boolean;
  continue?: boolean;
  abort?: boolean;
}

export const merge: Verb<Options, TicketMerge> = {
  name: 'merge',
  summary: 'merge tickets into their bases here, in all repos or in none; bases that are checked out come along',
  args: '[ticket...]',
  flags: [
    ['--into <branch>', 'the branch that they go into, in all repos; default: what each was made from'],
    ['--no-ff', 'with a merge commit; this is the default'],
    ['--squash', 'all of a ticket as one commit'],
    ['--rebase', 'each commit once more, on top of the base'],
    ['-m, --message <text...>', 'of the merge or the squashed commit; again for one more paragraph'],
    ['--committed', 'leave out what is not committed; else that is a refusal'],
    [
      '--verify <command>',
      'a shell line that must pass in a fresh copy of what was merged; default: `verify:` of stack.yml',
    ],
    ['--start', 'start that copy’s services first'],
    ['--push', 'push the bases afterwards'],
    ['--resolve', 'make what conflicts in the ticket’s worktrees; no base moves yet'],
    ['--continue', 'merge, as it was said, once that is resolved'],
    ['--abort', 'put the ticket’s branches back to where they were'],
    ['--dry-run', 'say what would be merged and what conflicts; move nothing'],
  ],
  examples: [
    'stack merge feat-02',
    'stack merge feat-01 feat-02 --squash',
    'stack merge feat-02 --verify "npm --prefix api test" --start',
    'stack merge feat-02 --dry-run',
    'cd tickets/feat-02 && stack merge --into develop --push',
  ],
  completes: { tickets: true, several: true },
  async run(context, { args, options }) {
    const way = chooseOne(options, ['squash', 'rebase']) ?? 'no-ff';
    if (way !== 'no-ff' && !options.ff) throw bothSaid(`--${way} and --no-ff exclude each other`, 'say one of them');
    const step = chooseOne(options, ['resolve', 'continue', 'abort']);
    const message = options.message?.join('\n\n').trim();
    if (message === '') throw new StackError('usage', 'the message is empty', { hint: 'say what the merge brings' });
    if (message !== undefined && options.rebase)
      throw new StackError('usage', 'commits that are rebased keep their messages', { hint: 'leave -m away' });
    const [{ mergeTickets }, { requireNothingElse }] = await Promise.all([
      import('../orchestrator/change/merge.ts'),
      import('../orchestrator/change/resolve.ts'),
    ]);
    requireNothingElse(step, listSaid(options));
    const [stack, tickets] = await Promise.all([context.stack(), namedTickets(context, args)]);
    return mergeTickets(stack, {
      ...{ tickets, into: options.into, message, way, step },
      ...{ verify: options.verify, start: options.start === true },
      ...{ committed: options.committed === true, push: options.push === true, dryRun: options.dryRun === true },
    });
  },
  render(result, view) {
    const { verified } = result;
    const named = { ...result, ticket: result.tickets.join(', ') };
    const told = renderChange(named, (repo) => describe(repo, result), tellVerdict(result), view);
    if (!verified || verified.exitCode === 0) return told;
    return [...verified.lines.map((line) => `| ${line}`), `all of its output is in ${verified.log}`, '', told].join(
      '\n',
    );
  },
  exitCode: (result) => (isFailed(result) ? 1 : exitCodeOf(result)),
};

/** What `--resolve` was told counts once it is resolved, but for the command that verifies it. */
function listSaid({ into, ff, squash, rebase, message, committed, start, push, dryRun, verify, abort }: Options) {
  return {
    ...{ '--into': into !== undefined, '--no-ff': !ff, '--squash': squash === true, '--rebase': rebase === true },
    ...{ '--message': message !== undefined, '--committed': committed === true, '--start': start === true },
    ...{ '--push': push === true, '--dry-run': dryRun === true, '--verify': abort === true && verify !== undefined },
  };
}

function isFailed({ verified }: TicketMerge): boolean {
  return verified !== undefined && verified.exitCode !== 0;
}

function tellVerdict(result: TicketMerge): string {
  const { repos, dryRun, verified, step } = result;
  if (isFailed(result)) return `nothing is merged: \`${verified?.command}\` ended with exit code ${verified?.exitCode}`;
  const bad = listWith(repos, 'refused', 'failed', 'conflict');
  if (step === 'abort' && bad.length === 0) return `${listWith(repos, 'undone').join(', ')}: put back`;
  const merged = listWith(repos, 'merged');
  const waiting = listWith(repos, 'waiting');
  const isHere = Object.values(repos).some(({ pushed }) => pushed === null);
  if (isHere) return `merged, but ${bad.join(', ')} is not pushed`;
  if (bad.length > 0) return `nothing is merged, because of ${bad.join(', ')}`;
  if (dryRun && waiting.length > 0) return `${countOf(waiting.length, 'repo')} would be merged`;
  return merged.length === 0 ? 'there is nothing to merge' : `merged in ${countOf(merged.length, 'repo')}`;
}

function describe(repo: MergedRepo, { tickets, dryRun, step }: TicketMerge): Block {
  const { result, branch, base = '', from = '', to = '', commits = 0, brings = [], reason, hint } = repo;
  const { conflicts = [], notes = [], pushed } = repo;
  const of = tickets.length > 1 ? ` of ${brings.join(', ')}` : '';
  const what = `${countOf(commits, 'commit')}${of}`;
  const more = pushed ? [`pushed to ${pushed}/${base}`] : [];
  if (result === 'merged') return { line: `${base} ${from.slice(0, 7)}..${to.slice(0, 7)}, ${what}`, more };
  if (result === 'unchanged') return { line: reason ?? 'nothing to merge', more };
  if (result === 'waiting') return { line: dryRun ? `would bring ${what} into ${base}` : 'not begun', more: [] };
  if (result === 'undone' && step === 'abort') return { line: `${branch} is where it was`, more: notes };
  if (result === 'undone') return { line: `taken back: ${base} and its files are as before`, more: [] };
  if (result === 'updated') return { line: `resolved, with ${base}`, more: notes };
  if (result !== 'conflict') return describeRefusal(repo);
  const files = conflicts.map((path) => `  ${path}`);
  return { line: `conflict: ${reason?.split(': ')[0]}`, more: [...files, ...(hint === undefined ? [] : [hint])] };
}
