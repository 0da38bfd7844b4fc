import pLimit, { type LimitFunction } from 'p-limit';
import { refreshBase } from '../../../adapters/git/upstream.ts';
import type { Stack } from '../../core/stack.ts';
import type { Refresh } from './plan.ts';

function refreshEach({ signal }: Stack): Refresh {
  return ({ worktree: path }, base) => refreshBase({ path, base }, signal);
}

/** Returns what fetches each base once for all tickets; of one repo one after the other, since fetches beside each other fail. */
export function refreshOnce(stack: Stack): Refresh {
  const refresh = refreshEach(stack);
  const asked = new Map<string, Promise<string | undefined>>();
  const lanes = new Map<string, LimitFunction>();
  return (own, base) => {
    const lane = lanes.get(own.gitCommonDir) ?? pLimit(1);
    lanes.set(own.gitCommonDir, lane);
    const key = `${own.gitCommonDir}\0${base}`;
    const answer = asked.get(key) ?? lane(() => refresh(own, base));
    asked.set(key, answer);
    return answer;
  };
}
