import { isThere } from '../../adapters/files/files.ts';
import { findLocal } from '../../adapters/git/branch.ts';
import { listUnsaved, listUnsavedFiles } from '../../adapters/git/rescue/exact-folder.ts';
import { readHead } from '../../adapters/git/rescue/rescue.ts';
import { listDoubtful } from '../../adapters/git/risk/doubtful.ts';
import { findEveryRisk } from '../../adapters/git/risk/every-risk.ts';
import type { RiskFinding } from '../../adapters/git/risk/risk.ts';
import { dedicatedRepos, type InstanceRecord, requireDedicated } from '../../domain/instance.ts';
import type { RescuedRepo } from '../../domain/rescue.ts';
import { ownerOf, type Work } from '../core/work.ts';
import { findBeside, listBeside } from './beside.ts';
import { folderOf, isOfSetup, riskError } from './risks.ts';

type Own = ReturnType<typeof requireDedicated>;

/**
 * Returns the commit that a repo's branch is at. Throws `unpushed` or `dirty` for a commit, or a file, that came after all had been
 * saved: it is in no rescue.
 */
export async function requireAsSaved(work: Work, repo: string): Promise<string | undefined> {
  const own = requireDedicated(work.record, repo);
  const saved = work.savedAs?.repos[repo];
  if (saved?.mode !== 'dedicated' || !(await isThere(own.path))) return undefined;
  const [local, checkedOut] = await Promise.all([findLocal(own.path, own.branch), readHead(own.worktree)]);
  const now = [own.ownsBranch ? local?.commit : undefined, checkedOut?.commit].filter((one) => one !== undefined);
  const late = now.filter((commit) => ![saved.tip, saved.head?.commit].includes(commit));
  const committed = late.map((commit) => describe('unpushed', `${commit.slice(0, 7)} was committed`));
  const findings = committed.length > 0 ? committed.slice(0, 1) : await findLateFiles(work, own, saved);
  if (findings.length > 0) throw riskError([{ ticket: work.record.ticket, repo, findings }]);
  return own.ownsBranch ? local?.commit : undefined;
}

/** Other repos, and what cannot be opened or emptied, were not there when all was saved. */
async function findLateFiles({ stack, record, savedAs }: Work, own: Own, saved: RescuedRepo): Promise<RiskFinding[]> {
  const question = { ...own, repoPath: own.path, owner: ownerOf({ stack, record }), since: record.createdAt };
  const all = (await isThere(own.worktree)) ? await findEveryRisk(question) : [];
  const risks = all.filter((finding) => !savedAs?.halfMade || !isOfSetup(finding));
  const named = risks.flatMap(({ kind, paths = [] }) => (kind === 'ignored' ? paths : []));
  const isHalfMade = savedAs?.halfMade === true;
  const { files } = await listDoubtful({ ...own, repoPath: own.path }, isHalfMade);
  const ignored = [...new Set([...named, ...files])];
  const { exact, submodules = {} } = saved;
  const changed = await listUnsaved(own.path, own.worktree, { tree: exact?.tree, submodules, ignored, isHalfMade });
  return [...risks.filter(({ kind }) => kind === 'nested' || kind === 'closed'), ...describeChanged(changed)];
}

/** Returns what came into a ticket's folder, beside the worktrees, after all had been saved. Throws `git`. */
export async function findLateBeside({ record, savedAs }: Work): Promise<RiskFinding[]> {
  const closed = (await findBeside(folderOf(record))).filter(({ kind }) => kind === 'nested' || kind === 'closed');
  const names = (await listBeside(folderOf(record))).filter((name) => !name.endsWith('/'));
  if (names.length === 0) return closed;
  const kept = await findKeeper(record, savedAs);
  return [
    ...closed,
    ...describeChanged(kept ? await listUnsavedFiles(kept.path, record.folder, { ...kept, names }) : names),
  ];
}

/** Each repo of a ticket keeps all of them. */
async function findKeeper(
  record: InstanceRecord,
  savedAs: Work['savedAs'],
): Promise<{ path: string; tree: string } | undefined> {
  for (const [repo, { path }] of dedicatedRepos(record)) {
    const saved = savedAs?.repos[repo];
    const tree = saved?.mode === 'dedicated' ? saved.beside : undefined;
    if (tree !== undefined && (await isThere(path))) return { path, tree };
  }
  return undefined;
}

function describeChanged(names: readonly string[]): RiskFinding[] {
  const [first, ...more] = names;
  if (first === undefined) return [];
  return [describe('untracked', `${first}${more.length > 0 ? ` and ${more.length} more` : ''} changed`)];
}

function describe(kind: RiskFinding['kind'], what: string): RiskFinding {
  return { kind, text: `${what} after all had been saved` };
}
