import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nameFew } from '../../../domain/few.ts';
import { quoteForShell } from '../../../domain/shell.ts';
import { readFileIfThere } from '../../files/files.ts';
import { isAncestor } from '../commits.ts';
import { askGit, changeGit, firstLine, type GitChange, type OnStart, tryGit } from '../git.ts';
import { readSetting } from '../settings.ts';
import { listOperations, readOwnEntry } from '../worktree/entry.ts';
import { listAddedBy, listInPlaceOf } from './overwritten.ts';
import { readStaged } from './staged.ts';

/** A merge or rebase that git cannot end without a person, in the worktree of the branch. */
export interface Conflicted {
  worktree: string;
  way: 'rebase' | 'merge';
  /** Full ids: where the branch was, and what is brought in. */
  from: string;
  tip: string;
  /** Told the process number of each git that changes something. */
  onStart: OnStart;
}

/**
 * Where it is: `open` with the files that are not resolved, `done`, `off` where nothing is under way, what is in the way and what a person does
 * about it, or what git or a hook says against going on.
 */
export type Standing =
  | { at: 'open'; paths: string[] }
  | { at: 'done'; commit: string }
  | { at: 'off' }
  | { at: 'refused'; reason: string; cure?: string }
  | { at: 'failed'; reason: string };

/** Hooks may build and test. */
const SECONDS = 600;
/** Nobody is asked for a message: the one that is there is taken. */
const NO_EDITOR = { GIT_EDITOR: 'true' };
const MARKERS = /^<{7} .*$[\s\S]*^>{7} /m;

/**
 * Begins a plain `git merge` or `git rebase` of just these commits, which stops at what is in conflict; what git has recorded of earlier
 * resolutions (`rerere`) is used. Returns where it is then. Throws `git` when git cannot run, `files`.
 */
export async function beginConflicted(
  one: Conflicted,
  { commits, message }: { commits: readonly string[]; message: string },
): Promise<Standing> {
  const begun = await begin(one, { commits, message });
  const standing = await inspectConflicted(one);
  // With `rerere.autoupdate` nothing may be left to a person.
  return standing.at === 'open' ? advanceConflicted(one) : explain(standing, begun);
}

