import { gitError } from '../git.ts';
import type { PlainGit } from '../risk/plain.ts';

/** A file that is another in the second of two trees. */
export interface ShownFile {
  /** From the top of the trees. */
  path: string;
  /** What a renamed one was called. */
  from?: string;
  status: 'added' | 'modified' | 'deleted' | 'renamed';
  /** Lines; null for a binary file. */
  additions: number | null;
  deletions: number | null;
}

/** How changes are shown. */
export interface ShowOptions {
  flags: readonly string[];
  /** From the top of the trees, to the letter; none: all. */
  paths: readonly string[];
  /** A folder with the files of the trees: its `.gitattributes` say which are binary, and what names their functions. */
  attributesOf: string;
  /** The person's settings: where they are, as the environment has it. */
  env: Record<string, string | undefined>;
}

/** No driver of a file's kind runs: a diff shows what is there, and is one that can be applied. */
const NO_PROGRAMS = ['--no-ext-diff', '--no-textconv'];

type Trees = readonly [from: string, to: string];

/** Returns two trees with some trees in them, by name. Throws `git`. */
export async function joinTrees(
  git: PlainGit,
  sides: readonly [Readonly<Record<string, string>>, Readonly<Record<string, string>>],
): Promise<Trees> {
  const texts = sides.map((trees) =>
    Object.entries(trees)
      .map(([name, tree]) => `040000 tree ${tree}\t${name}\0`)
      .join(''),
  );
  // An empty line stands between two trees (git-mktree(1)).
  const answer = await git(['mktree', '-z', '--missing', '--batch'], texts.join('\0'));
  const [from, to] = answer.stdout.split('\n');
  if (answer.exitCode !== 0 || !from || !to) throw gitError('cannot look at repos side by side', answer);
  return [from, to];
}

/** Returns what changed from one tree to the other, as git prints it by the person's own settings. Throws `git`. */
export async function showChanges(git: PlainGit, trees: Trees, options: ShowOptions): Promise<string> {
  const { flags, paths, attributesOf, env } = options;
  const args = ['diff', ...NO_PROGRAMS, ...flags, ...trees, '--', ...paths];
  const answer = await git(args, undefined, { workTree: attributesOf, env });
  if (answer.exitCode !== 0) throw gitError('git cannot show what changed', answer);
  return answer.stdout;
}

/** Returns the files that changed from one tree to the other, renamed ones as such. Throws `git`. */
export async function listShownFiles(
  git: PlainGit,
  trees: Trees,
  { paths, attributesOf }: Pick<ShowOptions, 'paths' | 'attributesOf'>,
): Promise<ShownFile[]> {
  const args = ['diff', ...NO_PROGRAMS, '-M', '--raw', '--numstat', '-z', ...trees, '--', ...paths];
  const answer = await git(args, undefined, { workTree: attributesOf });
  if (answer.exitCode !== 0) throw gitError('git cannot list what changed', answer);
  return readFiles(answer.stdout.split('\0'));
}

const STATUS: Record<string, ShownFile['status']> = { A: 'added', D: 'deleted', R: 'renamed' };

/** First come all lines of `--raw`, then as many of `--numstat`; a renamed file has two names in both. */
function readFiles(fields: readonly string[]): ShownFile[] {
  const files = new Map<string, ShownFile>();
  let at = 0;
  const next = (): string => fields[at++] ?? '';
  while (at < fields.length) {
    const field = next();
    const status = /^:.* ([A-Z])\d*$/.exec(field)?.[1];
    if (status === undefined) {
      count(files, field, next);
      continue;
    }
    const from = status === 'R' ? { from: next() } : {};
    const path = next();
    files.set(path, { path, ...from, status: STATUS[status] ?? 'modified', additions: null, deletions: null });
  }
  return [...files.values()];
}

function count(files: ReadonlyMap<string, ShownFile>, field: string, next: () => string): void {
  const [, additions, deletions, name = ''] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(field) ?? [];
  if (additions === undefined) return;
  const file = files.get(name !== '' ? name : ([next(), next()][1] ?? ''));
  if (file) Object.assign(file, { additions: countOf(additions), deletions: countOf(deletions) });
}

function countOf(text: string | undefined): number | null {
  return text === undefined || text === '-' ? null : Number(text);
}
