import { statSync } from 'node:fs';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';

/** What may stand before the verb: a word that lacks its folder has ''. */
interface Taken {
  folders: string[];
  root: string | undefined;
  rest: string[];
}

/**
 * Parts a command line from the `-C DIR` that may stand before its verb, once or more, as with git and make, and from `--root DIR`, of
 * which the last counts.
 */
export function takeFolders(argv: readonly string[]): Taken {
  const rest = [...argv];
  const folders: string[] = [];
  let root: string | undefined;
  for (let at = 0; rest[at]?.startsWith('-'); ) {
    const word = rest[at] ?? '';
    if (word === '-C') folders.push(rest.splice(at, 2)[1] ?? '');
    else if (word === '--root') root = rest.splice(at, 2)[1] ?? '';
    else if (word.startsWith('--root=')) root = rest.splice(at, 1)[0]?.slice('--root='.length);
    else at += 1;
  }
  return { folders, root, rest };
}

/** Returns the root that is named, as an absolute path; undefined for none. Throws `usage` where there is no such folder. */
export function enterRoot(cwd: string, root: string | undefined): string | undefined {
  return root === undefined ? undefined : enterFolder('--root', cwd, root);
}

/** Returns the root of the run that an environment is of; undefined outside of one. Throws `usage` where it is gone. */
export function rootOfRun({
  STACK_RUN_DIR,
  STACK_ROOT,
}: Readonly<Record<string, string | undefined>>): string | undefined {
  return STACK_RUN_DIR && STACK_ROOT ? enterFolder('$STACK_ROOT', '/', STACK_ROOT) : undefined;
}

/** Returns the folder that is reached by going from one to the next. Throws `usage` where one is none. */
export function enterFolders(start: string, folders: readonly string[]): string {
  return folders.reduce((from, folder) => enterFolder('-C', from, folder), start);
}

function enterFolder(flag: string, from: string, folder: string): string {
  const hint = `write it before the verb: stack ${flag} DIR ps`;
  if (folder === '') throw new StackError('usage', `${flag} needs a folder`, { hint });
  const next = path.resolve(from, folder);
  try {
    if (statSync(next).isDirectory()) return next;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new StackError('usage', `${flag}: cannot go into ${next}: ${code}`, { hint });
  }
  throw new StackError('usage', `${flag}: ${next} is no folder`, { hint });
}
