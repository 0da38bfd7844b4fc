import { isThere } from '../../adapters/files/files.ts';
import { findLocal } from '../../adapters/git/branch.ts';
import { lookAt } from '../../adapters/git/risk/risk.ts';
import { noteCheckout } from '../../adapters/git/worktree/note-written.ts';
import { addNotes } from '../../adapters/git/worktree/own-notes.ts';
import { addToSparse, listKeptOut } from '../../adapters/git/worktree/sparse.ts';
import { addWorktree, inspectWorktree, removeWorktree } from '../../adapters/git/worktree/worktree.ts';
import { requireDedicated } from '../../domain/instance.ts';
import type { Step } from '../../domain/step.ts';
import { findTrash, ownerOf, saveRecord, type Work } from '../core/work.ts';
import { requireAsSaved } from '../safety/late.ts';
import { riskError } from '../safety/risks.ts';
import { showEnvFiles } from './env-file.ts';
import { savedTip } from './saved-work.ts';

/** A repo's linked worktree and, where stack makes it, its branch. */
export function worktreeStep(work: Work, repo: string): Step {
  const record = requireDedicated(work.record, repo);
  const { path: repoPath, gitCommonDir, worktree, branch } = record;
  let attempt: 'none' | 'failed' | 'half-made' | 'made' = 'none';
  return {
    id: { kind: 'worktree', of: repo },
    subject: repo,
    title: record.ownsBranch ? `worktree on ${branch}, from ${record.base}` : `worktree on ${branch}`,
    after: [{ kind: 'folder' }],
    async inspect() {
      if (!(await isThere(worktree))) return 'absent';
      const found = await inspectWorktree({ repoPath, path: worktree, branch });
      // A person may have switched branches in there: their choice, and no reason to touch it. Anything else that is in
      // the way is for `apply` to refuse.
      return found.state === 'present' || found.kind === 'other-branch' ? 'present' : 'absent';
    },
    async apply({ signal, note }) {
      attempt = 'failed';
      const { warning } = await addWorktree({
        repoPath,
        gitCommonDir,
        path: worktree,
        branch,
        start: savedTip(work, repo) ?? record.baseCommit,
        newBranch: record.ownsBranch && !(await isBranchThere(work, repo)),
        signal,
        deadlineSeconds: Number(work.stack.values('STACK_GIT_TIMEOUT')) || undefined,
        onWait: () => note('another command is changing this repo'),
        onHalfMade: () => {
          attempt = 'half-made';
        },
      });
      attempt = 'made';
      await fillDirs(work, repo);
      await noteCheckout({ ...record, repoPath });
      await addNotes(worktree, () => ({ owner: ownerOf(work) }));
      if (warning) work.stack.emit({ type: 'warning', text: `${repo}: ${warning}` });
      for (const [name, service] of Object.entries(work.record.services)) {
        if (service.repo === repo) work.needsRecreate.add(name);
      }
      if (!record.copied && !record.setUp) return;
      // A worktree that was deleted by hand comes back bare: its files and set-up are due again.
      Object.assign(record, { copied: false, setUp: false });
      await saveRecord(work);
    },
    async revert() {
      // What could not be made left nothing; what is there then is somebody else's.
      if (attempt === 'failed') return;
      // Asked again at the last moment: somebody may have worked on in there.
      const lastLook = async (): Promise<string | undefined> =>
        work.saved ? requireAsSaved(work, repo) : requireSafe(work, repo, { isHalfMade: attempt === 'half-made' });
      const own = { repoPath, gitCommonDir, path: worktree, ownBranch: record.ownsBranch ? branch : undefined };
      await removeWorktree({ ...own, trash: await findTrash(work), lastLook });
      await showEnvFiles(work, repo);
    },
  };
}

/** A sparse main checkout has sparse worktrees: what services run in is needed in this one. */
async function fillDirs(work: Work, repo: string): Promise<void> {
  const { worktree } = requireDedicated(work.record, repo);
  const dirs = Object.values(work.config?.services ?? {}).flatMap((one) => (one.repo === repo ? [one.dir] : []));
  const keptOut = await listKeptOut(worktree, [...new Set(dirs)]);
  if (keptOut.length === 0) return;
  await addToSparse(worktree, keptOut);
  const text = `${repo}: the sparse checkout leaves out ${keptOut.join(', ')}; this worktree has it, since services run there`;
  work.stack.emit({ type: 'info', text });
}

/** Returns the commit that the branch is at. Throws `dirty` or `unpushed` when work would be lost. */
async function requireSafe(
  { record }: Work,
  repo: string,
  { isHalfMade }: { isHalfMade: boolean },
): Promise<string | undefined> {
  const own = requireDedicated(record, repo);
  const { findings: risks, refs, own: commits } = await lookAt({ ...own, repoPath: own.path });
  // In one that git could not finish, changed files are those that it did not come to.
  const findings = risks.filter(({ kind }) => !isHalfMade || !['uncommitted', 'untracked'].includes(kind));
  // What was there before has been kept by now.
  if (!isHalfMade && commits.heads.length > 0 && findings.length === 0)
    findings.push({ kind: 'unpushed', text: 'commits were amended or taken back in there just now' });
  if (findings.length > 0) throw riskError([{ ticket: record.ticket, repo, findings }]);
  return refs.tip;
}

/** A worktree that was deleted by hand leaves its branch, with all that was committed in there. */
async function isBranchThere({ record, fresh }: Work, repo: string): Promise<boolean> {
  const { path: repoPath, branch } = requireDedicated(record, repo);
  if (record.phase !== 'ready' || fresh.includes(repo)) return false;
  return (await findLocal(repoPath, branch)) !== undefined;
}
