import { tolerate } from '../../../domain/errors.ts';
import { type AskOptions, askGit } from '../git.ts';

/** A tag, tree or blob to which a ref leads. */
export interface OwnObject {
  /** Full id. */
  id: string;
  kind: string;
  /** Full name of the ref. */
  ref: string;
  /** True for an annotated tag of a commit: either that is nowhere else and is asked about itself, or the tag may be a remote’s. */
  ofCommit?: boolean;
}

/** A large history is not searched for longer: what was not found by then counts as being nowhere else. */
const SEARCH_MS = 20_000;

/**
 * Returns what refs lead to that is no commit and that nothing else has: no other ref, and of trees and blobs no commit either.
 * `safe` are revisions that stay. Throws `git`.
 */
export async function findOwnObjects(
  cwd: string,
  refs: readonly { name: string; id: string }[],
  safe: readonly string[],
): Promise<OwnObject[]> {
  if (refs.length === 0) return [];
  const input = refs.map(({ id }) => `${id}\n`).join('');
  const kinds = (await askGit(cwd, ['cat-file', '--batch-check=%(objecttype)'], { input })).split('\n');
  const objects = refs.map(({ name, id }, index) => ({ id, kind: kinds[index] ?? '', ref: `refs/${name}` }));
  const candidates = objects.filter(({ kind }) => /^(tag|tree|blob)$/.test(kind));
  if (candidates.length === 0) return [];
  const homes = ['refs/heads', 'refs/tags', 'refs/remotes', 'refs/stack'];
  const named = await askGit(cwd, ['for-each-ref', '--format=%(objectname) %(*objectname)', ...homes]);
  const known = new Set(named.split(/\s/));
  const found: OwnObject[] = [];
  for (const object of candidates) {
    if (!known.has(object.id) && !(await isInHistory(cwd, object, safe))) found.push(object);
  }
  return found;
}

/** Returns what the refs of a repo that goes as a whole lead to that is no commit. Throws `git`. */
export async function findObjectsInRepo(cwd: string, how: AskOptions): Promise<OwnObject[]> {
  const format = '--format=%(refname) %(objectname) %(objecttype) %(*objecttype)';
  const refs = (await askGit(cwd, ['for-each-ref', format], how)).split('\n').map((line) => line.split(' '));
  return refs.flatMap(([ref = '', id = '', kind = '', target]) => {
    if (!/^(tag|tree|blob)$/.test(kind) || ref.startsWith('refs/remotes/')) return [];
    return [{ id, kind, ref, ...(target === 'commit' && { ofCommit: true }) }];
  });
}

/** Returns how the objects are called in front of a person: `refs/worktree/mine (a blob)`. */
export function describeObjects(objects: readonly OwnObject[]): string[] {
  return objects.map(({ ref, kind }) => `${ref} (a ${kind})`);
}

async function isInHistory(cwd: string, { id, kind }: OwnObject, safe: readonly string[]): Promise<boolean> {
  if (kind === 'tag') return false;
  const signal = AbortSignal.timeout(SEARCH_MS);
  const log = async (...args: string[]): Promise<string> => {
    const asked = askGit(cwd, ['log', '--no-show-signature', ...args, ...safe, '--'], { signal });
    return (await tolerate(asked, 'git', 'interrupted')) ?? '';
  };
  if ((await log('--no-patch', '-t', '-m', '--max-count=1', '--format=%H', `--find-object=${id}`)) !== '') return true;
  // The tree of a commit as a whole is in no other tree.
  return kind === 'tree' && (await log('--no-patch', '--format=%T')).includes(id);
}
