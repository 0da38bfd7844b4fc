import { StackError } from '../../../domain/errors.ts';
import { askGit } from '../git.ts';
import { commitTree, type MergeRoom, withMerging } from '../merge/merging.ts';
import type { Merged } from '../merge/read-merges.ts';

/** Why git makes nothing, and what would help. */
interface Failed {
  failed: string;
  hint?: string | undefined;
}

/** What came of bringing news into a branch, as objects: a commit that nothing leads to yet, or why there is none. */
export type Brought =
  | {
      commit: string;
      /** How many commits were made. */
      made: number;
      /** Subjects of commits that add nothing to the news any more. */
      dropped: string[];
    }
  | {
      conflicts: Merged['conflicts'];
      /** The commit, of those replayed, that it is about; undefined for a merge. */
      at?: { commit: string; subject: string } | undefined;
    }
  | Failed;

interface Place {
  worktree: string;
  signal: AbortSignal;
}

/**
 * Returns the commits that lead to a branch's tip and to none of `without`, the oldest first, merges left out; `merges` is how many those
 * are. Throws `git`.
 */
export async function listOwnCommits(
  worktree: string,
  tip: string,
  without: readonly string[],
): Promise<{ commits: string[]; merges: number }> {
  const input = [tip, ...without.map((commit) => `^${commit}`)].map((line) => `${line}\n`).join('');
  const text = await askGit(worktree, ['rev-list', '--reverse', '--topo-order', '--parents', '--stdin'], { input });
  const lines = text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')]));
  const commits = lines.filter(({ length }) => length <= 2).map(([commit = '']) => commit);
  return { commits, merges: lines.length - commits.length };
}

/**
 * Makes the merge of one commit into another, as a commit by the person, signed where their settings say so. No ref, index or file is
 * touched, no hook and no merge driver runs. Throws `git`, `files`, `interrupted`.
 */
export async function mergeAsObjects(
  { worktree, signal }: Place,
  { ours, theirs, message }: { ours: string; theirs: string; message: string },
): Promise<Brought> {
  const place = { folder: worktree, signal };
  const [merged] = await withMerging(place, ({ merge }) => merge([{ ours, theirs }]), { keep: true });
  if (!merged || 'failed' in merged) return { failed: merged?.failed ?? 'git says nothing' };
  if (merged.conflicts.length > 0) return { conflicts: merged.conflicts };
  const made = await makeCommit(worktree, { tree: merged.tree, parents: [ours, theirs], message });
  return 'failed' in made ? made : { ...made, made: 1, dropped: [] };
}

/**
 * Makes commits again on top of another one, as a rebase does: author, date and message stay, the person commits, signed where their
 * settings say so. One that adds nothing any more is dropped. No ref, index or file is touched, no hook runs. Throws `git`, `files`,
 * `interrupted`.
 */
export async function replayAsObjects(
  { worktree, signal }: Place,
  { commits, onto }: { commits: readonly string[]; onto: string },
): Promise<Brought> {
  return withMerging(
    { folder: worktree, signal },
    async (room): Promise<Brought> => {
      let tip = onto;
      let made = 0;
      const dropped: string[] = [];
      for (const commit of commits) {
        const next = await replayOne(room, worktree, { commit, tip });
        if ('conflicts' in next || 'failed' in next) return next;
        if (next.commit === tip) dropped.push(next.subject);
        else made += 1;
        tip = next.commit;
      }
      return { commit: tip, made, dropped };
    },
    { keep: true },
  );
}

/** Where it adds nothing, the commit that comes of it is the tip. One that added nothing from the first stays. */
async function replayOne(
  { merge }: MergeRoom,
  worktree: string,
  { commit, tip }: { commit: string; tip: string },
): Promise<{ commit: string; subject: string } | Exclude<Brought, { made: number }>> {
  const { parent, tree, ...about } = await readCommit(worktree, commit);
  if (parent === undefined) return { failed: `${commit.slice(0, 7)} has no parent to be compared with` };
  const [merged] = await merge([{ ours: tip, theirs: commit, base: parent }]);
  if (!merged || 'failed' in merged) return { failed: merged?.failed ?? 'git says nothing' };
  const { subject } = about;
  if (merged.conflicts.length > 0) return { conflicts: merged.conflicts, at: { commit, subject } };
  const addsNothing = merged.tree === (await treeOf(worktree, tip)) && tree !== (await treeOf(worktree, parent));
  if (addsNothing) return { commit: tip, subject };
  const made = await makeCommit(worktree, { ...about, tree: merged.tree, parents: [tip] });
  return 'failed' in made ? made : { ...made, subject };
}

/** Returns the tree of a commit. Throws `git`. */
export async function treeOf(worktree: string, commit: string): Promise<string> {
  return (await askGit(worktree, ['rev-parse', '--verify', `${commit}^{tree}`])).trim();
}

/** Returns who wrote a commit, with what it has and says. Throws `git`. */
export async function readCommit(worktree: string, commit: string) {
  const format = '--format=%T%x00%P%x00%an%x00%ae%x00%ad%x00%s%x00%B';
  const fields = await askGit(worktree, ['log', '-1', '--no-show-signature', '--date=raw', format, commit, '--']);
  const [tree = '', parent = '', name = '', email = '', date = '', subject = '', ...message] = fields.split('\0');
  // `log` ends each commit with a line end of its own.
  const text = message.join('\0').replace(/\n$/, '');
  return { tree, parent: parent || undefined, author: { name, email, date: `@${date}` }, subject, message: text };
}

async function makeCommit(
  folder: string,
  wanted: Parameters<typeof commitTree>[1],
): Promise<{ commit: string } | Failed> {
  try {
    return { commit: await commitTree({ folder }, wanted) };
  } catch (error) {
    // A key to sign with that is not there, most often.
    if (error instanceof StackError && error.code === 'git') return { failed: error.message, hint: error.hint };
    throw error;
  }
}

/** True when a remote has, as far as it is known, one of the commits that lead to a tip and to none of `without`. Throws `git`. */
export async function isAnyPushed(worktree: string, tip: string, without: readonly string[]): Promise<boolean> {
  const count = async (more: readonly string[]): Promise<string> =>
    askGit(worktree, ['rev-list', '--count', tip, '--not', ...without, ...more]);
  const [all, here] = await Promise.all([count([]), count(['--remotes'])]);
  return all !== here;
}
