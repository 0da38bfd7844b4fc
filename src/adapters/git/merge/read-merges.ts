/** A place where two lines of work cannot both be had. */
interface MergeConflict {
  /** Relative to the repo. */
  path: string;
  /** `content`, `add/add`, `binary`, `modify/delete`, `rename/rename`, `submodule`, … as git calls it, in English. */
  kind: string;
  /** The other names that it is about: those that a file was renamed to. */
  others: string[];
}

/** What a merge would give. */
export interface Merged {
  /** Id of the merged tree; where there are conflicts their files have markers. */
  tree: string;
  /** None: the merge is clean. */
  conflicts: MergeConflict[];
}

/** Reads what `git merge-tree --write-tree --messages -z --stdin` prints: one after the other, as many as git got done. */
export function readMerges(text: string): Merged[] {
  const fields = text.split('\0');
  let at = 0;
  const next = (): string => fields[at++] ?? '';
  const merges: Merged[] = [];
  while (at + 1 < fields.length) {
    const isClean = next() === '1';
    merges.push(readMerge(next, isClean));
  }
  return merges;
}

/** Reads what it prints without `--stdin`, for one merge. */
export function readOneMerge(text: string, isClean: boolean): Merged {
  const fields = text.split('\0');
  return readMerge(() => fields.shift() ?? '', isClean);
}

function readMerge(next: () => string, isClean: boolean): Merged {
  const tree = next();
  const stages = new Map<string, string>();
  for (let field = next(); field !== ''; field = next()) {
    const [about = '', path = ''] = field.split(/\t(.*)/s);
    stages.set(path, `${stages.get(path) ?? ''}${about.slice(-1)}`);
  }
  const conflicts: MergeConflict[] = [];
  // git-merge-tree(1): how many paths, the paths, a word for machines, a text for people.
  for (let count = next(); count !== ''; count = next()) {
    const [path = '', ...others] = Array.from({ length: Number(count) }, next);
    const kind = /^CONFLICT \((.*)\)$/.exec(next())?.[1];
    next();
    // Of a binary file it says so first, and then what it says of any.
    if (kind === undefined || conflicts.some((one) => one.path === path)) continue;
    conflicts.push({ path, kind: nameKind(kind, stages.get(path) ?? ''), others });
  }
  const named = new Set(conflicts.flatMap(({ path, others }) => [path, ...others]));
  const unnamed = [...stages.keys()].filter((path) => !named.has(path));
  conflicts.push(...unnamed.map((path) => ({ path, kind: 'content', others: [] })));
  return { tree, conflicts: isClean ? [] : conflicts };
}

function nameKind(kind: string, stages: string): string {
  if (kind.startsWith('submodule')) return 'submodule';
  if (kind !== 'contents') return kind;
  return stages.includes('1') ? 'content' : 'add/add';
}
