import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Container, ContainerCreateOptions } from 'dockerode';
import { bestEffort, StackError } from '../../domain/errors.ts';
import type { WorkloadSpec } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { createContainer, removeContainer } from './container.ts';
import { readReason, readStatus } from './error.ts';
import { describeBinds } from './spec.ts';

/**
 * Makes a container that has a workload's folders, and does not start it. Throws as `createContainer` does, and `engine` where
 * the engine has another folder, or none, in the place of one of ours: then nothing stays.
 */
export async function createWithFolders(
  conn: Connection,
  spec: WorkloadSpec,
  options: ContainerCreateOptions,
): Promise<Container> {
  const container = await createContainer(conn, options).catch((error: unknown) => {
    throw explainUnshared(error, spec) ?? error;
  });
  try {
    await requireShared(conn, container, spec);
    return container;
  } catch (error) {
    await bestEffort(removeContainer(conn, container.id));
    throw error;
  }
}

/**
 * Throws `engine` where a container that does not run yet does not have the files of a workload's folders. A virtual machine
 * shares some folders with this one (Colima, Rancher Desktop and Podman: the home folder); another that is in both by its
 * path is mounted as it is there, most often empty.
 */
async function requireShared(conn: Connection, container: Container, spec: WorkloadSpec): Promise<void> {
  const { hasOwnKernel } = await conn.facts();
  if (!hasOwnKernel) return;
  for (const { Source, Target } of describeBinds(spec)) {
    // A worktree and a main checkout have the first, git's own folder has the other.
    const file = Source === spec.source ? '.git' : 'HEAD';
    if (!existsSync(join(Source, file))) continue;
    const seen = await container.infoArchive({ path: posix.join(Target, file) }).catch((error: unknown) => {
      if (readStatus(error) === 404) throw notShared(Source, error);
      // An engine that cannot tell keeps nobody from starting.
      if (readStatus(error) === undefined) throw error;
      return undefined;
    });
    seen?.resume();
  }
}

/** Docker Engine, Docker Desktop and Podman, in the words of their sources. */
const NO_SOURCE = /bind source path does not exist|not shared from the host|mounts denied|statfs .*no such file/i;

/** Returns the error for a folder that is here and that the engine says is nowhere; undefined for any other error. */
export function explainUnshared(error: unknown, spec: WorkloadSpec): StackError | undefined {
  const reason = readReason(error);
  if (readStatus(error) === undefined || !NO_SOURCE.test(reason)) return undefined;
  const named = describeBinds(spec).find(({ Source }) => reason.includes(Source) && existsSync(Source));
  return named && notShared(named.Source, error);
}

function notShared(folder: string, cause?: unknown): StackError {
  const hint = [
    'move the root, and the repos, below your home folder, or share this folder with the virtual machine of the engine',
    '(Docker Desktop: Settings, Resources, File sharing; Colima: `mounts:` in `colima start --edit`)',
  ];
  return new StackError('engine', `the Docker engine does not have the files of ${folder}`, {
    hint: hint.join(' '),
    cause,
  });
}
