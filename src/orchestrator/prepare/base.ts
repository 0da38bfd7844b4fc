import { type Base, resolveBase } from '../../adapters/git/repo.ts';
import { fetchBase, readUpstream } from '../../adapters/git/upstream.ts';
import type { Stack } from '../core/stack.ts';

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
