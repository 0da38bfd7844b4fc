import type { WorkloadSpec } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { createContainer, removeContainer } from './container.ts';
import { orMissing } from './error.ts';
import { describeOwnership, type Surroundings } from './spec.ts';
import { readArchivedFile } from './tar.ts';

/**
 * Returns who a workload runs as and how its output is kept. Containers run as the person, so that what they write into
 * the worktree is the person's; on a rootless engine that is root.
 */
export async function observeSurroundings(conn: Connection, spec: WorkloadSpec): Promise<Surroundings> {
  const { rootless, logsToJsonFile } = await conn.facts();
  const { uid, gid } = rootless ? { uid: 0, gid: 0 } : conn.person;
  const hasHome = uid === 0 || spec.env.HOME !== undefined || (await isKnownUser(conn, spec, uid));
  return { user: `${uid}:${gid}`, home: hasHome ? undefined : '/tmp', logsToJsonFile };
}

const known = new WeakMap<Connection, Map<string, Promise<boolean>>>();

/** A user the image does not know gets `/` for a home, where npm and its like cannot write. */
function isKnownUser(conn: Connection, spec: WorkloadSpec, uid: number): Promise<boolean> {
  const { image = '' } = spec;
  const perImage = known.get(conn) ?? new Map<string, Promise<boolean>>();
  known.set(conn, perImage);
  const answer = perImage.get(image) ?? readUsers(conn, spec).then((uids) => uids.includes(uid));
  perImage.set(image, answer);
  return answer;
}

/** Only a container's files can be read, not an image's: one is made for it and never started. */
async function readUsers(conn: Connection, spec: WorkloadSpec): Promise<number[]> {
  const options = { Image: spec.image ?? '', Cmd: ['true'], Labels: describeOwnership(spec) };
  const container = await createContainer(conn, options);
  try {
    const archive = await orMissing(container.getArchive({ path: '/etc/passwd' }));
    const passwd = archive ? await readArchivedFile(archive) : '';
    return passwd.split('\n').map((line) => Number(line.split(':')[2] || Number.NaN));
  } finally {
    await removeContainer(conn, container.id);
  }
}
