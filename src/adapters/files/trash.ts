import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, realpath, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { isRunning } from '../process/stat.ts';
import { isEscaped, pathOf } from './byte-names.ts';
import { explainFileError, ifReadable, ifThere } from './file-errors.ts';
import { listMounts, renderPlace } from './mounts.ts';
import { refuseLink } from './own-folders.ts';

/** How often another process may remove the empty trash between our making it and moving something in. */
const TRIES = 10;
const RETRY_MS = 60_000;

/**
 * Deletes `$1`, which it first takes for itself as `$2.<its pid>`, so that one process alone is at it and others see whether
 * it lives. Folders that nobody may write to (a cache of Go modules) are made writable for that. What cannot be deleted all
 * the same is left as `$2.0`, and so is a folder in which something is mounted (`$4`: `$2` as the table of mounts has it; GNU's
 * rm stays on one disk with the one flag, that of macOS with the other). The trash `$3`, and the folder it is in, go with the
 * last thing in them.
 */
const DELETE = `own="$2.$$"
for stay in --one-file-system -x ''; do
  rm -f $stay -- "$own" 2>/dev/null && break
done
mv -- "$1" "$own" && case "$(cat /proc/self/mountinfo 2>/dev/null)" in
*" $4.$$/"*) mv -- "$own" "$2.0" ;;
*) rm -rf $stay -- "$own" || { chmod -R u+rwx -- "$own"; rm -rf $stay -- "$own" || mv -- "$own" "$2.0"; } ;;
esac
rmdir -- "$3" "\${3%/*}"`;

/**
 * Takes a folder out of the way at once, by moving it into `trash`, and deletes it in a process that outlives this one;
 * the trash goes with the last thing in it. Gone is done. Throws `files`, and `conflict` for a folder in which something is
 * mounted.
 */
export async function moveToTrash(folder: string, trash: string): Promise<void> {
  const name = path.basename(folder);
  // No command line carries bytes that are not UTF-8.
  const moved = path.join(trash, `${isEscaped(name) ? 'file' : name}-${randomBytes(4).toString('hex')}`);
  for (let tries = 1; ; tries++) {
    try {
      await refuseLink(trash);
      await requireNoMounts(folder);
      await mkdir(trash, { recursive: true, mode: 0o700 });
      await rename(pathOf(folder), moved);
      break;
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!missing || tries === TRIES) throw explainFileError(error, `move ${folder} to ${trash}`);
    }
  }
  await startDeleting(moved, moved, trash);
}

/** What is mounted in a folder would be emptied with it. */
async function requireNoMounts(folder: string): Promise<void> {
  const [mount] = await listMounts(folder);
  if (mount === undefined) return;
  throw new StackError('conflict', `${mount} in ${folder} is mounted from elsewhere`, {
    hint: `\`umount ${path.join(folder, mount)}\` takes it out`,
  });
}

/**
 * Deletes in the background what a command that was killed, or a machine that went down, left in a trash. Returns a line for
 * each thing that could not be deleted. Throws `files`.
 */
export async function sweepTrash(trash: string): Promise<string[]> {
  // What a link leads to is no trash of ours.
  if ((await ifReadable(lstat(trash)))?.isSymbolicLink()) return [];
  const stuck: string[] = [];
  const names = (await ifReadable(readdir(trash))) ?? [];
  for (const name of names) {
    const [, base = name, pid] = /^(.+-[0-9a-f]{8})\.(\d+)$/.exec(name) ?? [];
    const from = path.join(trash, name);
    const [mount] = await listMounts(from);
    if (mount !== undefined) {
      const place = path.join(from, mount);
      stuck.push(`${from} is not deleted while something is mounted in it: \`umount ${place}\` takes it out`);
      continue;
    }
    if (pid === '0') stuck.push(await describeStuck(from));
    // Deleted by somebody else right now, or in vain a moment ago.
    if (pid === '0' ? await isFresh(from) : pid !== undefined && isRunning(Number(pid))) continue;
    await startDeleting(from, path.join(trash, base), trash);
  }
  return stuck;
}

/** macOS lets nobody delete a file that is locked (`uchg`, which the Finder sets too) before its owner unlocks it, or root does. */
async function describeStuck(folder: string): Promise<string> {
  const file = await findFile(folder);
  const why = file === undefined ? '' : `, since ${file} stays`;
  const unlock = `\`chflags -R nouchg ${folder} && rm -rf ${folder}\` does where it is locked, else `;
  return `${folder} could not be deleted${why}: ${process.platform === 'darwin' ? unlock : ''}\`sudo rm -rf ${folder}\` does`;
}

/** Returns the first file that is found below a folder. */
async function findFile(folder: string): Promise<string | undefined> {
  for (const entry of (await ifReadable(readdir(folder, { withFileTypes: true }))) ?? []) {
    const place = path.join(folder, entry.name);
    const file = entry.isDirectory() ? await findFile(place) : place;
    if (file !== undefined) return file;
  }
  return undefined;
}

/** What could not be deleted (files of root's) is not tried again by every command. */
async function isFresh(folder: string): Promise<boolean> {
  const found = await ifThere(stat(folder));
  return found !== undefined && Date.now() - found.ctimeMs < RETRY_MS;
}

async function startDeleting(from: string, as: string, trash: string): Promise<void> {
  const inTable = path.join(renderPlace((await ifThere(realpath(trash))) ?? trash), path.basename(as));
  const words = ['-c', DELETE, 'sh', from, as, trash, inTable];
  const child = spawn('sh', words, { detached: true, stdio: 'ignore', cwd: '/' });
  // For want of descriptors, say. It is out of the way, and the next sweep takes it.
  child.on('error', () => undefined);
  child.unref();
}
