/** In how many commits one thing changed, another did, and both did. */
export interface Together {
  one: number;
  other: number;
  both: number;
  /** True where they usually change together. */
  usual: boolean;
}

/** One commit alone may be chance. */
const LEAST = 2;
/** Of the commits of the one that changes more rarely. */
const SHARE = 1 / 3;

/** Returns how often two kinds of files changed in one commit. `commits` are lists of files. */
export function judgeTogether(
  commits: readonly (readonly string[])[],
  isOne: (file: string) => boolean,
  isOther: (file: string) => boolean,
): Together {
  const seen = commits.map((files) => ({ one: files.some(isOne), other: files.some(isOther) }));
  const one = seen.filter((commit) => commit.one).length;
  const other = seen.filter((commit) => commit.other).length;
  const both = seen.filter((commit) => commit.one && commit.other).length;
  return { one, other, both, usual: both >= LEAST && both >= SHARE * Math.min(one, other) };
}
