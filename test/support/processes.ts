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

/** Returns the processes that carry a text in their environment, as Linux shows it: also in the run that is as on a Mac. */
export function listCarriers(text: string): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => readOf(pid, 'environ').includes(text));
}

/** Returns what any user of this machine sees of its programs (Linux). */
export function listCommandLines(): string[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.map((pid) => readOf(pid, 'cmdline')).filter((text) => text !== '');
}

/** '' for one that has ended, or is somebody else's. */
function readOf(pid: number, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
