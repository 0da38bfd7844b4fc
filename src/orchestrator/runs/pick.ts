import { StackError } from '../../domain/errors.ts';
import { renderSuggestion } from '../../domain/suggest.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { type LiveRun, observeRuns } from './observe.ts';

/**
 * Returns the run of a ticket that is meant: by its number or name, else the one that lives, else the last one. Throws `not-found`, and
 * `usage` where several live.
 */
export async function pickRun(stack: Stack, named: string, wanted: string | undefined): Promise<LiveRun> {
  const { ticket } = requireInstance(await stack.store.read(), named);
  const all = await observeRuns(stack, ticket);
  const living = all.filter(({ view }) => view.state !== 'exited');
  if (wanted !== undefined) {
    const fits = ({ run }: LiveRun): boolean => run.id === wanted || run.name === wanted;
    const found = living.findLast(fits) ?? all.findLast(fits);
    if (found) return found;
    const known = [...new Set(all.flatMap(({ run }) => [run.id, run.name]))];
    throw new StackError(
      'not-found',
      `${ticket} has no run ${JSON.stringify(wanted)}${renderSuggestion(wanted, known)}`,
      {
        hint: known.length > 0 ? `it has ${known.join(', ')}` : `\`stack run ${ticket} -d -- COMMAND\` starts one`,
      },
    );
  }
  if (living.length > 1) {
    throw new StackError('usage', `which agent of ${ticket}?`, {
      hint: `\`--run\` takes ${living.map(({ run }) => `${run.id} (${run.name})`).join(', ')}`,
    });
  }
  const found = living[0] ?? all.at(-1);
  if (found) return found;
  throw new StackError('not-found', `${ticket} has no agent`, {
    hint: `\`stack run ${ticket} -d -- COMMAND\` starts one`,
  });
}

/** Returns how an agent goes on that has ended, with its own session where it has told of one. Throws `not-found`, `conflict`, `usage`. */
export async function findResumable(
  stack: Stack,
  named: string,
  wanted: string | undefined,
): Promise<{ agent: string; resume: { session?: string } }> {
  const { ticket } = requireInstance(await stack.store.read(), named);
  const all = (await observeRuns(stack, ticket)).filter(
    ({ run }) => wanted === undefined || [run.id, run.name].includes(wanted),
  );
  const found = all.findLast(({ run, view }) => run.preset !== undefined && view.state === 'exited');
  if (found?.run.preset !== undefined)
    return { agent: found.run.preset, resume: found.session === undefined ? {} : { session: found.session } };
  throw new StackError('not-found', `${ticket} has no agent that has ended and can go on`, {
    hint: 'those can that were started with `--agent`; `stack runs` lists them',
  });
}

/** Returns the agent that has waited longest for a person: with a question first, then one that is done; undefined for none. */
export async function findLongestWaiting(stack: Stack): Promise<LiveRun | undefined> {
  const all = await observeRuns(stack);
  for (const state of ['waiting', 'done'] as const) {
    const those = all.filter(({ view }) => view.state === state);
    const [first] = those.sort((one, other) => Date.parse(one.view.since) - Date.parse(other.view.since));
    if (first) return first;
  }
  return undefined;
}
