import { findPushPlace, pushBranch } from '../../adapters/git/change/push.ts';
import { StackError } from '../../domain/errors.ts';
import type { DedicatedRepo } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';
import type { MergedRepo } from './merge-plan.ts';
import { hintToLook } from './push.ts';
import { inEach } from './result.ts';

/** Hooks may build and test, and a line may be slow. */
const PUSH_SECONDS = 600;

/**
 * What is merged stays so: a push is no part of all or nothing. One that did not come there goes with the next merge, which finds its
 * base as it wants it. Returns what became of each. Throws `git` when git cannot run.
 */
export async function pushBases(
  stack: Stack,
  tickets: readonly string[],
  merged: Record<string, MergedRepo>,
): Promise<Record<string, MergedRepo>> {
  const { instances } = await stack.store.read();
  return inEach(merged, async (repo, one) => {
    const own = tickets.map((ticket) => instances[ticket]?.repos[repo]).find((found) => found?.mode === 'dedicated');
    return own?.mode === 'dedicated' ? pushBase(stack, own, one) : one;
  });
}

async function pushBase(stack: Stack, { path: worktree }: DedicatedRepo, merged: MergedRepo): Promise<MergedRepo> {
  const { base = '' } = merged;
  const failed = (reason: string, hint?: string): MergedRepo => ({
    ...{ ...merged, pushed: null, result: 'failed', reason: `merged into ${base}, but not pushed: ${reason}` },
    hint: hint ?? 'the same command again goes on from there',
  });
  try {
    const place = await findPushPlace(worktree, base);
    if (!place) return failed('it has no remote', `\`git remote add origin URL\` in ${worktree}`);
    const wish = {
      ...{ worktree, branch: base, remote: place.remote, force: false, signal: stack.signal, env: stack.env },
      deadlineSeconds: Number(stack.values('STACK_GIT_TIMEOUT')) || PUSH_SECONDS,
    };
    const { outcome, reason = 'git says no more', said } = await pushBranch(wish, { hooks: true, upstream: false });
    if (outcome === 'unchanged' && merged.result === 'unchanged') return merged;
    if (outcome === 'new' || outcome === 'updated' || outcome === 'unchanged')
      return { ...merged, pushed: place.remote };
    if (outcome !== 'rejected') return { ...failed(reason), said };
    return { ...failed(reason, hintToLook(wish)), result: 'refused', said };
  } catch (error) {
    if (!(error instanceof StackError) || error.code !== 'usage') throw error;
    return failed(error.message, error.hint);
  }
}
