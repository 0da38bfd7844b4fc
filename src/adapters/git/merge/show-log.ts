import { type AskOptions, askGit } from '../git.ts';

export interface LoggedCommit {
  commit: string;
  author: string;
  /** ISO 8601. */
  at: string;
  subject: string;
}

interface Range {
  base: string;
  head: string;
  /** A commit: what leads to it is left out, and what changes the very same. */
  seen?: string | undefined;
}

function rangeOf({ base, head, seen }: Range): string[] {
  return seen === undefined ? [`${base}..${head}`] : ['--right-only', '--cherry-pick', `${seen}...${head}`, `^${base}`];
}

/** Returns the log from a base to a commit, as git prints it by the person's own settings. Throws `git`. */
export async function showLog(
  folder: string,
  { color, ...range }: Range & { color: boolean },
  how: AskOptions = {},
): Promise<string> {
  const flags = color ? ['--color=always', '--decorate'] : ['--color=never'];
  return askGit(folder, ['log', ...flags, '--no-ext-diff', '--no-textconv', ...rangeOf(range), '--'], how);
}

/** Returns the same commits, the newest first. Throws `git`. */
export async function listLog(folder: string, range: Range, how: AskOptions = {}): Promise<LoggedCommit[]> {
  const flags = ['-z', '--no-patch', '--no-show-signature', '--format=%H%n%an%n%aI%n%s'];
  const text = await askGit(folder, ['log', ...flags, ...rangeOf(range), '--'], how);
  return text.split('\0').flatMap((entry) => {
    const [commit = '', author = '', at = '', subject = ''] = entry.split('\n');
    return commit === '' ? [] : [{ commit, author, at, subject }];
  });
}
