import { readFileSync } from 'node:fs';
import { chmod, stat } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { ifThere } from '../files/file-errors.ts';

/** The user a server runs as when root starts it, and what goes in front of its command. */
export interface OtherUser {
  uid: number;
  gid: number;
  prefix: readonly string[];
}

const OTHERS_ENTER = 0o001;
/** Bits of capabilities(7). */
const CAPABILITIES = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
] as const;

/**
 * Returns the user that a server which refuses root runs as (`owner` unless that is root, `postgres`, else `nobody`);
 * undefined when this is not root.
 * Where a folder above `paths` is closed to others, as /root is, the server also gets the right to pass through it.
 * Throws `process` when root cannot be left here.
 */
export async function chooseOtherUser(
  paths: readonly string[],
  owner: { uid: number; gid: number } | undefined,
): Promise<OtherUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const user = owner?.uid ? { uid: owner.uid, gid: owner.gid } : (findUser('postgres') ?? findUser('nobody'));
  if (process.platform !== 'linux' || !user) {
    throw new StackError('process', 'PostgreSQL refuses to run as root, and no other user can be taken here', {
      hint: 'run stack as an ordinary user',
    });
  }
  const closed = (await Promise.all(paths.map(isClosed))).includes(true);
  const rights = closed ? passThrough() : [];
  return {
    ...user,
    prefix: ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', ...rights, '--'],
  };
}

/** Lets others pass through a folder of ours without seeing what is in it. */
export async function openFolder(folder: string): Promise<void> {
  await chmod(folder, 0o711);
}

function passThrough(): string[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const held = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? '0'}`);
  const one = CAPABILITIES.find(({ bit }) => (held >> bit) & 1n);
  // Without the securebit access(2), which Postgres asks first, would not count that right (its real user has none).
  return one ? ['--securebits=+no_setuid_fixup', `--inh-caps=+${one.name}`, `--ambient-caps=+${one.name}`] : [];
}

async function isClosed(file: string): Promise<boolean> {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const entry = await ifThere(stat(folder));
    if (entry && !(entry.mode & OTHERS_ENTER)) return true;
    if (folder === path.dirname(folder)) return false;
  }
}

function findUser(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}
