import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError } from './files.ts';

/** How often another process may remove the empty trash between our making it and moving something in. */
const TRIES = 10;

/**
 * Takes a folder out of the way at once, by moving it into `trash`, and deletes it in a process that outlives this one;
 * the trash goes with the last thing in it. Gone is done. Throws `files`.
 */
export async function moveToTrash(folder: string, trash: string): Promise<void> {
  const moved = path.join(trash, `${path.basename(folder)}-${randomBytes(4).toString('hex')}`);
  for (let tries = 1; ; tries++) {
    try {
      await mkdir(trash, { recursive: true, mode: 0o700 });
      await rename(folder, moved);
      break;
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!missing || tries === TRIES) throw explainFileError(error, `move ${folder} to ${trash}`);
    }
  }
  const script = 'rm -rf -- "$1"; rmdir -- "$2"';
  spawn('sh', ['-c', script, 'sh', moved, trash], { detached: true, stdio: 'ignore', cwd: '/' }).unref();
}
