import path from 'node:path';

/**
 * Returns the `PATH` for programs that stack starts for itself, in an object that is laid over an environment. Folders that are
 * named from the current folder are left out: a checkout may hold a program called `git`.
 */
export function ownPath({ PATH }: Readonly<Record<string, string | undefined>>): { PATH?: string } {
  if (PATH === undefined) return {};
  const folders = PATH.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return { PATH: folders.join(path.delimiter) };
}
