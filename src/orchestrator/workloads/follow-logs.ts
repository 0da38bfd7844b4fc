import { pause } from '../../adapters/pause.ts';
import { BASELINE, type InstanceRecord, requireService } from '../../domain/instance.ts';
import type { LogLine, LogOptions, WorkloadStatus } from '../../domain/runtime.ts';
import { isOwnerAlive } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { observeWorkload } from './observe.ts';
import { refOf } from './spec.ts';

const POLL_MS = 200;
/** A restart is a stop and a start, with a moment between them in which no command owns the ticket. */
const BETWEEN_MS = 1500;

type Follow = Pick<LogOptions, 'tail' | 'since' | 'times'> & { signal: AbortSignal };

/**
 * Hands on what services print, over restarts: one that ended is followed again as soon as it runs again. Ends when none of
 * them runs and no command is at work on the ticket. Throws `not-found`, `engine`, `process`.
 */
export async function followLogs(
  stack: Stack,
  record: InstanceRecord,
  services: readonly string[],
  how: Follow,
  onLine: (service: string, line: LogLine) => Promise<void>,
): Promise<void> {
  const followed = new Set(services);
  const { signal, times = false } = how;
  await Promise.all(
    services.map(async (service) => {
      const runtime = await stack.runtime(requireService(record, service).runtime);
      let run = await observeWorkload({ stack, record }, service);
      let options: LogOptions = { ...how, follow: true };
      for (;;) {
        for await (const line of runtime.logs(refOf(stack, record, service), options)) await onLine(service, line);
        followed.delete(service);
        run = await waitForRun(stack, record, service, { before: run, followed, signal });
        if (!run) return;
        followed.add(service);
        options = { follow: true, signal, times, since: run.logSince ?? 0 };
      }
    }),
  );
}

/** Returns the next run of a service; undefined when there is none to wait for. */
async function waitForRun(
  stack: Stack,
  record: InstanceRecord,
  service: string,
  { before, followed, signal }: { before: WorkloadStatus | undefined; followed: Set<string>; signal: AbortSignal },
): Promise<WorkloadStatus | undefined> {
  let end = performance.now() + BETWEEN_MS;
  while (!signal.aborted) {
    if (followed.size > 0 || (await isBeingChanged(stack, record))) end = performance.now() + BETWEEN_MS;
    const found = await observeWorkload({ stack, record }, service);
    if (found?.state === 'running' && found.startedAt !== before?.startedAt) return found;
    if (performance.now() > end) return undefined;
    await pause(POLL_MS, signal);
  }
  return undefined;
}

async function isBeingChanged(stack: Stack, { ticket }: InstanceRecord): Promise<boolean> {
  const { instances, baseline } = await stack.store.read();
  const record = ticket === BASELINE ? baseline : instances[ticket];
  return record !== undefined && isOwnerAlive(record);
}
