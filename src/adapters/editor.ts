import path from 'node:path';
import { execa } from 'execa';
import { StackError } from '../domain/errors.ts';
import { askGit } from './git/git.ts';
import { findProgram } from './process/launch.ts';
import { listFolders } from './search-path.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Editors that open a folder, by the names of their programs. */
const EDITORS = ['code', 'cursor', 'windsurf', 'zed', 'codium', 'subl', 'idea', 'webstorm'];
/** The same of those that work in a terminal. */
const TERMINAL_EDITORS = ['nvim', 'vim', 'emacs'];

/**
 * Returns the command of the person's editor: `VISUAL`, `EDITOR`, else one that is installed and can work here; undefined where
 * there is none.
 */
export async function findEditor(env: Env, inTerminal: boolean): Promise<string | undefined> {
  const named = [env.VISUAL, env.EDITOR].find((one) => one?.trim());
  if (named !== undefined) return named.trim();
  const searched = listFolders(env.PATH).join(path.delimiter);
  const usable = [...EDITORS, ...(inTerminal ? TERMINAL_EDITORS : [])];
  for (const name of usable) if ((await findProgram(name, '/', searched)) === 'runnable') return name;
  return undefined;
}

/**
 * Opens a folder, or a file of it that stands for the whole, in an editor, whose command is a shell line as git takes it, and waits where that does. A wish to be waited for
 * (`code --wait`) is for files. Throws `process`.
 */
export async function openEditor(
  command: string,
  { folder, file = folder }: { folder: string; file?: string | undefined },
  env: Env,
): Promise<void> {
  const line = command.replaceAll(/\s(--wait|-w)(?=\s|$)/g, '');
  const { exitCode } = await execa('/bin/sh', ['-c', `${line} "$@"`, line, file], {
    ...{ env, extendEnv: false, stdio: 'inherit', reject: false, cwd: folder },
  });
  if (exitCode === 0) return;
  throw new StackError('process', `the editor \`${line}\` ended with exit code ${exitCode ?? 'none'}`, {
    hint: 'name another: `editor:` in stack.local.yml, or VISUAL',
  });
}

/** Returns the editor that git would open, as its settings and the environment say. Throws `git` where there is none. */
export async function findGitEditor({ GIT_EDITOR }: Env): Promise<string> {
  if (GIT_EDITOR?.trim()) return GIT_EDITOR;
  return (await askGit('/', ['var', 'GIT_EDITOR'])).trim();
}

/** Opens a file in an editor, whose command is a shell line as git takes it, and waits until it is closed. Throws `process`. */
export async function editFile(command: string, file: string, env: Env): Promise<void> {
  const { exitCode } = await execa('/bin/sh', ['-c', `${command} "$@"`, command, file], {
    ...{ env, extendEnv: false, stdio: 'inherit', reject: false, cwd: path.dirname(file) },
  });
  if (exitCode === 0) return;
  throw new StackError('process', `the editor \`${command}\` ended with exit code ${exitCode ?? 'none'}`, {
    hint: '`-m TEXT` needs none',
  });
}
