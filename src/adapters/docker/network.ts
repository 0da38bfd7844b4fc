import type { NetworkInspectInfo } from 'dockerode';
import { StackError } from '../../domain/errors.ts';
import { LABELS } from '../../domain/names.ts';
import type { Connection } from './connection.ts';
import { inspectContainer } from './container.ts';
import { orMissing, readReason, readStatus } from './error.ts';
import { COMPOSE } from './spec.ts';

/** A network of the engine. */
export interface NetworkState {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the containers that run in it. */
  readonly containers: readonly string[];
}

/** Returns a network; undefined when there is none of that name. */
export async function inspectNetwork(conn: Connection, name: string): Promise<NetworkState | undefined> {
  const [first] = await listByName(conn, name);
  if (first === undefined) return undefined;
  const found: NetworkInspectInfo | undefined = await orMissing(conn.client.getNetwork(first).inspect());
  if (!found) return undefined;
  const containers = Object.values(found.Containers ?? {}).map((container) => container.Name);
  return { id: found.Id, labels: found.Labels ?? {}, containers };
}

/** Returns the names of the networks that compose made for a project. */
export async function listProjectNetworks({ client }: Connection, project: string): Promise<string[]> {
  const found = await client.listNetworks({ filters: { label: [`${COMPOSE.project}=${project}`] } });
  return found.map(({ Name }) => Name);
}

/** Ids, the oldest first. A name is not unique: engines before Docker 25 let two commands make the same one at once. */
async function listByName({ client }: Connection, name: string): Promise<string[]> {
  // The engine's filter takes every name that holds this one.
  const found = (await client.listNetworks({ filters: { name: [name] } })).filter((one) => one.Name === name);
  const age = (one: NetworkInspectInfo): string => `${one.Created} ${one.Id}`;
  return found.sort((a, b) => (age(a) < age(b) ? -1 : 1)).map((one) => one.Id);
}

/**
 * Makes a bridge network; one that is there and ours is kept. Throws `engine` when the name is somebody else's or the
 * engine has no addresses left.
 */
export async function ensureNetwork(conn: Connection, name: string, labels: Record<string, string>): Promise<void> {
  const found = await inspectNetwork(conn, name);
  if (found) return requireOwn(name, found, labels);
  try {
    await conn.client.createNetwork({ Name: name, Labels: labels, CheckDuplicate: true });
  } catch (error) {
    // 409: another command made it since we looked.
    if (readStatus(error) === 409) return;
    throw explainCreate(name, error);
  }
  const [, ...doubles] = await listByName(conn, name);
  for (const id of doubles) await orMissing(conn.client.getNetwork(id).remove());
}

function requireOwn(name: string, { labels: found }: NetworkState, labels: Record<string, string>): void {
  if (found[LABELS.root] === labels[LABELS.root]) return;
  throw new StackError('engine', `the network ${name} is there and is not this stack's`, {
    hint: `\`docker network rm ${name}\` removes it, if nobody needs it`,
  });
}

function explainCreate(name: string, cause: unknown): unknown {
  if (!/non-overlapping IPv4 address pool|predefined address pools/.test(readReason(cause))) return cause;
  return new StackError('engine', `the engine has no addresses left for the network ${name}`, {
    hint: '`docker network prune` removes networks that nobody uses',
    cause,
  });
}

/** Removes a network of ours; one that is missing or somebody else's is left. Throws `engine` while containers run in it. */
export async function removeNetwork(conn: Connection, name: string): Promise<void> {
  for (
    let found = await inspectNetwork(conn, name);
    found?.labels[LABELS.root];
    found = await inspectNetwork(conn, name)
  ) {
    await removeOne(conn, name, found);
  }
}

async function removeOne({ client }: Connection, name: string, { id, containers }: NetworkState): Promise<void> {
  try {
    await orMissing(client.getNetwork(id).remove());
  } catch (error) {
    if (readStatus(error) !== 403) throw error;
    throw new StackError('engine', `the network ${name} is still used by ${containers.join(', ') || 'containers'}`, {
      hint: 'stop them first',
      cause: error,
    });
  }
}

/** Puts a container on a network under these names. Does nothing when it is there under them. Throws `engine`. */
export async function connectContainer(
  conn: Connection,
  network: string,
  container: string,
  aliases: readonly string[],
): Promise<void> {
  const info = await inspectContainer(conn, container);
  const there = info?.NetworkSettings.Networks[network];
  const known: string[] = there?.Aliases ?? [];
  if (there && aliases.every((alias) => known.includes(alias))) return;
  const target = conn.client.getNetwork(network);
  // A connection's names cannot be changed, only made again, with those it had.
  if (there) await target.disconnect({ Container: container, Force: true });
  const Aliases = [...new Set([...known, ...aliases])];
  await target.connect({ Container: container, EndpointConfig: { Aliases } });
}
