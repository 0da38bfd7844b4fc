import { bestEffort } from '../../domain/errors.ts';
import type { Connection } from './connection.ts';

/** What changes the state of a container. Programs that are run beside it, as health checks are, have events of their own. */
const EVENTS = ['start', 'die', 'pause', 'unpause', 'destroy', 'health_status'];

/**
 * Calls back once the engine tells what happens to the containers with these labels, and each time something does, until the
 * signal. One that refuses to tell, or stops to, is no failure: that is called back about too.
 */
export async function watchContainers(
  { client }: Connection,
  label: readonly string[],
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  const follow = async (): Promise<void> => {
    const filters = { type: ['container' as const], event: EVENTS, label: [...label] };
    const events = await client.getEvents({ filters, abortSignal: signal });
    onChange();
    for await (const _ of events) onChange();
  };
  await bestEffort(follow());
  onChange();
}
