import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { GroupIdentity } from '../../src/adapters/process/group.ts';
import { identifyProcess } from '../../src/adapters/process/identity.ts';
import { MARKER } from '../../src/adapters/process/table.ts';
import { makeTemp } from './temp.ts';

/** A service's program that leaves another on its port, out of its session and environment, and lives on itself. */
export const DAEMON = `import { execFileSync, spawn } from 'node:child_process';
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

/** Returns the processes that carry a text in their environment, as Linux shows it: also in the run that is as on a Mac; a real one asks ps. */
export function listCarriers(text: string): number[] {
  if (!existsSync('/proc')) {
    const table = execFileSync('ps', ['-Eww', '-axo', 'pid=,command='], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const wanted = text.replaceAll('\0', ' ');
    return table.split('\n').flatMap((line) => (`${line} `.includes(wanted) ? [Number.parseInt(line, 10)] : []));
  }
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

/** Makes a group whose leader has ended, and a member of which goes on; `more` is said of it that may not be so. */
export async function leaveMember(
  more: Partial<GroupIdentity> = {},
): Promise<{ group: GroupIdentity; member: number }> {
  const cwd = realpathSync(makeTemp('group'));
  const name = `group-test-${path.basename(cwd)}`;
  const env = { ...process.env, [MARKER]: name };
  const leader = spawn('/bin/sh', ['-c', 'sleep 600 & echo $!; read -r word'], { cwd, env, detached: true });
  const pid = leader.pid ?? 0;
  onTestFinished(() => kill(-pid));
  const member = Number(String((await once(leader.stdout, 'data'))[0]));
  const group = { ...identifyProcess(pid), name, cwd, ...more };
  leader.stdin.end('\n');
  await once(leader, 'exit');
  return { group, member };
}
