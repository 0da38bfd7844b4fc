import { mkdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Container } from 'dockerode';
import { StackError } from '../../domain/errors.ts';
import { LABELS } from '../../domain/names.ts';
import type { WorkloadSpec } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { createContainer, inspectContainer, removeContainer } from './container.ts';
import { orMissing, readStatus } from './error.ts';
import { COMPOSE, describeOwnership, isWithin, type Surroundings } from './spec.ts';
import { packFolder, readFirstEntries } from './tar.ts';

/** A volume as the engine has it. */
export interface OwnedThing {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Makes a volume; one that is there and ours is kept. Throws `engine` when the name is somebody else's. */
export async function ensureVolume(conn: Connection, name: string, labels: Record<string, string>): Promise<void> {
  const found = await orMissing(conn.client.getVolume(name).inspect());
  if (!found) {
    await conn.client.createVolume({ Name: name, Labels: labels });
  } else if (found.Labels?.[LABELS.root] !== labels[LABELS.root]) {
    throw new StackError('engine', `the volume ${name} is there and is not this stack's`, {
      hint: `\`docker volume rm ${name}\` deletes it, if nobody needs its data`,
    });
  }
}

/** Deletes a volume of a root with its data; one that is missing or another's is left. Throws `engine` while it is used. */
export async function removeVolume(conn: Connection, name: string, rootId: string): Promise<void> {
  const volume = conn.client.getVolume(name);
  const found = await orMissing(volume.inspect());
  if (found?.Labels?.[LABELS.root] !== rootId) return;
  try {
    await orMissing(volume.remove());
  } catch (error) {
    if (readStatus(error) !== 409) throw error;
    throw new StackError('engine', `the volume ${name} is still used by a container`, {
      hint: `\`docker ps -a --filter volume=${name}\` shows which`,
      cause: error,
    });
  }
}

/** A volume that nobody has named has 64 digits for a name. */
const UNNAMED = /^[0-9a-f]{64}$/;

/**
 * Returns the names of the volumes that compose made for a project, with those of its containers that nobody has named and that no
 * container outside of it has, or gave it.
 */
export async function listProjectVolumes(conn: Connection, project: string): Promise<string[]> {
  const label = `${COMPOSE.project}=${project}`;
  const [{ Volumes }, containers] = await Promise.all([
    conn.client.listVolumes({ filters: { label: [label] } }),
    conn.client.listContainers({ all: true }),
  ]);
  const [own, others] = [true, false].map((isOwn) =>
    containers.filter(({ Labels }) => (Labels[COMPOSE.project] === project) === isOwn),
  ) as [typeof containers, typeof containers];
  const details = await Promise.all(own.map(({ Id }) => inspectContainer(conn, Id)));
  const mounted = details.flatMap((one) => (one && !one.HostConfig.VolumesFrom?.length ? namesOf(one.Mounts) : []));
  const elsewhere = new Set(others.flatMap(({ Mounts }) => namesOf(Mounts)));
  const unnamed = mounted.filter((name) => UNNAMED.test(name) && !elsewhere.has(name));
  return [...new Set([...(Volumes ?? []).map(({ Name }) => Name), ...unnamed])];
}

function namesOf(mounts: readonly { Name?: string | undefined }[]): string[] {
  return mounts.flatMap(({ Name }) => Name ?? []);
}

/** Deletes volumes that compose made for a project, with their data. Missing is done. Throws `engine` while one is used. */
export async function removeProjectVolumes(conn: Connection, names: readonly string[]): Promise<void> {
  for (const name of names) await orMissing(conn.client.getVolume(name).remove());
}

/** Returns the volumes of a root. */
export async function listVolumes(conn: Connection, rootId: string): Promise<OwnedThing[]> {
  const { Volumes } = await conn.client.listVolumes({ filters: { label: [`${LABELS.root}=${rootId}`] } });
  return (Volumes ?? []).map((volume) => ({ name: volume.Name, labels: volume.Labels ?? {} }));
}

/**
 * Makes the folders that volumes are mounted on inside the worktree. The engine would make them too, but as root. Git
 * does not see an empty folder.
 */
export async function makeMountPoints(spec: WorkloadSpec): Promise<void> {
  for (const { target } of spec.volumes) {
    if (isWithin(target, spec.workingDir)) {
      await mkdir(join(spec.source, posix.relative(spec.workingDir, target)), { recursive: true });
    }
  }
}

/**
 * Hands the volumes of a container that was made and not yet started to the user it runs as: the engine makes a volume's
 * top folder as root's, and fills it with the image's own files where the image has some.
 */
export async function ownVolumes(
  conn: Connection,
  container: Container,
  spec: WorkloadSpec,
  { user }: Surroundings,
): Promise<void> {
  const [uid = 0, gid = 0] = user.split(':').map(Number);
  if (uid === 0) return;
  for (const { name, target } of spec.volumes) {
    const [top, inside] = await readFirstEntries(await container.getArchive({ path: target }), 2);
    if (inside && inside.uid !== uid && top?.uid !== uid) await changeOwner(conn, spec, name, user);
    else if (top && top.uid !== uid) {
      const archive = packFolder(posix.basename(target), top.mode & 0o7777, uid, gid);
      await container.putArchive(archive, { path: posix.dirname(target) });
    }
  }
}

/** Copied files are changed by a short container of the same image, as root; an image with files in it has chown. */
async function changeOwner(conn: Connection, spec: WorkloadSpec, volume: string, user: string): Promise<void> {
  const container = await createContainer(conn, {
    Image: spec.image ?? '',
    User: '0:0',
    Entrypoint: ['chown'],
    Cmd: ['-R', user, '/volume'],
    Labels: describeOwnership(spec),
    HostConfig: { NetworkMode: 'none', Binds: [`${volume}:/volume:nocopy`] },
  });
  try {
    await container.start();
    const { StatusCode } = await container.wait();
    if (StatusCode !== 0) throw new StackError('engine', `the volume ${volume} cannot be made writable for ${user}`);
  } finally {
    await removeContainer(conn, container.id);
  }
}
