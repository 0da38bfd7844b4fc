import { readdirSync, readFileSync } from 'node:fs';

/** A service's program that leaves another on its port, out of its session and environment, and lives on itself. */
export const DAEMON = `import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
if (process.env.PORT) spawn('env', ['-i', 'setsid', process.execPath, import.meta.filename, process.env.PORT], { cwd: '/', stdio: 'ignore' });
else createServer((_, answer) => answer.end('daemon')).listen(process.argv[2], '127.0.0.1');
setInterval(() => {}, 1000);
`;

/** Ends a process that may have ended by itself meanwhile. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Returns what any user of this machine sees of its programs (Linux). */
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
