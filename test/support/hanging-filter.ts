/**
 * Returns a smudge filter that is done at once while a branch of another repo is at a commit, and never ends once it has moved: filters
 * are tried before anything moves. It makes the file `mark` then.
 */
export function hangOnceMoved(
  mark: string,
  { gitDir, branch, at }: { gitDir: string; branch: string; at: string },
): string {
  const isThere = `test "$(git --git-dir='${gitDir}' rev-parse 'refs/heads/${branch}')" = ${at}`;
  return `cat; ${isThere} || { touch '${mark}'; while :; do sleep 0.05; done; }`;
}
