import { statSync } from 'node:fs';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';

/** Parts a command line from the `-C DIR` that may stand before its verb, once or more, as with git and make. */
export function takeFolders(argv: readonly string[]): { folders: string[]; rest: string[] } {
  const rest = [...argv];
  const folders: string[] = [];
  for (let at = 0; rest[at]?.startsWith('-'); ) {
    if (rest[at] === '-C') folders.push(rest.splice(at, 2)[1] ?? '');
    else at += 1;
  }
  return { folders, rest };
}

/** Returns the folder that is reached by going from one to the next. Throws `usage` where one is none. */
export function enterFolders(start: string, folders: readonly string[]): string {
  return folders.reduce((from, folder) => {
    const hint = 'write it before the verb: stack -C DIR ps';
    if (folder === '') throw new StackError('usage', '-C needs a folder', { hint });
    const next = path.resolve(from, folder);
    try {
      if (statSync(next).isDirectory()) return next;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') throw new StackError('usage', `-C: cannot go into ${next}: ${code}`, { hint });
    }
    throw new StackError('usage', `-C: ${next} is no folder`, { hint });
  }, start);
}
