import { tolerate } from '../../domain/errors.ts';
import type { WorkloadStatus } from '../../domain/runtime.ts';
import type { Work } from '../core/work.ts';
import { findRuntime } from '../workloads/observe.ts';
import { refOf } from '../workloads/spec.ts';
import { isSeenReady, noteReady } from './ready-mark.ts';

/** Looks for a line in the log of a service. The log is read once, as it is written, and again where that breaks off. */
export interface Search {
  /** Begins to read what this run prints, unless that is being read. */
  readOn(run: WorkloadStatus): void;
  /** True once that run has printed the line. Throws what the reading failed with. */
  isPrinted(run: WorkloadStatus | undefined): boolean;
  end(): Promise<void>;
}

/** Opens a search for a line that matches `pattern`, until the signal. */
export function openSearch(work: Work, service: string, pattern: string, signal: AbortSignal): Search {
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  let reading: Promise<void> | undefined;
  let printed: WorkloadStatus | undefined;
  let failure: { error: unknown } | undefined;
  const isPrinted = (run: WorkloadStatus | undefined) =>
    run !== undefined && printed !== undefined && run.startedAt === printed.startedAt;
  const read = async (run: WorkloadStatus): Promise<void> => {
    try {
      // An engine that breaks off is asked by the next look anyhow, which says so where it is gone.
      if (await tolerate(findInLog(work, service, { run, pattern }, until), 'engine')) printed = run;
    } catch (error) {
      failure = { error };
    }
    reading = undefined;
  };
  return {
    readOn(run) {
      if (run.state === 'running' && !isPrinted(run)) reading ??= read(run);
    },
    isPrinted(run) {
      if (failure) throw failure.error;
      return isPrinted(run);
    },
    async end() {
      ending.abort();
      await reading;
    },
  };
}

/** Follows the log of a run to the line. False where the log ends before. */
async function findInLog(
  work: Work,
  service: string,
  seen: { run: WorkloadStatus; pattern: string },
  signal: AbortSignal,
): Promise<boolean> {
  if (await isSeenReady(work, service, seen)) return true;
  const { logSince } = seen.run;
  const options = { follow: true, partial: true, signal, ...(logSince !== undefined && { since: logSince }) };
  const expression = new RegExp(seen.pattern);
  const runtime = await findRuntime(work, service);
  for await (const line of runtime.logs(refOf(work.stack, work.record, service), options)) {
    // What an aborted follow still has to give is no answer to who has stopped asking.
    if (signal.aborted) break;
    if (!expression.test(line.text)) continue;
    await noteReady(work, service, seen);
    return true;
  }
  return false;
}
