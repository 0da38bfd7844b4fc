import { chmod, lstat, mkdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tolerate } from '../../domain/errors.ts';
import { explainFileError, ifThere } from '../files/file-errors.ts';
import { isThere, removeIfEmpty } from '../files/files.ts';
import { readWhole } from '../files/read-file.ts';
import { sweepTemporaries, temporaryIn } from '../files/temporary.ts';
import { withLock } from '../lock.ts';
import { askGit, gitError, tryGit } from './git.ts';
import { excludeLock } from './lock.ts';

/** A pattern counts for all worktrees of a repo, so each ticket that needs it has its own two lines. */
const MARK = '# stack: the next line is for ';
/** First line of a file that was not there before; with the folder's name when that was not there either. */
const MADE_FILE = '# stack made this file';
const MADE_FOLDER = '# stack made this file and its folder';

/**
 * Hides what a pattern names from `git status` in all checkouts of a repo, for one owner; twice is once. What people wrote
 * in `info/exclude` is kept byte for byte, and has the last word. Throws `files`, `busy`.
 */
export async function addExclude(gitCommonDir: string, pattern: string, owner: string): Promise<void> {
  await changeExclude(gitCommonDir, (lines) => {
    const [mark, entry] = [encode(MARK + owner), encode(pattern)];
    if (lines.some((line, index) => line === mark && lines[index + 1] === entry)) return lines;
    // At the top: a file that does not end in a line break keeps doing so, and a person's `!pattern` below still wins.
    const made = isMadeMark(lines[0]) ? 1 : 0;
    return [...lines.slice(0, made), mark, entry, ...lines.slice(made)];
  });
}

/** Takes one owner's pattern back; not there is done. The file is then as it was before. Throws `files`, `busy`. */
export async function removeExclude(gitCommonDir: string, pattern: string, owner: string): Promise<void> {
  if (!(await isThere(excludeFile(gitCommonDir)))) return;
  await changeExclude(gitCommonDir, (lines) => {
    const [mark, entry] = [encode(MARK + owner), encode(pattern)];
    const at = lines.findIndex((line, index) => line === mark && lines[index + 1] === entry);
    return at === -1 ? lines : [...lines.slice(0, at), ...lines.slice(at + 2)];
  });
}

/**
 * True when a `.gitignore`, or the person's own ignore file, keeps the file out of `git status`. What `info/exclude` says
 * does not count: another ticket's line there goes when that ticket goes. `file` is relative to `folder`. Throws `git`.
 */
export async function isIgnored(folder: string, file: string): Promise<boolean> {
  const answer = await tryGit(folder, ['check-ignore', '--verbose', '-z', '--stdin'], { input: `${file}\0` });
  if (answer.exitCode > 1) throw gitError(`cannot ask whether git ignores ${file}`, answer);
  const [source = '', , pattern = ''] = answer.stdout.split('\0');
  // The pattern that decides may as well be one that takes the file back in.
  return source !== '' && !/(^|\/)info\/exclude$/.test(source) && !pattern.startsWith('!');
}

/** True when git keeps versions of the file. `file` is relative to `folder`. Throws `git`. */
export async function isTracked(folder: string, file: string): Promise<boolean> {
  return (await askGit(folder, ['ls-files', '-z', '--', `:(literal)${file}`])) !== '';
}

function excludeFile(gitCommonDir: string): string {
  return path.join(gitCommonDir, 'info', 'exclude');
}

async function changeExclude(gitCommonDir: string, change: (lines: string[]) => string[]): Promise<void> {
  const file = excludeFile(gitCommonDir);
  await withLock(excludeLock(gitCommonDir), async () => {
    await sweepTemporaries(path.dirname(file));
    try {
      const before = await readLines(file);
      const after = change(before ?? [(await isThere(path.dirname(file))) ? MADE_FILE : MADE_FOLDER, '']);
      if (before?.join('\n') !== after.join('\n')) await writeLines(file, after);
    } catch (error) {
      throw explainFileError(error, `change ${file}`);
    }
  });
}

/** One byte a character, so that whatever people have in there goes through unchanged. */
async function readLines(file: string): Promise<string[] | undefined> {
  return (await tolerate(readWhole(file), 'ENOENT'))?.toString('latin1').split('\n');
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function isMadeMark(line: string | undefined): boolean {
  return line === MADE_FILE || line === MADE_FOLDER;
}

async function writeLines(file: string, lines: string[]): Promise<void> {
  const ours = lines.some((line) => line.startsWith(MARK));
  const [first] = lines;
  const rest = isMadeMark(first) && !ours ? lines.slice(1) : lines;
  if (isMadeMark(first) && rest.join('') === '') {
    await rm(file, { force: true });
    // Somebody may have put something beside it since.
    if (first === MADE_FOLDER) await removeIfEmpty(path.dirname(file));
    return;
  }
  await mkdir(path.dirname(file), { recursive: true });
  await replaceLinked(file, rest.join('\n'));
}

/** Keeps the mode, and a link: some people's file lies elsewhere. */
async function replaceLinked(file: string, text: string): Promise<void> {
  const target = (await ifThere(lstat(file)))?.isSymbolicLink() ? await realpath(file) : file;
  const mode = (await ifThere(stat(target)))?.mode ?? 0o644;
  const temporary = temporaryIn(path.dirname(target));
  try {
    await writeFile(temporary, text, 'latin1');
    await chmod(temporary, mode & 0o777);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
