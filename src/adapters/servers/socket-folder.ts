import { chown, lstat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { shortHash } from '../../domain/names.ts';
import { makeFolder } from '../files/files.ts';
import { type OtherUser, openFolder } from './other-user.ts';

/** Bytes of a socket's path that every system takes: 103 on macOS, 107 on Linux (unix(7)). */
const MOST_BYTES = 103;
/** What Postgres calls its socket: `.s.PGSQL.<port>`, and `.lock` behind that for its lock. */
const NAME_BYTES = '/.s.PGSQL.65535.lock'.length;
const OTHERS_WRITE = 0o022;

/**
 * Makes the folder of a server's private socket and gives its path: `folder`, or, where the path of a socket in it is too
 * long, a short one of this person. It is handed to the `user` that the server runs as, and nobody else may look into it.
 * Throws `files` for one that somebody else made.
 */
export async function makeSocketFolder(
  folder: string,
  { env, user }: { env: Readonly<Record<string, string | undefined>>; user: OtherUser | undefined },
): Promise<string> {
  const place = Buffer.byteLength(folder) + NAME_BYTES <= MOST_BYTES ? folder : await makeShort(folder, { env, user });
  await makePrivate(place, user);
  if (user) await chown(place, user.uid, user.gid);
  return place;
}

async function makeShort(
  folder: string,
  { env, user }: { env: Readonly<Record<string, string | undefined>>; user: OtherUser | undefined },
): Promise<string> {
  const own = env.XDG_RUNTIME_DIR ? 'stack' : `stack-${process.getuid?.() ?? 'user'}`;
  const top = path.join(env.XDG_RUNTIME_DIR || tmpdir(), own);
  await makePrivate(top, undefined);
  // The server's user passes through it.
  if (user) await openFolder(top);
  return path.join(top, shortHash(folder));
}

async function makePrivate(folder: string, user: OtherUser | undefined): Promise<void> {
  await makeFolder(folder);
  const found = await lstat(folder);
  const owners = [0, process.getuid?.(), user?.uid];
  if (found.isDirectory() && owners.includes(found.uid) && (found.mode & OTHERS_WRITE) === 0) return;
  throw new StackError('files', `${folder} belongs to somebody else, or others may write to it`, {
    hint: 'delete it, or set XDG_RUNTIME_DIR to a folder that is yours alone',
  });
}
