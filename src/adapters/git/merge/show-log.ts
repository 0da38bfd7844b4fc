import { askGit } from '../git.ts';

export interface LoggedCommit {
  commit: string;
  author: string;
  /** ISO 8601. */
  at: string;
  subject: string;
}

type Range = { base: string; head: string };

/** Returns the log from a base to a commit, as git prints it by the person's own settings. Throws `git`. */
export async function showLog(folder: string, { base, head }: Range, color: boolean): Promise<string> {
  const flags = color ? ['--color=always', '--decorate'] : ['--color=never'];
  return askGit(folder, ['log', ...flags, '--no-ext-diff', '--no-textconv', `${base}..${head}`, '--']);
}

/** Returns the same commits, the newest first. Throws `git`. */
export async function listLog(folder: string, { base, head }: Range): Promise<LoggedCommit[]> {
  const flags = ['-z', '--no-patch', '--no-show-signature', '--format=%H%n%an%n%aI%n%s'];
  const text = await askGit(folder, ['log', ...flags, `${base}..${head}`, '--']);
  return text.split('\0').flatMap((entry) => {
    const [commit = '', author = '', at = '', subject = ''] = entry.split('\n');
    return commit === '' ? [] : [{ commit, author, at, subject }];
  });
}
