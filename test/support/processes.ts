import { readdirSync, readFileSync } from 'node:fs';

/** Ends a process that may have ended by itself meanwhile. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Gives what any user of this machine sees of its programs (Linux). */
export function listCommandLines(): string[] {
  return readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? readCommand(pid) : []));
}

function readCommand(pid: string): string[] {
  try {
    return [readFileSync(`/proc/${pid}/cmdline`, 'utf8')];
  } catch {
    // It has ended.
    return [];
  }
}
