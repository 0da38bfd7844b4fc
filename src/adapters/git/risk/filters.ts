import { type AskOptions, askGit, tryGit } from '../git.ts';

/**
 * Asks git something for which it may have to clean files. Where a filter that is required fails or is missing, git gives no
 * answer at all: then it is asked without any, and what may have changed counts as changed. Throws `git`, `interrupted`.
 */
export async function askAboutFiles(
  folder: string,
  args: readonly string[],
  options: AskOptions = {},
): Promise<string> {
  const answer = await tryGit(folder, args, options);
  if (answer.exitCode === 0) return answer.stdout;
  return askGit(folder, args, { ...options, withoutFilters: await listRequired(folder) });
}

async function listRequired(folder: string): Promise<string[]> {
  const which = ['-z', '--name-only', '--get-regexp', '^filter\\..*\\.required$'];
  const { stdout } = await tryGit(folder, ['config', ...which]);
  return [...new Set(stdout.split('\0').flatMap((key) => (key === '' ? [] : [key.slice(0, -'.required'.length)])))];
}
