import { homedir } from 'node:os';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { isThere, makeFolder } from './files.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Returns a person's home folder. Throws `files` for a user whom the system does not know and who has no HOME. */
export function homeOf(env: Env): string {
  if (env.HOME) return env.HOME;
  try {
    return homedir();
  } catch (error) {
    throw new StackError(
      'files',
      `user ${process.getuid?.() ?? ''} has no home folder: no HOME, and no entry in passwd`,
      { hint: 'set HOME to a folder that you may write to', cause: error },
    );
  }
}

/** Returns the folder of what stack keeps for a person and not for a root. Throws `files` without a home. */
export function personFolder(env: Env): string {
  return path.join(env.XDG_STATE_HOME || path.join(homeOf(env), '.local', 'state'), 'stack');
}

/** Makes a folder of what is kept for a person, but no home: one that is not there is nobody's (`/nonexistent`). Throws `files`. */
export async function makePersonFolder(
  env: Env,
  folder: string,
  from: 'XDG_STATE_HOME' | 'XDG_CACHE_HOME' = 'XDG_STATE_HOME',
): Promise<void> {
  if (!env[from] && !(await isThere(homeOf(env)))) {
    throw new StackError('files', `cannot make the folder ${folder}: there is no home folder ${homeOf(env)}`, {
      hint: 'set HOME to a folder that you may write to',
    });
  }
  await makeFolder(folder);
}
