import { realpath, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { isOwnUid } from '../files/ownership.ts';

/** Where the sockets of this machine may be. */
export interface Whereabouts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The person's home folder. */
  readonly home: string;
  readonly platform: NodeJS.Platform;
}

/** The socket to ask where nothing names an engine. */
export interface FoundSocket {
  readonly socket: string;
  /** Other sockets that were tried: they are there, and nobody answers. */
  readonly silent: readonly string[];
  /** Sockets of other engines that are there, and were not tried. */
  readonly others: readonly string[];
}

/**
 * Returns where engines of this machine have their sockets, the system's own first. Where each puts it is said by its
 * documentation or source: Docker Desktop, rootless Docker, OrbStack, Colima (config/dirs.go), Rancher Desktop, and
 * Podman's machine (pkg/machine). Podman on Linux itself is asked by `DOCKER_HOST` alone: most have no compose beside it.
 */
export function listSockets({ env, home, platform }: Whereabouts): string[] {
  const runtime = env.XDG_RUNTIME_DIR;
  const colima = [
    ...(env.COLIMA_HOME ? [env.COLIMA_HOME] : []),
    path.join(home, '.colima'),
    path.join(env.XDG_CONFIG_HOME || path.join(home, '.config'), 'colima'),
  ].map((folder) => path.join(folder, 'default/docker.sock'));
  const isMac = platform === 'darwin';
  const desktop = isMac ? ['.docker/run/docker.sock', '.orbstack/run/docker.sock'] : ['.docker/desktop/docker.sock'];
  const podman = [
    ...(env.TMPDIR ? [path.join(env.TMPDIR, 'podman/podman-machine-default-api.sock')] : []),
    path.join(home, '.local/share/containers/podman/machine/podman.sock'),
  ];
  return [
    '/var/run/docker.sock',
    ...(runtime ? [path.join(runtime, 'docker.sock')] : []),
    ...desktop.map((file) => path.join(home, file)),
    ...colima,
    path.join(home, '.rd/docker.sock'),
    ...(isMac ? podman : []),
  ];
}

/**
 * Returns the first socket behind which somebody answers; where nobody does, one that this user may not open, else the first
 * that is there, else the first place of all. One that is there alone is taken unasked.
 */
export async function findSocket(places: readonly string[], env: Whereabouts['env']): Promise<FoundSocket> {
  const own = await Promise.all(places.map((file, index) => isOwnSocket(file, index === 0, env)));
  const there = own.flatMap((is, index) => (is ? [places[index]!] : []));
  const [first = places[0]!, ...rest] = there;
  if (rest.length === 0) return { socket: first, silent: [], others: [] };
  const silent: string[] = [];
  let denied: string | undefined;
  for (const [index, socket] of there.entries()) {
    const answer = await knock(socket);
    if (answer === 'answers') return { socket, silent, others: await leaveOut(socket, there.slice(index + 1)) };
    if (answer === 'denied') denied ??= socket;
    else silent.push(socket);
  }
  const socket = denied ?? first;
  return { socket, silent: silent.filter((one) => one !== socket), others: [] };
}

/** Leaves out what leads to a socket: Docker Desktop, OrbStack and Podman link theirs to the system's place. */
async function leaveOut(socket: string, others: readonly string[]): Promise<string[]> {
  const [own, ...real] = await Promise.all([socket, ...others].map((file) => realpath(file).catch(() => file)));
  return others.filter((_, index) => real[index] !== own);
}

/** In a folder that all users write to, such as `/tmp`, anybody may have put a socket there. The system's own may be any user's. */
async function isOwnSocket(file: string, isSystems: boolean, env: Whereabouts['env']): Promise<boolean> {
  try {
    const { uid } = await stat(file);
    return isSystems || isOwnUid(uid, env);
  } catch {
    return false;
  }
}

/** What a socket answers with whose engine has ended: its file stays behind. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK', 'EINVAL']);
const DENIED = new Set(['EACCES', 'EPERM']);

/** Connects and asks nothing: an engine that is slow to answer is an engine. */
function knock(socket: string): Promise<'answers' | 'nobody' | 'denied'> {
  return new Promise((resolve) => {
    const client = connect(socket);
    client.once('connect', () => {
      client.destroy();
      resolve('answers');
    });
    client.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
      resolve(NOBODY.has(code) ? 'nobody' : DENIED.has(code) ? 'denied' : 'answers');
    });
  });
}
