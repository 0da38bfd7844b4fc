import { StackError } from '../../domain/errors.ts';
import { askGit, changeGit, type GitAnswer, type GitChange } from './git.ts';
import { type ForgeRequest, isBranchName } from './names.ts';

/** A branch, tag or commit that a remote has. */
export interface RemoteRef {
  remote: string;
  /** Full name there (`refs/heads/feat/ui`), or a commit id. */
  ref: string;
  /** Full name it gets here; a commit id has none and stays itself. */
  localRef: string;
  /** Full id of the commit. */
  commit: string;
}

export interface Unreachable {
  remote: string;
  answer: GitAnswer;
}

export interface RemoteAnswer {
  found: RemoteRef | undefined;
  /** A remote that could not be asked, and what was said of it. */
  unreachable: Unreachable | undefined;
}

const ASK_SECONDS = 20;
const FETCH_SECONDS = 600;

/** Returns the names of a repo's remotes, `origin` first. */
export async function listRemotes(folder: string): Promise<string[]> {
  const names = (await askGit(folder, ['remote'])).split('\n').filter((name) => name !== '');
  return names.sort((a, b) => Number(b === 'origin') - Number(a === 'origin'));
}

/**
 * Returns the remote branch of a bare name that is known here, as of the last fetch. Throws `usage` when several remotes,
 * and not `origin`, have it.
 */
export async function findTracked(question: {
  repo: string;
  path: string;
  branch: string;
  remotes: readonly string[];
}): Promise<RemoteRef | undefined> {
  const { repo, path: folder, branch, remotes } = question;
  if (!isBranchName(branch) || remotes.length === 0) return undefined;
  const names = remotes.map((remote) => `refs/remotes/${remote}/${branch}`);
  const text = await askGit(folder, ['for-each-ref', '--format=%(objectname) %(refname)', ...names]);
  const found = text.split('\n').flatMap((line): RemoteRef[] => {
    const [commit = '', localRef = ''] = line.split(' ');
    const remote = remotes[names.indexOf(localRef)];
    return remote === undefined ? [] : [{ remote, ref: `refs/heads/${branch}`, localRef, commit }];
  });
  const best = found.find(({ remote }) => remote === 'origin') ?? found[0];
  if (found.length < 2 || best?.remote === 'origin') return best;
  throw new StackError('usage', `${repo} has ${branch} on several remotes`, {
    hint: `say which: ${found.map(({ remote }) => `${remote}/${branch}`).join(', ')}`,
  });
}

/**
 * Asks the remotes, one after the other, for a branch or tag (`feat/ui`, `origin/feat/ui`) or a full commit id.
 * Throws `interrupted`.
 */
export async function findOnRemotes(
  folder: string,
  name: string,
  remotes: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RemoteAnswer> {
  const [first] = remotes;
  if (first !== undefined && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(name)) {
    return { found: { remote: first, ref: name, localRef: name, commit: name }, unreachable: undefined };
  }
  const asked = remotes
    .map((remote) => ({ remote, branch: name.startsWith(`${remote}/`) ? name.slice(remote.length + 1) : name }))
    .sort((a, b) => a.branch.length - b.branch.length)
    .filter(({ branch }) => isBranchName(branch));
  let unreachable: Unreachable | undefined;
  for (const { remote, branch } of asked) {
    const answer = await askRemote(folder, remote, branch, signal);
    if (answer.exitCode !== 0) unreachable ??= { remote, answer };
    const found = answer.exitCode === 0 ? readRemote(remote, branch, answer.stdout) : undefined;
    if (found) return { found, unreachable };
  }
  return { found: undefined, unreachable };
}

/** Asks the remotes, one after the other, for a pull or merge request. Throws `interrupted`. */
export async function findForgeRequest(
  folder: string,
  { name }: ForgeRequest,
  remotes: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RemoteAnswer> {
  const ref = `refs/${name}`;
  let unreachable: Unreachable | undefined;
  for (const remote of remotes) {
    const answer = await listRefs(folder, remote, [ref], signal);
    const commit = answer.exitCode === 0 ? readRefs(answer.stdout).get(ref) : undefined;
    if (commit !== undefined) return { found: { remote, ref, localRef: ref, commit }, unreachable };
    if (answer.exitCode !== 0) unreachable ??= { remote, answer };
  }
  return { found: undefined, unreachable };
}

/** Fetches one ref and nothing else. Returns what git said; whether the ref is here now must be looked at. Throws `interrupted`. */
export async function fetchFromRemote(
  folder: string,
  { remote, ref, localRef }: RemoteRef,
  signal: AbortSignal | undefined,
): Promise<GitAnswer> {
  const refspec = ref.startsWith('refs/') ? `+${ref}:${localRef}` : ref;
  const options = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--no-auto-gc'];
  return changeGit(folder, ['fetch', ...options, '--end-of-options', remote, refspec], {
    deadlineSeconds: FETCH_SECONDS,
    signal,
  });
}

async function askRemote(
  folder: string,
  remote: string,
  branch: string,
  signal: AbortSignal | undefined,
): Promise<GitAnswer> {
  return listRefs(folder, remote, [`refs/heads/${branch}`, `refs/tags/${branch}`, `refs/tags/${branch}^{}`], signal);
}

/** Asks a remote which of some refs it has, with a deadline. Returns what git said, for `readRefs`. Throws `interrupted`. */
export async function listRefs(
  folder: string,
  remote: string,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<GitChange> {
  // Without a terminal: a remote that wants a password must not ask in the middle of a progress display.
  const options = { deadlineSeconds: ASK_SECONDS, signal };
  return changeGit(folder, ['ls-remote', '--end-of-options', remote, ...names], options);
}

/** Returns the commit of each name. */
export function readRefs(text: string): Map<string, string> {
  return new Map(text.split('\n').map((line) => line.split('\t').reverse() as [string, string]));
}

/** A pattern matches at the end of a name too, so the names are compared. An annotated tag's commit is on its `^{}` line. */
function readRemote(remote: string, branch: string, text: string): RemoteRef | undefined {
  const ids = readRefs(text);
  const head = ids.get(`refs/heads/${branch}`);
  if (head) {
    return { remote, ref: `refs/heads/${branch}`, localRef: `refs/remotes/${remote}/${branch}`, commit: head };
  }
  const ref = `refs/tags/${branch}`;
  const tagged = ids.get(`${ref}^{}`) ?? ids.get(ref);
  return tagged === undefined ? undefined : { remote, ref, localRef: ref, commit: tagged };
}
