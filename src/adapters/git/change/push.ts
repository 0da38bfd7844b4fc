import { StackError, tolerate } from '../../../domain/errors.ts';
import { changeGit, firstLine, type GitChange, listWords, type OnStart, tryGit } from '../git.ts';
import { listRemotes } from '../remote.ts';
import { findCommit } from '../repo.ts';
import { listSettings, readSetting } from '../settings.ts';
import { listHooks } from './commit.ts';

export interface PushWish {
  /** Absolute path of the worktree: hooks run in there. */
  worktree: string;
  branch: string;
  remote: string;
  /** True: what the remote has goes, as long as it is what was last fetched and looked at. */
  force: boolean;
  signal: AbortSignal;
  deadlineSeconds: number;
  onStart?: OnStart | undefined;
  /** The person's environment. */
  env: Readonly<Record<string, string | undefined>>;
}

/** What a remote says of a push. */
export interface PushAnswer {
  /** `unreachable`: it gave no answer. `failed`: git or a hook of this repo said no. `interrupted`: nobody waited for its answer. */
  outcome: 'new' | 'updated' | 'forced' | 'unchanged' | 'rejected' | 'unreachable' | 'failed' | 'interrupted';
  reason?: string | undefined;
  /** What git, the hook or the remote said. */
  said: string[];
}

/**
 * Nothing of git's settings has a say in what goes where: whatever tags, other branches and submodules they would send along stay,
 * and no refspec but this one counts.
 */
function listArgs({ branch, remote, force }: PushWish, more: readonly string[]): string[] {
  const ref = `refs/heads/${branch}`;
  return [
    ...['-c', `remote.${remote}.mirror=false`],
    ...['push', '--porcelain', '--no-follow-tags', '--recurse-submodules=no', ...more],
    ...(force ? [`--force-with-lease=${ref}`, '--force-if-includes'] : []),
    ...['--end-of-options', remote, `${ref}:${ref}`],
  ];
}

/**
 * Asks a remote what it would say to a push of a branch; nothing moves. With `hooks` those of the repo that look at a push have
 * their say. Throws `git` when git cannot run, `interrupted`.
 */
export async function tryPush(wish: PushWish, { hooks }: { hooks: boolean }): Promise<PushAnswer> {
  const args = listArgs(wish, ['--dry-run', ...(hooks ? [] : ['--no-verify'])]);
  return judge(await pushGit(wish, args), wish);
}

/**
 * Pushes a branch to its own name and, unless told otherwise, makes that its upstream. What was interrupted is an answer too: other
 * repos may have been pushed before. Throws `git` when git cannot run.
 */
export async function pushBranch(
  wish: PushWish,
  { hooks, upstream = true }: { hooks: boolean; upstream?: boolean },
): Promise<PushAnswer> {
  const args = listArgs(wish, [...(upstream ? ['--set-upstream'] : []), ...(hooks ? [] : ['--no-verify'])]);
  const done = await tolerate(pushGit(wish, args), 'interrupted');
  return done ? judge(done, wish) : tellInterrupted(wish);
}

/** Git notes what the remote has taken once it has said so. */
async function tellInterrupted({ worktree, remote, branch }: PushWish): Promise<PushAnswer> {
  const [there, here] = await Promise.all(
    [`refs/remotes/${remote}/${branch}`, `refs/heads/${branch}`].map((ref) => findCommit(worktree, [ref])),
  );
  if (there !== undefined && there === here) return { outcome: 'updated', said: [] };
  return { outcome: 'interrupted', reason: `interrupted before ${remote} had answered`, said: [] };
}

/** True for a repo that has something to say before a push. */
export async function hasPushHook(worktree: string): Promise<boolean> {
  return (await listHooks(worktree, ['pre-push'])).length > 0;
}

/** Nobody is asked anything, here or in a window of their own; what helpers know already is used. */
async function pushGit(
  { worktree, signal, deadlineSeconds, onStart, env: own }: PushWish,
  args: readonly string[],
): Promise<GitChange> {
  const env = {
    GIT_TERMINAL_PROMPT: '0',
    GCM_INTERACTIVE: 'never',
    SSH_ASKPASS: undefined,
    SSH_ASKPASS_REQUIRE: 'never',
    // What git says is read here; hooks keep their locale.
    LANGUAGE: 'en',
    ...(await listSshSettings(worktree, own)),
  };
  return changeGit(worktree, args, { deadlineSeconds, signal, onStart, env });
}

/** The ssh that the person's environment or settings name, told to ask nothing. Another program than ssh has no terminal at least. */
async function listSshSettings(
  worktree: string,
  { GIT_SSH_COMMAND, GIT_SSH }: PushWish['env'],
): Promise<Record<string, string>> {
  const configured = (await readSetting(worktree, 'core.sshCommand'))?.trim();
  const command = GIT_SSH_COMMAND ?? (configured || (GIT_SSH === undefined ? 'ssh' : undefined));
  const isOpenSsh = command !== undefined && /^\s*(\S*\/)?ssh(\s|$)/.test(command);
  return isOpenSsh ? { GIT_SSH_COMMAND: `${command} -o BatchMode=yes` } : {};
}

/** git-push(1), OUTPUT: a flag, `from:to`, and a summary with the reason in brackets, between tabs. */
const LINE = /^([ +*=!-])\t(\S+):(\S+)\t(.*)$/m;
const FLAGS: Record<string, PushAnswer['outcome']> = { ' ': 'updated', '+': 'forced', '*': 'new', '=': 'unchanged' };
const NO_ANSWER =
  /could not read from remote|unable to access|could not resolve|unable to (look up|connect)|does not appear to be a git|repository .* (not found|does not exist)|authentication failed|could not read (Username|Password)|connection (refused|timed out|reset|closed)|early EOF|remote end hung up/i;

