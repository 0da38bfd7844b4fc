import type { Container } from 'dockerode';
import { interrupted, throwIfAborted } from '../../domain/errors.ts';
import { LABELS } from '../../domain/names.ts';
import type { LogLine, WorkloadSpec } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { removeContainer } from './container.ts';
import { readLines } from './lines.ts';
import { createWithFolders, explainUnshared } from './shared-folders.ts';
import { COMPOSE, describeOneOff } from './spec.ts';
import { observeSurroundings } from './surroundings.ts';
import { makeMountPoints, ownVolumes } from './volume.ts';
import { labelsOf } from './workload.ts';

/** Runs one command in a container of its own, as `Runtime.run` says. Throws `engine`, `interrupted`. */
export async function runInContainer(
  conn: Connection,
  spec: WorkloadSpec,
  command: string | readonly string[],
  onLine: (line: LogLine) => void,
  signal: AbortSignal,
): Promise<number> {
  throwIfAborted(signal);
  const surroundings = await observeSurroundings(conn, spec);
  await makeMountPoints(spec);
  await removeLeft(conn, labelsOf(spec));
  throwIfAborted(signal);
  const container = await createWithFolders(conn, spec, describeOneOff(spec, surroundings, command));
  const { aborted, forget } = watchAbort(signal);
  try {
    await ownVolumes(conn, container, spec, surroundings);
    throwIfAborted(signal);
    return await Promise.race([aborted, runToEnd(container, onLine)]);
  } catch (error) {
    throw explainUnshared(error, spec) ?? error;
  } finally {
    forget();
    await removeContainer(conn, container.id);
  }
}

/** Ends what was run for a repo of an instance, as `Runtime.endRuns` says. Throws `engine`. */
export async function endRuns(
  conn: Connection,
  { rootId, instance, repo }: { rootId: string; instance: string; repo: string },
): Promise<void> {
  await removeLeft(conn, [`${LABELS.root}=${rootId}`, `${LABELS.ticket}=${instance}`, `${LABELS.repo}=${repo}`]);
}

/** A command of stack that was killed has left its container running. */
async function removeLeft(conn: Connection, labels: readonly string[]): Promise<void> {
  const label = [...labels, `${COMPOSE.oneOff}=True`];
  const left = await conn.client.listContainers({ all: true, filters: { label } });
  await Promise.all(left.map(({ Id }) => removeContainer(conn, Id)));
}

/** Attached before it starts, so that no line is missed. */
async function runToEnd(container: Container, onLine: (line: LogLine) => void): Promise<number> {
  const output = await container.attach({ stream: true, stdout: true, stderr: true });
  await container.start();
  for await (const line of readLines(output as unknown as NodeJS.ReadStream, { multiplexed: true })) onLine(line);
  const { StatusCode } = await container.wait();
  return StatusCode;
}

function watchAbort(signal: AbortSignal): { aborted: Promise<never>; forget: () => void } {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(interrupted(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  return { aborted, forget: () => signal.removeEventListener('abort', onAbort) };
}
