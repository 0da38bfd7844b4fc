import { isAlive } from '../../adapters/process/identity.ts';
import type { RecreateNote, StackState } from '../../domain/instance.ts';
import type { Stack } from './stack.ts';

/** Returns what a `recreate` wrote down of a ticket that is not ready since; undefined where there is nothing of that. */
export function findRecreate({ recreating = {}, instances }: StackState, ticket: string): RecreateNote | undefined {
  const isReady = Object.hasOwn(instances, ticket) && instances[ticket]?.phase === 'ready';
  return !isReady && Object.hasOwn(recreating, ticket) ? recreating[ticket] : undefined;
}

/** Returns the tickets whose `recreate` was cut off, with what it was to make; one that a living command is at is not among them. */
export async function listCutRecreates(state: StackState): Promise<[string, RecreateNote][]> {
  const found = Object.keys(state.recreating ?? {}).flatMap((ticket): [string, RecreateNote][] => {
    const note = findRecreate(state, ticket);
    return note ? [[ticket, note]] : [];
  });
  const alive = await Promise.all(found.map(([, { owner }]) => isAlive(owner)));
  return found.filter((_, index) => !alive[index]);
}

/** Drops what a `recreate` wrote down, in a state that is about to be written. */
export function dropRecreate(draft: StackState, ticket: string): void {
  delete draft.recreating?.[ticket];
  if (Object.keys(draft.recreating ?? {}).length === 0) delete draft.recreating;
}

/** The same, for a ticket that is ready, or stays as it was. Throws `state`, `files`. */
export async function forgetRecreate(stack: Stack, ticket: string): Promise<void> {
  if (!Object.hasOwn((await stack.store.read()).recreating ?? {}, ticket)) return;
  await stack.store.update((draft) => dropRecreate(draft, ticket));
}