function judge(done: GitChange, { remote, deadlineSeconds }: PushWish): PushAnswer {
  const said = listWords(done).filter((line) => !/^(To |error: failed to push|Everything up-to-date)/.test(line));
  if (done.timedOut)
    return { outcome: 'unreachable', reason: `${remote} gave no answer within ${deadlineSeconds} s`, said };
  const [, flag = '', , , summary = ''] = LINE.exec(done.stdout) ?? [];
  if (flag === '!') return { outcome: 'rejected', reason: explainRejection(summary, said), said };
  const outcome = FLAGS[flag];
  if (done.exitCode === 0 && outcome !== undefined) return { outcome, said };
  if (NO_ANSWER.test(done.stderr)) return { outcome: 'unreachable', reason: explainSilence(done, remote), said };
  return { outcome: 'failed', reason: firstLine(done.stderr) || `git push ended with ${done.exitCode}`, said };
}

function explainSilence({ stderr }: GitChange, remote: string): string {
  const lines = stderr.split('\n').filter((line) => !/^(Please make sure|and the repository exists|\s*$)/.test(line));
  const first = lines.find((line) => !/could not read from remote repository/i.test(line)) ?? lines[0] ?? '';
  return `${remote} cannot be reached: ${first.replace(/^(fatal|error): /, '')}`;
}

function explainRejection(summary: string, said: readonly string[]): string {
  const why = /\(([^)]*)\)\s*$/.exec(summary)?.[1] ?? summary;
  if (/fetch first|non-fast-forward/.test(why)) return 'the remote has commits that this branch lacks';
  if (/stale info/.test(why)) return 'the remote has moved since it was last fetched';
  if (/remote ref updated since checkout/.test(why))
    return 'the remote has commits that were fetched, and never in this branch';
  const remote = said.find((line) => /^remote: (error|fatal|GitLab|GitHub|.*denied|.*protected)/i.test(line));
  return remote === undefined
    ? `the remote says no: ${why}`
    : `the remote says no: ${remote.replace(/^remote: (error: )?/, '')}`;
}

/** Where a branch is pushed to, and what is known of it there as of the last fetch or push. */
export interface PushPlace {
  remote: string;
  /** The branch that the remote calls its head, as far as it is known. */
  head: string | undefined;
  /** Full id of the commit that the branch is at there; undefined where it is not, or not known. */
  tip: string | undefined;
  /** True when the branch has its own name at that remote for its upstream. */
  isUpstream: boolean;
  /** False: all of its commits are at the remote already, on other branches. */
  hasOwnCommits: boolean;
}

/**
 * Returns the remote that a branch belongs to, as git decides it for a push: `branch.X.pushRemote`, `remote.pushDefault`,
 * `branch.X.remote`, origin, the only one; and whether it is the branch's upstream, under its own name. Undefined where there is none.
 * Throws `usage` when there are several, and `git`.
 */
export async function findPushRemote(
  worktree: string,
  branch: string,
): Promise<Pick<PushPlace, 'remote' | 'isUpstream'> | undefined> {
  const [remotes, settings] = await Promise.all([listRemotes(worktree), listSettings(worktree)]);
  const read = (key: string): string | undefined => settings.findLast(([name]) => name === key)?.[1] || undefined;
  const [wished, general, tracked, merge] = [
    read(`branch.${branch}.pushremote`),
    read('remote.pushdefault'),
    read(`branch.${branch}.remote`),
    read(`branch.${branch}.merge`),
  ];
  const named = wished ?? general ?? (tracked === '.' ? undefined : tracked);
  const remote = named ?? (remotes.length === 1 || remotes[0] === 'origin' ? remotes[0] : undefined);
  if (remote === undefined && remotes.length === 0) return undefined;
  if (remote === undefined || !remotes.includes(remote)) {
    const what = remote === undefined ? 'it has several remotes, and none is origin' : `it has no remote ${remote}`;
    throw new StackError('usage', what, {
      hint: `\`git config branch.${branch}.pushRemote NAME\` in ${worktree} says which: ${remotes.join(', ')}`,
    });
  }
  return { remote, isUpstream: tracked === remote && merge === `refs/heads/${branch}` };
}

/** Returns that remote, with what is known of the branch there. Undefined and errors as above. */
export async function findPushPlace(worktree: string, branch: string): Promise<PushPlace | undefined> {
  const found = await findPushRemote(worktree, branch);
  if (!found) return undefined;
  const { remote } = found;
  const place = `refs/remotes/${remote}`;
  const [head, tip, own] = await Promise.all([
    tryGit(worktree, ['symbolic-ref', '--quiet', `${place}/HEAD`]),
    tryGit(worktree, ['rev-parse', '--verify', '--quiet', `${place}/${branch}`]),
    tryGit(worktree, ['rev-list', '--max-count=1', `refs/heads/${branch}`, '--not', `--remotes=${remote}`]),
  ]);
  return {
    ...found,
    head: head.exitCode === 0 ? head.stdout.trim().slice(place.length + 1) : undefined,
    tip: tip.exitCode === 0 ? tip.stdout.trim() : undefined,
    hasOwnCommits: own.stdout.trim() !== '',
  };
}
