/**
 * True for a name that git allows for a new branch: the rules of git-check-ref-format(1) with `--branch`, spelt out here
 * because a process for it costs more than the rest of the question. `@` is refused too: git reads it as HEAD.
 */
export function isBranchName(name: string): boolean {
  if (name === '' || name === '@' || name === 'HEAD' || name.startsWith('-')) return false;
  // Control characters, space and what has a meaning in revisions and patterns.
  if (/[\p{Cc} ~^:?*[\\]/u.test(name) || name.includes('..') || name.includes('@{') || name.endsWith('.')) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

/** A pull request of GitHub (`pr:123`), or a merge request of GitLab (`mr:45`). */
export interface ForgeRequest {
  /** `pull request 123` */
  title: string;
  /** Where both forges keep its newest commit, without `refs/`: git itself reads that as a revision. */
  name: string;
}

/** Returns the pull or merge request that is meant by `pr:123` or `mr:45`; undefined for any other word. */
export function readForgeRequest(word: string): ForgeRequest | undefined {
  const [, kind, number] = /^(pr|mr):([1-9]\d*)$/.exec(word) ?? [];
  if (kind === 'pr') return { title: `pull request ${number}`, name: `pull/${number}/head` };
  if (kind === 'mr') return { title: `merge request ${number}`, name: `merge-requests/${number}/head` };
  return undefined;
}
