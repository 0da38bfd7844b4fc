import { restoreBeside, takeBackBeside } from '../../adapters/git/rescue/refs.ts';
import { bringBack } from '../../adapters/git/rescue/restore-snapshot.ts';
import { noteWritten } from '../../adapters/git/worktree/note-written.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, requireDedicated } from '../../domain/instance.ts';
import type { RescuedRepo } from '../../domain/rescue.ts';
import type { Step } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';

/** Returns the commit that a repo's branch was at when it was saved; undefined for a new ticket. */
export function savedTip(work: Work, repo: string): string | undefined {
  const saved = findSaved(work, repo);
  return saved?.tip ?? saved?.head?.commit;
}

/** What was not committed when the ticket was saved, put back before anything else comes into its worktree. */
export function listSavedWorkSteps(work: Work, repo: string): Step[] {
  const saved = findSaved(work, repo);
  return saved ? [savedWorkStep(work, repo, saved)] : [];
}

/** What was in the ticket's folder beside the worktrees when it was saved. */
export function listSavedFilesSteps(work: Work): Step[] {
  const { record } = work;
  const copies = dedicatedRepos(record).flatMap(([repo, own]) => {
    const tree = findSaved(work, repo)?.beside;
    return tree === undefined ? [] : [{ repoPath: own.path, tree }];
  });
  if (copies.length === 0) return [];
  let restored: (typeof copies)[number] | undefined;
  return [
    {
      id: { kind: 'saved-files' },
      subject: record.ticket,
      title: 'the saved files beside the worktrees',
      after: [{ kind: 'folder' }],
      async inspect() {
        return work.broughtBack.has('') ? 'present' : 'absent';
      },
      async apply() {
        for (const copy of copies) {
          restored = copy;
          if (!(await restoreBeside(copy.repoPath, record.folder, copy.tree))) continue;
          work.broughtBack.add('');
          return;
        }
        restored = undefined;
        throw new StackError(
          'not-found',
          `what was saved beside the worktrees of ${record.ticket} is in no repo any more`,
          { hint: '`stack restore --list` shows what else there is' },
        );
      },
      ownedByOther: true,
      async revert() {
        // The rescue keeps what goes here; what is not as it was kept stays.
        if (restored) await takeBackBeside(restored.repoPath, record.folder, restored.tree);
      },
    },
  ];
}

function savedWorkStep(work: Work, repo: string, saved: RescuedRepo): Step {
  const own = requireDedicated(work.record, repo);
  const run = (): Promise<string[]> => bringBack({ ...saved, worktree: own.worktree });
  const warn = (text: string): void => work.stack.emit({ type: 'warning', text: `${repo}: ${text}` });
  return {
    id: { kind: 'saved-work', of: repo },
    subject: repo,
    title: 'the saved work',
    after: [{ kind: 'worktree', of: repo }],
    async inspect() {
      return work.broughtBack.has(repo) ? 'present' : 'absent';
    },
    async apply() {
      // Whose that is was in doubt before, and is still.
      const warnings = await (work.rescue?.quiet ? noteWritten({ ...own, repoPath: own.path }, run) : run());
      work.broughtBack.add(repo);
      for (const text of warnings) warn(text);
    },
    // It goes with the worktree, and is kept in the rescue.
    ownedByOther: true,
    async revert() {},
  };
}

function findSaved(work: Work, repo: string): RescuedRepo | undefined {
  const saved = work.rescue?.repos[repo];
  return saved?.mode === 'dedicated' ? saved : undefined;
}
