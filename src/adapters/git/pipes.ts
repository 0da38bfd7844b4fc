import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';

/** What reads the files that say what git ignores and how it reads files. */
const READS_RULES = new Set([
  'status',
  'ls-files',
  'check-ignore',
  'check-attr',
  'checkout-index',
  'diff',
  'hash-object',
]);

/** Throws `git` where git would wait for a pipe in the place of a file with its rules: at the top of a checkout, and in its git folder. */
export function refusePipes(cwd: string, [command = '', verb = '']: readonly string[]): void {
  const readsTop = READS_RULES.has(command);
  if (!readsTop && !(command === 'worktree' && verb === 'add')) return;
  const info = path.join(findCommonDir(path.join(cwd, '.git')), 'info');
  const atTop = readsTop ? ['.gitignore', '.gitattributes'].map((name) => path.join(cwd, name)) : [];
  const file = [...atTop, path.join(info, 'exclude'), path.join(info, 'attributes')].find(isPipe);
  if (file === undefined) return;
  const hint = 'move it away, or put a file in its place, then run the command again';
  throw new StackError('git', `${file} is a pipe, and git would wait for it`, { hint });
}

function isPipe(file: string): boolean {
  try {
    return statSync(file).isFIFO();
  } catch {
    return false;
  }
}

/** Of a checkout; a path that leads nowhere where there is none. */
function findCommonDir(dotGit: string): string {
  const pointer = readText(dotGit);
  const gitDir = pointer === '' ? dotGit : path.resolve(path.dirname(dotGit), pointer.replace(/^gitdir: /, ''));
  return path.resolve(gitDir, readText(path.join(gitDir, 'commondir')));
}

function readText(file: string): string {
  try {
    return statSync(file).isFile() ? readFileSync(file, 'utf8').trimEnd() : '';
  } catch {
    return '';
  }
}
