import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { quoteForShell } from '../../../domain/shell.ts';
import { ifThere } from '../../files/file-errors.ts';
import { canonicalPath, readOwnEntry, readRebasedBranch } from '../worktree/entry.ts';
import { listWorktrees } from '../worktree/list.ts';
import { readNotes } from '../worktree/own-notes.ts';
import { isRenamed } from './head-log.ts';
import { findIgnoredWork, listChangedInside, listIgnoredInside } from './ignored.ts';
import { expandFolders } from './inside.ts';
import { findInsideRisk, findUnreadable } from './inside-risk.ts';
import { count, describeFiles, type Look, lookAt, type RiskFinding, type RiskQuestion } from './risk.ts';
import { listStashes } from './stash.ts';

/** What there is to ask beyond the last look at files and commits. */
export interface EveryRiskQuestion extends RiskQuestion {
  /** As noted with the worktree when it was made. */
  owner: string;
  /** Env files that stack writes, relative to the worktree. */
  envFiles: readonly string[];
  /** ISO 8601; older stashes are not the ticket's. */
  since: string;
}

/** Finds all that speaks against removing a worktree and its branch; [] for nothing. Changes nothing. Throws `git`. */
export async function findEveryRisk(question: EveryRiskQuestion): Promise<RiskFinding[]> {
  const { repoPath, worktree } = question;
  const moved = await findMoved(question);
  if (moved !== undefined) {
    const text = `the worktree was moved to ${moved}; ${describeWayBack({ repoPath, worktree, moved })}`;
    const inside = await findEveryRisk({ ...question, worktree: moved });
    return [{ kind: 'moved', text, paths: [moved] }, ...inside];
  }
  const [look, inside] = await Promise.all([
    lookAt(question),
    (await ifThere(stat(worktree))) ? findInsideRisk(worktree) : { findings: [], repos: [] },
  ]);
  const [choices, ignored, stashed, inSubmodules] = await Promise.all([
    listChoices(question, look),
    findIgnored(question, look, inside.repos),
    look.refs.hasStash ? findStashed(question) : [],
    look.linked ? listChangedInside(worktree, look.linked.entry) : [],
  ]);
  const files = [...look.findings, ...ignored].flatMap(({ paths = [] }) => paths);
  const unreadable = findUnreadable(worktree, [...new Set([...expandFolders(worktree, files), ...inSubmodules])]);
  return [...choices, ...look.findings, ...inside.findings, ...ignored, ...unreadable, ...stashed];
}

/** Says what to type to have a moved worktree in its place again. */
export function describeWayBack({
  repoPath,
  worktree,
  moved,
}: Record<'repoPath' | 'worktree' | 'moved', string>): string {
  return `\`git -C ${quoteForShell(repoPath)} worktree move ${quoteForShell(moved)} ${quoteForShell(worktree)}\` brings it back`;
}

/** Returns where somebody has moved our worktree to; asked only when there is nothing in its place. Throws `git`. */
export async function findMoved({
  repoPath,
  worktree,
  owner,
}: Pick<EveryRiskQuestion, 'repoPath' | 'worktree' | 'owner'>): Promise<string | undefined> {
  if (existsSync(worktree) || !existsSync(repoPath)) return undefined;
  const [, ...linked] = await listWorktrees(repoPath);
  for (const { path, prunable } of linked) {
    const entry = prunable ? undefined : await readOwnEntry(path);
    if (entry && (await readNotes(entry.folder)).owner === owner) return path;
  }
  return undefined;
}

async function listChoices(question: EveryRiskQuestion, { linked, refs }: Look): Promise<RiskFinding[]> {
  const { worktree, repoPath, branch, ownsBranch } = question;
  const findings: RiskFinding[] = [];
  if (linked?.entry.lock === 'wanted') {
    const text = `the worktree is locked; \`git -C ${quoteForShell(repoPath)} worktree unlock ${quoteForShell(worktree)}\` lets it go`;
    findings.push({ kind: 'locked', text });
  }
  if (linked) {
    const found = linked.status.branch;
    if ((found ?? (await readRebasedBranch(linked.entry))) !== branch) {
      const now = found === undefined ? 'no branch is checked out' : describeBranch(found, linked.status.head);
      const back = await describeBack(question, linked, refs);
      findings.push({ kind: 'switched', text: back === undefined ? now : `${now}; ${back}` });
    }
  }
  const { checkedOutAt } = refs;
  if (ownsBranch && checkedOutAt !== '' && checkedOutAt !== (await canonicalPath(worktree))) {
    findings.push({ kind: 'elsewhere', text: `${branch} is checked out at ${checkedOutAt}`, paths: [checkedOutAt] });
  }
  return findings;
}

/** Says what to type to have the ticket's branch checked out again; undefined where it is in use elsewhere. */
async function describeBack(
  { worktree, branch, baseCommit }: EveryRiskQuestion,
  { entry, status }: NonNullable<Look['linked']>,
  { tip, checkedOutAt }: Look['refs'],
): Promise<string | undefined> {
  const git = `git -C ${quoteForShell(worktree)}`;
  if (tip !== undefined) return checkedOutAt === '' ? `\`${git} switch ${branch}\` goes back` : undefined;
  const now = status.branch;
  if (now !== undefined && (await isRenamed(entry.folder, { from: branch, to: now })))
    return `${branch} was renamed, \`${git} branch -m ${now} ${branch}\` renames it back`;
  const start = status.head === undefined ? ` ${baseCommit.slice(0, 10)}` : '';
  return `${branch} is gone, \`${git} switch -c ${branch}${start}\` makes it again`;
}

function describeBranch(branch: string, head: string | undefined): string {
  return `${branch}${head === undefined ? ', a branch without a commit,' : ''} is checked out`;
}

async function findIgnored(
  question: EveryRiskQuestion,
  { linked }: Look,
  repos: readonly string[],
): Promise<RiskFinding[]> {
  if (!linked) return [];
  const ignored = [...linked.status.ignored, ...(await listIgnoredInside(question.worktree, linked.entry))];
  if (ignored.length === 0) return [];
  const notes = await readNotes(linked.entry.folder);
  const { paths, bytes } = await findIgnoredWork({ ...question, ignored, notes, repos });
  return describeFiles('ignored', 'file', paths).map((finding) => ({
    ...finding,
    text: finding.text.replace(':', ' that git ignores:'),
    bytes,
  }));
}

async function findStashed({ repoPath, worktree, branch, since }: EveryRiskQuestion): Promise<RiskFinding[]> {
  const stashes = await listStashes(existsSync(repoPath) ? repoPath : worktree, branch, since);
  if (stashes.length === 0) return [];
  const [first] = stashes;
  return [{ kind: 'stashed', text: `${count(stashes.length, 'stash', 'stashes')} made on ${branch}: ${first}` }];
}
