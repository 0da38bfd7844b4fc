import type { Container, ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';
import { StackError } from '../../domain/errors.ts';
import { LABELS } from '../../domain/names.ts';
import type { Connection } from './connection.ts';
import { orMissing, readReason, readStatus } from './error.ts';

const REMOVAL_MS = 30_000;

/** Returns what the engine knows of a container; undefined when it has none of that name or id. */
export async function inspectContainer(conn: Connection, id: string): Promise<ContainerInspectInfo | undefined> {
  return orMissing(conn.client.getContainer(id).inspect());
}

/**
 * Makes a container and does not start it. Throws `engine`: no such image, the name is taken, a mount that cannot be;
 * `busy` when another command has just made it.
 */
export async function createContainer(conn: Connection, options: ContainerCreateOptions): Promise<Container> {
  const { name, ...body } = options;
  // Left to itself dockerode puts all of it into the address too, with the values of env, and proxies log addresses.
  const split = { _query: name === undefined ? {} : { name }, _body: body };
  try {
    return await conn.client.createContainer(split as ContainerCreateOptions);
  } catch (error) {
    if (readStatus(error) === 409) throw await explainTaken(conn, options, error);
    throw explainCreateError(error, options);
  }
}

async function explainTaken(
  conn: Connection,
  { name = '', Labels }: ContainerCreateOptions,
  cause: unknown,
): Promise<unknown> {
  const holder = await inspectContainer(conn, name);
  const isOurs = holder?.Config.Labels[LABELS.root] === Labels?.[LABELS.root];
  if (!isOurs) return nameTaken(name, cause);
  return new StackError('busy', `another command is making ${name} right now`, { hint: 'try again', cause });
}

function explainCreateError(error: unknown, options: ContainerCreateOptions): unknown {
  const reason = readReason(error);
  if (readStatus(error) === 404 && /no such image/i.test(reason)) {
    return new StackError('engine', `image "${options.Image}" is not here`, {
      hint: `\`docker pull ${options.Image}\` gets it`,
      cause: error,
    });
  }
  return error;
}

/** Returns the error for a container name that somebody else's container has. */
export function nameTaken(name: string, cause?: unknown): StackError {
  return new StackError('engine', `the container name ${name} is taken by a container that is not this stack's`, {
    hint: `\`docker rm -f ${name}\` frees it, if nobody needs that container`,
    cause,
  });
}

/** Ends and removes a container with its anonymous volumes, and comes back when it is gone. Missing is done. */
export async function removeContainer(conn: Connection, id: string): Promise<void> {
  const container = conn.client.getContainer(id);
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    if (readStatus(error) === 404) return;
    // 409: somebody else, or AutoRemove, is at it.
    if (readStatus(error) !== 409) throw error;
    await waitUntilGone(container);
  }
}

async function waitUntilGone(container: Container): Promise<void> {
  await orMissing(container.wait({ condition: 'removed', abortSignal: AbortSignal.timeout(REMOVAL_MS) }));
}
