import { rm } from 'node:fs/promises';
import path from 'node:path';
import { POINTER_FILE, renderPointer } from '../../adapters/config-file.ts';
import { readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { sweepTemporaries } from '../../adapters/files/temporary.ts';
import { addExclude, isIgnored, isTracked, removeExclude } from '../../adapters/git/exclude.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { addNotes, dropNotes, readNotes } from '../../adapters/git/worktree/own-notes.ts';
import { dropCopy } from '../../adapters/state/copies.ts';
import { StackError } from '../../domain/errors.ts';
import { requireDedicated } from '../../domain/instance.ts';
import { quoteForShell } from '../../domain/shell.ts';
import type { Step } from '../../domain/step.ts';
import { ownerOf, type Work } from '../core/work.ts';
import { requireUnowned } from '../prepare/adopt.ts';

/** A worktree that somebody else made: the pointer that leads from it to its ticket, and a note of whose it is. It stays when the ticket goes. */
export function adoptedStep(work: Work, repo: string): Step {
  const record = requireDedicated(work.record, repo);
  const { worktree, gitCommonDir } = record;
  const pointer = path.join(worktree, POINTER_FILE);
  const text = renderPointer({ root: work.stack.root, ticket: work.record.ticket });
  const owner = ownerOf(work);
  return {
    id: { kind: 'worktree', of: repo },
    subject: repo,
    title: `pointer in ${worktree}`,
    after: [{ kind: 'folder' }],
    async inspect() {
      const entry = await readOwnEntry(worktree, gitCommonDir);
      if (!entry || (await readNotes(entry.folder)).owner !== owner) return 'absent';
      return (await readFileIfThere(pointer)) === text ? 'present' : 'absent';
    },
    async apply() {
      const entry = await readOwnEntry(worktree, gitCommonDir);
      if (!entry) throw goneError(work, repo);
      await requireUnowned(worktree, entry, owner);
      if (await isTracked(worktree, POINTER_FILE))
        throw new StackError(
          'conflict',
          `${repo} keeps ${POINTER_FILE} in git, so ${worktree} cannot lead to a ticket`,
        );
      await addNotes(worktree, () => ({ owner, adopted: true }));
      if (!(await isIgnored(worktree, POINTER_FILE))) await addExclude(gitCommonDir, `/${POINTER_FILE}`, owner);
      // The ticket's folder may lie on another file system, so the write goes by way of the worktree itself.
      await replaceFile(pointer, text, { lasting: false });
    },
    async revert() {
      const entry = await readOwnEntry(worktree, gitCommonDir);
      if (entry && ![owner, ''].includes((await readNotes(entry.folder)).owner)) return;
      if ((await readFileIfThere(pointer)) === text) await rm(pointer, { force: true });
      await sweepTemporaries(worktree);
      await removeExclude(gitCommonDir, `/${POINTER_FILE}`, owner);
      await dropCopy(worktree);
      await dropNotes(worktree);
    },
  };
}

function goneError({ record }: Work, repo: string): StackError {
  const { worktree, branch } = requireDedicated(record, repo);
  const add = `git worktree add ${quoteForShell(worktree)} ${quoteForShell(branch)}`;
  return new StackError('conflict', `the worktree ${worktree} of ${repo} is gone, and stack did not make it`, {
    hint: `\`${add}\` makes it again, \`stack destroy ${record.ticket}\` takes away the rest`,
  });
}
