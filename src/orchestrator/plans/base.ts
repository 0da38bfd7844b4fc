import { isAncestor } from '../../adapters/git/commits.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import type { PlannedTicket } from '../../domain/plans/plan.ts';
import { isSeen } from '../../domain/standing.ts';
import type { Stack } from '../core/stack.ts';
import { readStandings } from '../review/standing.ts';

interface Candidate {
  record: InstanceRecord;
  branch: string;
  gitCommonDir: string;
}

/**
 * Returns what a ticket's branches start from, by repo: what its file says, else the branch of one that it comes after, while that is not
 * merged. Throws `conflict` where two of those have work of their own in one repo, `git`.
 */
export async function chooseBases(stack: Stack, ticket: PlannedTicket): Promise<Record<string, string>> {
  const { instances } = await stack.store.read();
  const before = ticket.after.flatMap((name) => instances[name] ?? []);
  const open = new Map<string, Candidate[]>();
  for (const record of before) for (const [repo, one] of await listOpen(stack, record)) add(open, repo, one);
  const chosen: Record<string, string> = {};
  for (const [repo, candidates] of open)
    if (ticket.from[repo] === undefined) chosen[repo] = (await pick(ticket, repo, candidates)).branch;
  return { ...chosen, ...ticket.from };
}

function add(open: Map<string, Candidate[]>, repo: string, one: Candidate): void {
  open.set(repo, [...(open.get(repo) ?? []), one]);
}

/** What a ticket has done and that is not merged. */
async function listOpen(stack: Stack, record: InstanceRecord): Promise<[string, Candidate][]> {
  const [standing] = await readStandings(stack, [record.ticket]);
  return dedicatedRepos(record).flatMap(([repo, { branch, gitCommonDir }]): [string, Candidate][] => {
    const found = standing?.repos[repo];
    const isOpen = found !== undefined && isSeen(found) && found.ahead > 0 && !found.merged;
    return isOpen ? [[repo, { record, branch, gitCommonDir }]] : [];
  });
}

/** Of several the one that has the others in it. */
async function pick(ticket: PlannedTicket, repo: string, all: readonly Candidate[]): Promise<Candidate> {
  for (const one of all) {
    const has = all.map(({ branch }) => branch === one.branch || isAncestor(one.gitCommonDir, branch, one.branch));
    if ((await Promise.all(has)).every(Boolean)) return one;
  }
  const names = all.map(({ record }) => record.ticket);
  throw new StackError('conflict', `${names.join(' and ')} both have work in ${repo} that is not merged`, {
    hint: `merge one of them, or say \`from: { ${repo}: REF }\`; then \`stack plan retry ${ticket.argument}\``,
  });
}
