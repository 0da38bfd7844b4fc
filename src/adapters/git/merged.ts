import { askGit, changeGit, tryGit } from './git.ts';

export interface MergeQuestion {
  /** A folder of the repo. */
  cwd: string;
  branch: string;
  /** Full id of the commit the branch is at. */
  tip: string;
  /** What the branch was started from, as asked for. */
  base: string;
  /** Other branches that are about to go: in them nothing is safe. */
  alsoGoing?: readonly string[] | undefined;
}

interface Ref {
  name: string;
  commit: string;
  upstream: string;
  /** What a symbolic ref stands for. */
  symref: string;
}

const OBJECT_SECONDS = 60;

/**
 * True when all that the branch holds is in its base, the base's upstream, or the repo's main branch, as of the last
 * fetch: merged, rebased, or squashed into one commit. Throws `git`.
 */
export async function isMerged(question: MergeQuestion): Promise<boolean> {
  for (const target of await listTargets(question)) {
    if (await isIn(question, target)) return true;
  }
  return false;
}

/** Commits of the branches that the work may have gone to, each once. */
async function listTargets({ cwd, base, branch, alsoGoing = [] }: MergeQuestion): Promise<string[]> {
  const format = '--format=%(refname)%00%(objectname)%00%(upstream)%00%(symref)';
  const lines = (await askGit(cwd, ['for-each-ref', format, 'refs/heads', 'refs/remotes'])).split('\n');
  const refs = lines.map((line): Ref => {
    const [name = '', commit = '', upstream = '', symref = ''] = line.split('\0');
    return { name, commit, upstream, symref };
  });
  const remoteHeads = refs.filter(({ name }) => /^refs\/remotes\/[^/]+\/HEAD$/.test(name)).map(({ symref }) => symref);
  const wanted = new Set(['main', 'master', base, ...remoteHeads.map(nameOf)]);
  wanted.delete(branch);
  const upstreams = refs.flatMap(({ name, upstream }) => (wanted.has(nameOf(name)) ? [upstream] : []));
  const going = new Set(alsoGoing.map((name) => `refs/heads/${name}`));
  const found = refs.filter(({ name }) => !going.has(name) && (wanted.has(nameOf(name)) || upstreams.includes(name)));
  return [...new Set(found.map(({ commit }) => commit))];
}

/** `refs/heads/feat/ui` and `refs/remotes/origin/feat/ui` are both `feat/ui`. */
function nameOf(ref: string): string {
  return ref.replace(/^refs\/(heads|remotes\/[^/]+)\//, '');
}

async function isIn(question: MergeQuestion, target: string): Promise<boolean> {
  const { cwd, tip } = question;
  const { exitCode, stdout } = await tryGit(cwd, ['merge-base', target, tip]);
  const start = stdout.trim();
  if (exitCode !== 0 || start === '') return false;
  if (start === tip) return true;
  // Work that was taken back again is nowhere else: that its sum is nothing does not make it merged.
  const changes = await tryGit(cwd, ['diff', '--quiet', start, tip, '--']);
  if (changes.exitCode !== 1) return false;
  return (
    (await addsNothing(cwd, target, tip)) || (await hasEveryPatch(cwd, target, tip)) || hasSum(question, target, start)
  );
}

/** True when a merge would change nothing. Git before 2.38 cannot tell; then the patches have the say. */
async function addsNothing(cwd: string, target: string, tip: string): Promise<boolean> {
  const [merged, tree] = await Promise.all([
    tryGit(cwd, ['merge-tree', '--write-tree', target, tip]),
    askGit(cwd, ['rev-parse', `${target}^{tree}`]),
  ]);
  return merged.exitCode === 0 && merged.stdout.trim() === tree.trim();
}

/** What somebody did in a merge commit is no patch, so a branch that has one is judged as a whole. */
async function hasEveryPatch(cwd: string, target: string, tip: string): Promise<boolean> {
  const merges = await askGit(cwd, ['rev-list', '--min-parents=2', '--max-count=1', tip, '--not', target]);
  return merges === '' && (await isCherry(cwd, target, tip));
}

/** The branch as one commit, compared with each commit that the target got since: a squash that was built upon. */
async function hasSum({ cwd, tip }: MergeQuestion, target: string, start: string): Promise<boolean> {
  const identity = ['-c', 'user.name=stack', '-c', 'user.email=stack@localhost'];
  const commit = [...identity, 'commit-tree', '-m', 'All of the branch', '-p', start, `${tip}^{tree}`];
  const sum = await changeGit(cwd, commit, { deadlineSeconds: OBJECT_SECONDS });
  return sum.exitCode === 0 && isCherry(cwd, target, sum.stdout.trim());
}

async function isCherry(cwd: string, target: string, tip: string): Promise<boolean> {
  const lines = (await askGit(cwd, ['cherry', target, tip])).split('\n').filter((line) => line !== '');
  return lines.length > 0 && lines.every((line) => line.startsWith('- '));
}
