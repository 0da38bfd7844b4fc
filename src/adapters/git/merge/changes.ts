import type { FileChange, LineRange } from '../../../domain/collision.ts';
import { gitError } from '../git.ts';
import type { PlainGit } from '../risk/plain.ts';

/** Returns the ids of the trees of some commits. Throws `git`. */
export async function listTrees(git: PlainGit, commits: readonly string[]): Promise<string[]> {
  if (commits.length === 0) return [];
  const input = commits.map((commit) => `${commit}^{tree}\n`).join('');
  const answer = await git(['cat-file', '--batch-check=%(objectname) %(objecttype)'], input);
  const lines = answer.stdout.trimEnd().split('\n');
  const isWhole = lines.length === commits.length && lines.every((line) => line.endsWith(' tree'));
  if (answer.exitCode !== 0 || !isWhole) throw gitError('cannot read commits', answer);
  return lines.map((line) => line.split(' ')[0] ?? '');
}

/** Returns what changed between the trees of each pair; a renamed file is deleted here and added there. Throws `git`. */
export async function listChanges(
  git: PlainGit,
  pairs: readonly (readonly [from: string, to: string])[],
): Promise<FileChange[][]> {
  if (pairs.length === 0) return [];
  const input = pairs.map((pair) => `${pair.join(' ')}\n`).join('');
  const options = ['--stdin', '-r', '--raw', '-z', '--no-renames', '--no-abbrev', '--ignore-submodules=none'];
  const answer = await git(['diff-tree', ...options], input);
  if (answer.exitCode !== 0) throw gitError('cannot compare trees', answer);
  const found: FileChange[][] = [];
  const fields = answer.stdout.split('\0');
  for (let at = 0; at < fields.length; at += 2) {
    // Each pair is told once more, on a line of its own.
    const [, heads = '', about = ''] = /^((?:[0-9a-f]+ [0-9a-f]+\n)*)(.*)$/s.exec(fields[at] ?? '') ?? [];
    for (const _ of heads.matchAll(/\n/g)) found.push([]);
    if (about.startsWith(':')) found.at(-1)?.push(readChange(about, fields[at + 1] ?? ''));
  }
  return found;
}

function readChange(about: string, path: string): FileChange {
  const [fromMode = '', toMode = '', from = '', to = ''] = about.slice(1).split(' ');
  const isGone = (mode: string): boolean => mode === '000000';
  const status = isGone(fromMode) ? 'added' : isGone(toMode) ? 'deleted' : 'modified';
  const idOf = (mode: string, id: string): string | undefined => (isGone(mode) ? undefined : id);
  return { path, status, from: idOf(fromMode, from), to: idOf(toMode, to) };
}

/** Returns which lines of a file a change touches; none for a binary file, a submodule, or one that is not here. Throws `git` when git cannot run. */
export async function listTouchedLines(git: PlainGit, from: string, to: string): Promise<LineRange[]> {
  const { stdout } = await git(['diff', '--unified=0', '--no-color', '--no-ext-diff', '--no-textconv', from, to]);
  return [...stdout.matchAll(/^@@ -(\d+)(?:,(\d+))? /gm)].map(([, first, count = '1']): LineRange => {
    const begin = Number(first);
    return [begin, begin + Math.max(1, Number(count)) - 1];
  });
}
