import { quoteForShell } from '../../domain/shell.ts';
import { askGit, firstLine, type GitAnswer, gitError, tryGit } from './git.ts';
import { fetchFromRemote, listRefs, listRemotes, type RemoteRef, readRefs } from './remote.ts';
import { findCommit } from './repo.ts';

/** How a local branch stands to the branch of a remote that it follows, as of the last fetch. */
export interface Upstream {
  /** `origin/main`. */
  name: string;
  /** Full id of the commit that it is at. */
  commit: string;
  /** How many commits only the local branch has, and only the other. */
  ahead: number;
  behind: number;
}

interface Question {
  /** Absolute path of a checkout. */
  path: string;
  /** What a new branch is to start from, as asked for. */
  base: string;
}

/** Returns how a base stands to its upstream; undefined for what is no local branch, or follows none that is there. Throws `git`. */
export async function readUpstream({ path: folder, base }: Question): Promise<Upstream | undefined> {
  const name = `refs/heads/${base}`;
  const format = '%(refname)%00%(upstream)%00%(upstream:short)%00%(upstream:track,nobracket)';
  const lines = (await askGit(folder, ['for-each-ref', `--format=${format}`, name])).split('\n');
  const [, ref = '', short = '', track = ''] = lines.find((line) => line.startsWith(`${name}\0`))?.split('\0') ?? [];
  if (ref === '' || track === 'gone') return undefined;
  const commit = (await askGit(folder, ['rev-parse', '--verify', `${ref}^{commit}`])).trim();
  const count = (word: string): number => Number(new RegExp(`${word} (\\d+)`).exec(track)?.[1] ?? 0);
  return { name: short, commit, ahead: count('ahead'), behind: count('behind') };
}

/**
 * Fetches the remote branch that a base follows, or is, and nothing else; a base of another kind stays as it is. Throws `git` where the
 * remote does not answer, `interrupted`.
 */
export async function fetchBase({ path: folder, base }: Question, signal: AbortSignal | undefined): Promise<void> {
  const found = await findRemoteBranch({ path: folder, base });
  if (!found) return;
  const answer = await fetchFromRemote(folder, found, signal);
  if (answer.exitCode === 0) return;
  const hint = `without \`--fetch\` the ticket starts from what is here; \`git -C ${quoteForShell(folder)} fetch ${found.remote}\` may say more`;
  throw gitError(`cannot fetch ${base} from ${found.remote}`, answer, hint);
}

/**
 * Brings the remote branch that a base follows, or is, up to date, once the remote has said within a deadline what it has. Returns why
 * that could not be, in one line: then what was fetched last counts. Undefined when it is done, or there is nothing to ask. Throws
 * `interrupted`.
 */
export async function refreshBase(question: Question, signal: AbortSignal): Promise<string | undefined> {
  const found = await findRemoteBranch(question);
  if (!found) return undefined;
  const { remote, ref, localRef } = found;
  const asked = await listRefs(question.path, remote, [ref], signal);
  const silent = (answer: GitAnswer & { timedOut?: boolean }): string =>
    answer.timedOut ? 'no answer' : firstLine(answer.stderr) || `exit ${answer.exitCode}`;
  if (asked.exitCode !== 0) return `${remote} cannot be reached (${silent(asked)})`;
  const there = readRefs(asked.stdout).get(ref);
  if (there === undefined) return `${remote} has no ${ref.replace('refs/heads/', '')} any more`;
  if ((await findCommit(question.path, [localRef])) === there) return undefined;
  const fetched = await fetchFromRemote(question.path, found, signal);
  return fetched.exitCode === 0 ? undefined : `${ref} cannot be fetched from ${remote} (${silent(fetched)})`;
}

async function findRemoteBranch({ path: folder, base }: Question): Promise<RemoteRef | undefined> {
  const format = '%(refname)%00%(upstream:remotename)%00%(upstream:remoteref)%00%(upstream)';
  const refs = [`refs/heads/${base}`, `refs/remotes/${base}`];
  const lines = (await askGit(folder, ['for-each-ref', `--format=${format}`, ...refs])).split('\n');
  const fieldsOf = (ref: string) => lines.find((line) => line.startsWith(`${ref}\0`))?.split('\0');
  const [, remote = '', ref = '', localRef = ''] = fieldsOf(refs[0] ?? '') ?? [];
  // A branch that follows one of this very repo has `.` for a remote.
  if (remote !== '' && remote !== '.' && localRef !== '') return { remote, ref, localRef, commit: '' };
  const remotes = await listRemotes(folder);
  const own = fieldsOf(refs[1] ?? '') && remotes.find((name) => base.startsWith(`${name}/`));
  if (own === undefined) return fieldsOf(refs[0] ?? '') ? undefined : findOnlyThere(folder, base, remotes);
  return { remote: own, ref: `refs/heads/${base.slice(own.length + 1)}`, localRef: refs[1] ?? '', commit: '' };
}

/** A base that no branch here has, and a remote did at the last fetch. */
async function findOnlyThere(folder: string, base: string, remotes: readonly string[]): Promise<RemoteRef | undefined> {
  for (const remote of remotes) {
    const localRef = `refs/remotes/${remote}/${base}`;
    if ((await findCommit(folder, [localRef])) !== undefined)
      return { remote, ref: `refs/heads/${base}`, localRef, commit: '' };
  }
  return undefined;
}

/** True when a branch holds nothing that its upstream did not have once, as the log of that tells. Throws `git` when git cannot run. */
export async function isOnceOf(folder: string, upstream: string, branch: string): Promise<boolean> {
  const [fork, tip] = await Promise.all([
    tryGit(folder, ['merge-base', '--fork-point', `refs/remotes/${upstream}`, `refs/heads/${branch}`]),
    findCommit(folder, [`refs/heads/${branch}`]),
  ]);
  return tip !== undefined && fork.stdout.trim() === tip;
}
