import { type Base, resolveBase } from '../../adapters/git/repo.ts';
import { fetchBase, readUpstream } from '../../adapters/git/upstream.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';

/** A ticket whose branch is the base of another one's, and the branch that counts once that is merged. */
export type Lower = NonNullable<DedicatedRepo['stackedOn']>;

/** Returns the ticket that made a branch in a repo, with the base of that; undefined for nobody's. */
export function findOwner(all: readonly InstanceRecord[], gitCommonDir: string, branch: string): Lower | undefined {
  const found = all.flatMap((record) =>
    dedicatedRepos(record).flatMap(([, own]) =>
      own.ownsBranch && own.gitCommonDir === gitCommonDir && own.branch === branch && own.base !== branch
        ? [{ ticket: record.ticket, base: own.base }]
        : [],
    ),
  );
  return found[0];
}

export interface BaseWish {
  repo: string;
  /** Absolute path of the main checkout. */
  path: string;
  ref: string;
  /** False: nothing is fetched, whatever is wished. */
  fetch: boolean;
  /** The remote is asked first, and the branch starts from what it has, where the local base has nothing of its own. */
  latest: boolean;
}

/**
 * Returns where a new branch starts. Warns where the local base lacks what its upstream has; the base itself never moves. Throws what
 * `resolveBase` throws, and `git` where the remote was to be asked and does not answer.
 */
export async function planBase(stack: Stack, { latest, ...wish }: BaseWish): Promise<Base> {
  const { repo, path, ref } = wish;
  if (latest && wish.fetch) await fetchBase({ path, base: ref }, stack.signal);
  const [base, upstream] = await Promise.all([
    resolveBase({ ...wish, signal: stack.signal }),
    readUpstream({ path, base: ref }),
  ]);
  if (!upstream || upstream.behind === 0) return base;
  const { name, ahead, behind } = upstream;
  const lacks = `${ref} is ${behind} ${behind === 1 ? 'commit' : 'commits'} behind ${name}`;
  if (ahead > 0) {
    stack.emit({
      type: 'warning',
      text: `${repo}: ${lacks} and has ${ahead} of its own; the new branch starts from ${ref}`,
    });
    return base;
  }
  if (!latest) {
    const text = `${repo}: ${lacks}, as of the last fetch; \`--fetch\` starts from what the remote has`;
    stack.emit({ type: 'warning', text });
    return base;
  }
  stack.emit({ type: 'info', text: `${repo}: ${lacks}, and stays so; the new branch starts from ${name}` });
  return { ...base, commit: upstream.commit };
}