async function begin(
  one: Conflicted,
  { commits, message }: { commits: readonly string[]; message: string },
): Promise<GitChange> {
  const { tip } = one;
  if (one.way === 'merge')
    return changeRerere(one, ['merge', '--no-ff', '--no-commit', '--no-autostash', '-m', message, tip], {});
  const folder = await mkdtemp(path.join(tmpdir(), 'stack-rebase-'));
  try {
    const list = path.join(folder, 'todo');
    await writeFile(list, commits.map((commit) => `pick ${commit}\n`).join(''));
    const rebase = ['rebase', '--interactive', '--empty=drop', '--no-autostash', '--no-autosquash', '--no-verify', tip];
    const env = { ...NO_EDITOR, GIT_SEQUENCE_EDITOR: `cp ${quoteForShell(list)}` };
    return await changeRerere(one, rebase, env);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Goes on where all is resolved. Returns where it is then. Throws `git` when git cannot run. */
export async function advanceConflicted(one: Conflicted): Promise<Standing> {
  const { worktree } = one;
  const standing = await inspectConflicted(one);
  if (standing.at !== 'open' || standing.paths.length > 0) return standing;
  const isRebase = (await readOperation(worktree)) === 'a rebase';
  const lost = isRebase ? await listInPlaceOf(worktree, await listAddedBy(worktree, await readTodo(worktree))) : [];
  if (lost.length > 0)
    return {
      at: 'refused',
      reason: `files that git does not know would be written over: ${nameFew(lost)}`,
      cure: `move them out of ${worktree}`,
    };
  const args = isRebase ? ['rebase', '--continue'] : ['commit', '--no-edit', '--quiet'];
  const { head, changed } = await readStaged(worktree);
  if (isRebase && changed.length > 0)
    return {
      at: 'refused',
      reason: `changes are not staged: ${nameFew(changed)}`,
      cure: `\`git add\` or \`git stash\` them in ${worktree}`,
    };
  const done = await changeRerere(one, args, NO_EDITOR);
  // It has stopped at a later commit.
  if (done.exitCode !== 0 && (await readStaged(worktree)).head !== head) return advanceConflicted(one);
  return explain(await inspectConflicted(one), done);
}

/** Returns where it is. Throws `git`. */
async function inspectConflicted({
  worktree,
  from,
  tip,
}: Pick<Conflicted, 'worktree' | 'from' | 'tip'>): Promise<Standing> {
  const operation = await readOperation(worktree);
  const { unmerged, staged, head = from } = await readStaged(worktree);
  if (operation !== undefined && !(await isOurs({ worktree, from, tip }, operation)))
    return { at: 'refused', reason: `${operation} that stack did not begin is under way` };
  if (operation === 'a merge' || operation === 'a rebase') {
    const paths = unmerged.length > 0 ? unmerged : await listMarked(worktree, [...staged.keys()]);
    return { at: 'open', paths };
  }
  if (operation !== undefined) return { at: 'refused', reason: `${operation} is under way` };
  if (head === from) return { at: 'off' };
  return (await isAncestor(worktree, tip, head))
    ? { at: 'done', commit: head }
    : { at: 'refused', reason: `it is at ${head.slice(0, 7)}, without the news` };
}

/** Says whether this merge or rebase is under way, or why what is under way cannot be given up for it. Throws `git`. */
export async function findUnderWay(one: Conflicted): Promise<'none' | 'this' | { refused: string }> {
  const operation = await readOperation(one.worktree);
  if (operation !== 'a merge' && operation !== 'a rebase') return 'none';
  return (await isOurs(one, operation)) ? 'this' : { refused: `${operation} that stack did not begin is under way` };
}

/**
 * Gives up a merge or rebase under way; what is resolved of it is kept by `rerere`. Returns what git says against it. Throws `git` when git
 * cannot run.
 */
export async function abortConflicted(one: Conflicted): Promise<string | undefined> {
  const { worktree, onStart } = one;
  if ((await findUnderWay(one)) !== 'this') return undefined;
  const verb = (await readOperation(worktree)) === 'a merge' ? 'merge' : 'rebase';
  await changeRerere(one, ['rerere'], {});
  const done = await changeGit(worktree, [verb, '--abort'], { deadlineSeconds: SECONDS, onStart });
  return done.exitCode === 0 ? undefined : sayWhy(done);
}

/** A person may have ended it by hand, and begun another one since. */
async function isOurs(
  { worktree, from, tip }: Pick<Conflicted, 'worktree' | 'from' | 'tip'>,
  operation: string,
): Promise<boolean> {
  if (operation === 'a merge')
    return (await tryGit(worktree, ['rev-parse', '--verify', '--quiet', 'MERGE_HEAD'])).stdout.trim() === tip;
  const entry = await readOwnEntry(worktree);
  const read = async (name: string): Promise<string | undefined> =>
    entry && (await readFileIfThere(path.join(entry.folder, 'rebase-merge', name)))?.trim();
  return (await read('onto')) === tip && (await read('orig-head')) === from;
}

/** The commits that a rebase under way has still to make: git takes ignored files in the place of theirs for its own. */
async function readTodo(worktree: string): Promise<string[]> {
  const entry = await readOwnEntry(worktree);
  const todo = entry && (await readFileIfThere(path.join(entry.folder, 'rebase-merge', 'git-rebase-todo')));
  return [...(todo ?? '').matchAll(/^(?:p|pick) ([0-9a-f]+)/gm)].map(([, commit = '']) => commit);
}

/** Returns what is under way in a worktree: `a merge`, `a rebase`, …; undefined for nothing. Throws `files`. */
export async function readOperation(worktree: string): Promise<string | undefined> {
  const entry = await readOwnEntry(worktree);
  return entry && (await listOperations(entry))[0];
}

/** Where a person has said something about `rerere`, that counts. */
async function changeRerere(
  { worktree, onStart }: Pick<Conflicted, 'worktree' | 'onStart'>,
  args: readonly string[],
  env: Record<string, string>,
): Promise<GitChange> {
  const said = await readSetting(worktree, 'rerere.enabled');
  const settings = said !== undefined ? [] : ['-c', 'rerere.enabled=true'];
  return changeGit(worktree, [...settings, ...args], { deadlineSeconds: SECONDS, env, onStart });
}

/** Where git has not come any further, what it says is why. */
function explain(standing: Standing, done: GitChange): Standing {
  const isStuck =
    done.exitCode !== 0 && (standing.at === 'off' || (standing.at === 'open' && standing.paths.length === 0));
  return isStuck ? { at: 'failed', reason: sayWhy(done) } : standing;
}

function sayWhy({ exitCode, stderr, stdout }: GitChange): string {
  return firstLine(stderr) || firstLine(stdout) || `git ended with exit code ${exitCode}`;
}

/** Staged with the marks of a conflict in it: nobody has resolved that. */
async function listMarked(worktree: string, paths: readonly string[]): Promise<string[]> {
  const marked: string[] = [];
  for (const name of paths) {
    const found = await tryGit(worktree, [
      'grep',
      '--cached',
      '-I',
      '-q',
      '-E',
      '^<{7} ',
      '--',
      `:(literal,top)${name}`,
    ]);
    if (found.exitCode === 0 && MARKERS.test(await askGit(worktree, ['show', `:${name}`]))) marked.push(name);
  }
  return marked;
}
