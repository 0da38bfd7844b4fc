import { repoLock } from '../../adapters/git/lock.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { findWidePush, guardPush } from '../../adapters/git/worktree/guard-push.ts';
import { withLock } from '../../adapters/lock.ts';
import { ifAnswered } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import { type Finding, offer } from './finding.ts';

/** Finds worktrees in which a plain `git push` may move another branch, by settings that came after `create`. Throws nothing of git's: other parts do. */
export async function examinePushes(state: StackState): Promise<Finding[]> {
  const ready = Object.values(state.instances).filter(({ phase }) => phase === 'ready');
  const found = ready.flatMap((record) =>
    dedicatedRepos(record).map(([repo, own]) => ifAnswered(examineOne(record, repo, own))),
  );
  const all = (await Promise.all(found)).flatMap((one) => one ?? []);
  // What stands in the settings of a repo or of a person is told once, for all tickets.
  return all.filter(
    (one, at) => all.findIndex(({ subject, text }) => subject === one.subject && text === one.text) === at,
  );
}

async function examineOne({ ticket }: InstanceRecord, repo: string, own: DedicatedRepo): Promise<Finding[]> {
  const { worktree, branch, gitCommonDir } = own;
  const entry = await readOwnEntry(worktree, gitCommonDir);
  const wide = entry && (await findWidePush(worktree, branch));
  if (!wide) return [];
  const text = `a plain \`git push\` in ${worktree} may move other branches: ${wide.reason}`;
  if (!wide.guarded) {
    const told = `a plain \`git push\` in tickets may move other branches: ${wide.reason}; ${wide.hint}`;
    // What a person has for all repos is the person's wish: said, and no fault.
    return [{ subject: wide.isElsewhere ? 'git' : repo, ok: wide.isElsewhere, text: told }];
  }
  const question = `Have a plain \`git push\` in ${repo} of ${ticket} move ${branch} alone?`;
  const fixed = offer(ticket, text, question, async () => {
    const left = await withLock(repoLock(gitCommonDir), () => guardPush(worktree, gitCommonDir, { entry, branch }));
    return left ?? `a plain \`git push\` in ${repo} moves ${branch} alone`;
  });
  return [{ ...fixed, hint: wide.hint }];
}
