import type { Readable } from 'node:stream';
import { StackError } from '../../domain/errors.ts';
import type { LogLine, LogOptions, WorkloadRef } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { inspectContainer } from './container.ts';
import { explainEngineError } from './error.ts';
import { readLines } from './lines.ts';

/** Returns a workload's output, as `Runtime.logs` says. Throws `not-found` when there is no container, `engine`. */
export async function* readLogs(conn: Connection, ref: WorkloadRef, options: LogOptions): AsyncGenerator<LogLine> {
  const { signal } = options;
  try {
    const info = await inspectContainer(conn, ref.name);
    if (!info) throw new StackError('not-found', `${ref.service} of ${ref.instance} has no logs: it has never run`);
    if (signal?.aborted) return;
    const stream = await openLog(conn, ref.name, options);
    yield* readLines(stream, { multiplexed: !info.Config.Tty, times: options.times ?? false });
  } catch (error) {
    // Whoever aborts wants no more lines; that is an end, not a failure.
    if (signal?.aborted) return;
    throw explainEngineError(error, conn.where);
  }
}

/** Returns the last lines of a container's output, without telling its streams apart. Throws `engine`. */
export async function readLogTail(conn: Connection, container: string, count: number): Promise<string[]> {
  const info = await inspectContainer(conn, container);
  if (!info) return [];
  const lines: string[] = [];
  const stream = await openLog(conn, container, { tail: count });
  for await (const line of readLines(stream, { multiplexed: !info.Config.Tty })) lines.push(line.text);
  return lines;
}

/** dockerode's own `logs` keeps a log that is not followed whole in memory, and takes one that looks like JSON for JSON. */
function openLog(
  conn: Connection,
  container: string,
  { follow, tail, since, times, signal }: LogOptions,
): Promise<Readable> {
  const options = {
    stdout: true,
    stderr: true,
    follow: follow ?? false,
    tail: tail === undefined ? 'all' : String(tail),
    timestamps: times ?? false,
    // Seconds, with a fraction.
    ...(since !== undefined && { since: (since / 1000).toFixed(3) }),
  };
  return new Promise((resolve, reject) => {
    conn.client.modem.dial(
      {
        path: `/containers/${encodeURIComponent(container)}/logs?`,
        method: 'GET',
        isStream: true,
        statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
        options,
        ...(signal && { abortSignal: signal }),
      },
      (error: unknown, stream: unknown) => (error ? reject(error) : resolve(stream as Readable)),
    );
  });
}
