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
