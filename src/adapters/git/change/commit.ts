import { existsSync } from 'node:fs';
import path from 'node:path';
import { askGit, changeGit, firstLine, type GitChange, hintUnsigned, listWords, type OnStart, tryGit } from '../git.ts';
import { reasonOf } from './move-ref.ts';

export interface NewCommit {
  worktree: string;
  message: string;
  /** True: what git knows of and has changed goes in too, as with `git commit --all`. */
  all: boolean;
  /** Unix seconds. */
  madeAt: number;
  deadlineSeconds: number;
  onStart: OnStart;
}

/** Why a commit did not come to be. */
export interface NoCommit {
  reason: string;
  hint?: string | undefined;
  /** What git and the hooks said. */
  said: string[];
}

/**
 * Commits what is staged as a plain `git commit` does: with the repo's hooks, signed where its settings say so. Returns undefined when
 * it is done, else why not. Throws `git` when git cannot run.
 */
export async function commitStaged(wanted: NewCommit): Promise<NoCommit | undefined> {
  const { worktree, message, all, madeAt, deadlineSeconds, onStart } = wanted;
  const time = `${madeAt} ${timeZone(madeAt)}`;
  const args = ['commit', '--quiet', `--message=${message}`, ...(all ? ['--all'] : [])];
  // By these the commit is known again, should this process be killed.
  const env = { GIT_AUTHOR_DATE: time, GIT_COMMITTER_DATE: time, GIT_REFLOG_ACTION: reasonOf('commit') };
  const done = await changeGit(worktree, args, { deadlineSeconds, env, onStart });
  if (done.exitCode === 0 && !done.timedOut) return undefined;
  return { ...(await explain(worktree, done, deadlineSeconds)), said: listWords(done) };
}

const HOOKS = ['pre-commit', 'prepare-commit-msg', 'commit-msg'];

async function explain(worktree: string, done: GitChange, seconds: number): Promise<Omit<NoCommit, 'said'>> {
  const hooks = await listHooks(worktree, HOOKS);
  const who = hooks.length === 1 ? `the hook ${hooks[0]}` : 'a hook';
  if (done.timedOut) {
    const hint = `STACK_GIT_TIMEOUT=${seconds * 2} in the environment gives it longer`;
    return { reason: `${hooks.length > 0 ? who : 'git'} was not done after ${seconds} s and was ended`, hint };
  }
  const said = firstLine(done.stderr);
  const hint = hintUnsigned(done);
  if (hint !== undefined) return { reason: `the commit cannot be signed: ${said}`, hint };
  if (hooks.length > 0 && !/^(fatal|error): /m.test(done.stderr)) return { reason: `${who} refused it` };
  return { reason: said === '' ? `git commit ended with ${done.exitCode}` : said };
}

/** Returns which of these hooks a repo has. */
export async function listHooks(worktree: string, names: readonly string[]): Promise<string[]> {
  const { stdout } = await tryGit(worktree, ['rev-parse', '--path-format=absolute', '--git-path', 'hooks']);
  return names.filter((name) => existsSync(path.join(stdout.trimEnd(), name)));
}

/** Returns why no commit can be made for want of a name or an address; undefined where there are both. */
export async function findNoIdentity(worktree: string): Promise<string | undefined> {
  for (const who of ['GIT_AUTHOR_IDENT', 'GIT_COMMITTER_IDENT']) {
    const answer = await tryGit(worktree, ['var', who]);
    const lines = answer.stderr.split('\n');
    if (answer.exitCode !== 0) return firstLine(lines.filter((line) => line.startsWith('fatal')).join('\n'));
  }
  return undefined;
}

/** Returns what a commit changed: the id of the content of each file, zeros for one that went. Throws `git`. */
export async function listCommitted(worktree: string, from: string, to: string): Promise<Map<string, string>> {
  const options = ['-r', '-z', '--raw', '--no-renames', '--no-abbrev', '--ignore-submodules=none'];
  const parts = (await askGit(worktree, ['diff-tree', ...options, from, to, '--'])).split('\0');
  const changes = new Map<string, string>();
  // `:100644 100644 <before> <after> M`, then the path.
  for (let at = 0; at + 1 < parts.length; at += 2) changes.set(parts[at + 1] ?? '', parts[at]?.split(' ')[3] ?? '');
  return changes;
}

/** Returns what git calls the text of a message once comments are gone. */
export async function stripComments(folder: string, text: string): Promise<string> {
  return (await askGit(folder, ['stripspace', '--strip-comments'], { input: text })).trimEnd();
}

/** Returns lines as comments of a message, as the repo's settings mark them. */
export async function makeComments(folder: string, text: string): Promise<string> {
  return askGit(folder, ['stripspace', '--comment-lines'], { input: text });
}

/** `+0130` */
function timeZone(seconds: number): string {
  const minutes = -new Date(seconds * 1000).getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}${String(rest).padStart(2, '0')}`;
}
