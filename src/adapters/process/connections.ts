import { readFileSync, readlinkSync } from 'node:fs';
import { ifReadableNow } from '../files/file-errors.ts';
import { listOpenFiles } from './lsof.ts';
import { listNumbers, readMarkers } from './table.ts';

/**
 * Returns those of some ports of this machine at which somebody is connected: a browser, a client of the database, another machine.
 * Workloads that talk to each other do not count. Linux reads /proc; elsewhere lsof is asked. Throws `unseen`.
 */
export async function listConnected(ports: readonly number[]): Promise<number[]> {
  if (ports.length === 0) return [];
  const wanted = new Set(ports);
  return process.platform === 'linux' ? findConnected(wanted) : askForConnected(wanted);
}

async function findConnected(wanted: ReadonlySet<number>): Promise<number[]> {
  const open = [...readEstablished('/proc/net/tcp'), ...readEstablished('/proc/net/tcp6')];
  const servers = open.filter(({ local }) => wanted.has(local));
  if (servers.length === 0) return [];
  const ours = new Set([...(await readMarkers()).keys()].flatMap(listSockets));
  // The other end is a line of its own where it is on this machine.
  const isOurs = ({ local, remote }: Connection): boolean => {
    const other = open.find((one) => one.local === remote && one.remote === local);
    return other !== undefined && ours.has(other.inode);
  };
  return [...new Set(servers.filter((one) => !isOurs(one)).map(({ local }) => local))];
}

interface Connection {
  local: number;
  remote: number;
  inode: string;
}

const ESTABLISHED = '01';

/** Columns as proc(5) has them: slot, local address, remote address, state, …, inode at the tenth place. */
function readEstablished(file: string): Connection[] {
  const portOf = (address: string): number => Number.parseInt(address.slice(address.indexOf(':') + 1), 16);
  return (ifReadableNow(() => readFileSync(file, 'utf8')) ?? '').split('\n').flatMap((line) => {
    const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    return state === ESTABLISHED ? [{ local: portOf(local), remote: portOf(remote), inode }] : [];
  });
}

function listSockets(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return listNumbers(folder).flatMap((fd) => {
    const target = ifReadableNow(() => readlinkSync(`${folder}/${fd}`)) ?? '';
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
  });
}

/** Both ends are shown, each of its own process: `127.0.0.1:50000->127.0.0.1:4001`. */
async function askForConnected(wanted: ReadonlySet<number>): Promise<number[]> {
  const files = await listOpenFiles(['-a', '-iTCP', '-sTCP:ESTABLISHED']);
  const ours = new Set((await readMarkers()).keys());
  const ends = files.flatMap(({ pid, name }) => {
    const [, local, remote] = /:(\d+)->.*:(\d+)$/.exec(name) ?? [];
    return [{ pid, local: Number(local), remote: Number(remote) }];
  });
  const isOurs = (one: (typeof ends)[number]): boolean => {
    const other = ends.find(({ local, remote }) => local === one.remote && remote === one.local);
    return other !== undefined && ours.has(other.pid);
  };
  return [...new Set(ends.filter((one) => wanted.has(one.local) && !isOurs(one)).map(({ local }) => local))];
}
