import { askGit } from './git.ts';

/** A branch, here or of a remote as of the last fetch. */
export interface Ref {
  /** `refs/heads/feat/ui`, `refs/remotes/origin/main`. */
  name: string;
  /** Full id. */
  commit: string;
  /** The ref that the branch follows; '' for none. It need not be there. */
  upstream: string;
  /** What a symbolic ref stands for; '' for any other. */
  symref: string;
}

/** Returns the branches of a repo and those of its remotes. `folder` is any of its folders. Throws `git`, `interrupted`. */
export async function listEveryRef(folder: string, signal?: AbortSignal): Promise<Ref[]> {
  const format = '--format=%(refname)%00%(objectname)%00%(upstream)%00%(symref)';
  const text = await askGit(folder, ['for-each-ref', format, 'refs/heads', 'refs/remotes'], { signal });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', commit = '', upstream = '', symref = ''] = line.split('\0');
      return { name, commit, upstream, symref };
    });
}
