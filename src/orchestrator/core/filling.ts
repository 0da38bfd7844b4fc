import { StackError } from '../../domain/errors.ts';
import type { Filling } from '../../domain/instance.ts';
import type { Stack } from './stack.ts';

/** Notes what is left of filling the baseline's database; undefined: nothing. Throws `state`, `busy`, `files`. */
export async function noteFilling(stack: Stack, filling: Filling | undefined): Promise<void> {
  if (!filling && (await stack.store.read()).filling === undefined) return;
  await stack.store.update((draft) => {
    if (filling) draft.filling = filling;
    else delete draft.filling;
  });
}

/** Returns the error for a database of the baseline's that is filled in part. */
export function halfFilled({ left, fromEmpty }: Filling): StackError {
  const [kind] = left;
  const ways = [
    ...(fromEmpty ? ['`stack up --yes` empties it and fills it again'] : []),
    `\`stack up --${kind}\` runs them on what is there`,
  ];
  return new StackError(
    'conflict',
    `the baseline's database is filled in part: its \`${kind}:\` commands did not come to their end`,
    { hint: ways.join(', '), details: { left } },
  );
}

/** Throws `conflict` while the baseline's database is filled in part: a copy of it would be so as well. */
export async function requireFilled(stack: Stack): Promise<void> {
  const { filling } = await stack.store.read();
  if (filling) throw halfFilled(filling);
}
