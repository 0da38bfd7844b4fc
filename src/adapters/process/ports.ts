import { readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { ifAnswered, StackError } from '../../domain/errors.ts';
import type { PublishedPort } from '../../domain/runtime.ts';
import { ifReadableNow } from '../files/file-errors.ts';
import { listOpenFiles } from './lsof.ts';
import { listNumbers } from './table.ts';

/** Both families. */
const LOOPBACK = ['127.0.0.1', '::1'];
/** All addresses: on Linux a server on any of them is in the way of these. */
const EVERYWHERE = ['0.0.0.0', '::'];

export interface Listener {
  port: number;
  /** True when only programs that ask `::1` reach it: `localhost` may lead to 127.0.0.1. */
  onlyIpv6Loopback: boolean;
  /** True when other machines reach it too, as far as no firewall keeps them out. */
  open: boolean;
}

/** The threads of a process that was killed close its sockets a moment after it is gone from the list. */
const PATIENCE_MS = 500;
const POLL_MS = 20;
const ANSWER_MS = 1000;

/** Throws `port` (details `{port}`) for the first port that something on this machine listens on, and goes on to. */
export async function requireFreePorts(ports: readonly PublishedPort[]): Promise<void> {
  await requireEach(ports, isTaken);
}

/**
 * Throws the same for the first port that somebody answers at, and goes on to. It is for what an engine publishes: the engine may
 * open ports that this user may not, and publishes on 127.0.0.1 beside a server on `::1`, to which `localhost` may lead first.
 */
export async function requireSilentPorts(ports: readonly PublishedPort[]): Promise<void> {
  await requireEach(ports, answers);
}

async function requireEach(
  ports: readonly PublishedPort[],
  isInTheWay: (port: number) => Promise<boolean>,
): Promise<void> {
  for (const { name, host } of ports) {
    if (await stays(() => isInTheWay(host))) {
      throw new StackError('port', `port ${host} (${name}) is taken on this machine`, { details: { port: host } });
    }
  }
}

async function stays(isSo: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (await isSo()) {
    if (performance.now() > deadline) return true;
    await wait(POLL_MS);
  }
  return false;
}

/** True when nothing on this machine listens on a port, and it may be opened. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await ifAnswered(() => isTaken(port))) === false;
}

/**
 * One after the other: these servers would be in each other's way. A server on all addresses makes macOS's firewall ask a person,
 * and does not keep another from 127.0.0.1 there (Node sets SO_REUSEADDR): so who answers is asked.
 */
async function isTaken(port: number): Promise<boolean> {
  const isMac = process.platform === 'darwin';
  if (isMac && (await answers(port))) return true;
  for (const address of isMac ? LOOPBACK : [...LOOPBACK, ...EVERYWHERE]) {
    const code = await tryListen(port, address);
    if (code === 'EADDRINUSE') return true;
    if (code === 'EACCES') {
      throw new StackError('port', `you may not open port ${port}`, {
        hint: 'ports below 1024 are the system’s: set `from:` higher in stack.yml',
        details: { port },
      });
    }
  }
  return false;
}

async function answers(port: number): Promise<boolean> {
  return (await Promise.all(LOOPBACK.map((host) => isAnswered({ port, host })))).includes(true);
}

/** True for a server, at a port or a socket in a folder, that takes connections, or has more of them waiting than it may. */
export function isAnswered(at: { port: number; host: string } | { path: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ ...at, timeout: ANSWER_MS });
    socket.once('connect', () => resolve(true));
    socket.once('timeout', () => resolve(true));
    socket.once('error', () => resolve(false));
    for (const event of ['connect', 'timeout']) socket.once(event, () => socket.destroy());
  });
}

/** A machine without IPv6 answers EADDRNOTAVAIL or EAFNOSUPPORT: then nobody listens there. */
function tryListen(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen({ port, host, ipv6Only: true, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** One address that a process listens on. */
interface Socket {
  pid: number;
  port: number;
  /** Only this machine reaches it. */
  isLoopback: boolean;
  /** It is `::1`. */
  isIpv6Loopback: boolean;
}

/** Returns the TCP ports that the processes listen on. Linux reads /proc; elsewhere lsof is asked. Throws `unseen`. */
export async function listListeners(pids: readonly number[]): Promise<Listener[]> {
  return gather(await listSockets(pids));
}

/** Returns the same for each of them. Throws `unseen`. */
export async function listListenersOfEach(pids: readonly number[]): Promise<Map<number, Listener[]>> {
  const sockets = await listSockets(pids);
  return new Map(pids.map((pid) => [pid, gather(sockets.filter((socket) => socket.pid === pid))]));
}

function gather(sockets: readonly Socket[]): Listener[] {
  const ports = new Map<number, Socket[]>();
  for (const socket of sockets) ports.set(socket.port, [...(ports.get(socket.port) ?? []), socket]);
  const listeners = [...ports].map(([port, found]) => ({
    port,
    onlyIpv6Loopback: found.every(({ isIpv6Loopback }) => isIpv6Loopback),
    open: !found.every(({ isLoopback }) => isLoopback),
  }));
  return listeners.sort((a, b) => a.port - b.port);
}

async function listSockets(pids: readonly number[]): Promise<Socket[]> {
  if (pids.length === 0) return [];
  return process.platform === 'linux' ? findSockets(pids) : askForSockets(pids);
}

function findSockets(pids: readonly number[]): Socket[] {
  const tables = [...readTable('/proc/net/tcp'), ...readTable('/proc/net/tcp6')];
  return pids.flatMap((pid) => {
    const inodes = new Set(listInodes(pid));
    return tables.flatMap(({ inode, port, address }) => {
      const isIpv6Loopback = address === IPV6_LOOPBACK;
      const isLoopback = isIpv6Loopback || isMappedLoopback(address);
      return inodes.has(inode) ? [{ pid, port, isLoopback, isIpv6Loopback }] : [];
    });
  });
}

/** Names as lsof(8) has them with -nP: `*:4001`, `127.0.0.1:4001`, `[::1]:4001`. */
async function askForSockets(pids: readonly number[]): Promise<Socket[]> {
  const files = await listOpenFiles(['-a', '-p', pids.join(','), ...LISTENING, '-iTCP']);
  return files.map(({ pid, name }) => {
    const at = name.lastIndexOf(':');
    const address = name.slice(0, at);
    const isIpv6Loopback = address === '[::1]';
    const isLoopback = isIpv6Loopback || /^(\[::ffff:)?127\./.test(address);
    return { pid, port: Number(name.slice(at + 1)), isLoopback, isIpv6Loopback };
  });
}

const LISTENING = ['-sTCP:LISTEN'];

/** Returns the processes that listen on one of the ports, as far as they may be looked at. Throws `unseen`. */
export async function listPortHolders(ports: readonly number[]): Promise<number[]> {
  if (ports.length === 0) return [];
  if (process.platform !== 'linux') {
    const files = await listOpenFiles([...LISTENING, ...ports.map((port) => `-iTCP:${port}`)]);
    return [...new Set(files.map(({ pid }) => pid))];
  }
  const tables = [...readTable('/proc/net/tcp'), ...readTable('/proc/net/tcp6')];
  const sockets = new Set(tables.filter(({ port }) => ports.includes(port)).map(({ inode }) => inode));
  if (sockets.size === 0) return [];
  return listNumbers('/proc').filter((pid) => listInodes(pid).some((socket) => sockets.has(socket)));
}

function listInodes(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return listNumbers(folder).flatMap((fd) => {
    const target = ifReadableNow(() => readlinkSync(`${folder}/${fd}`)) ?? '';
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
  });
}

/** `::1` as the kernel writes it: four words, each in this machine's byte order. */
const IPV6_LOOPBACK = '00000000000000000000000001000000';
/** `::ffff:127.0.0.1` without its last word, likewise; 127.0.0.0/8 ends with its first byte, in either family. */
const MAPPED = '0000000000000000FFFF0000';

function isMappedLoopback(address: string): boolean {
  return /7F$/.test(address) && (address.length === 8 || address.startsWith(MAPPED));
}

const LISTEN = '0A';

/** Columns as proc(5) has them: slot, local address, remote address, state, …, inode at the tenth place. */
function readTable(file: string): { inode: string; port: number; address: string }[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const [address = '', port = ''] = local.split(':');
      return state === LISTEN ? [{ inode, port: Number.parseInt(port, 16), address }] : [];
    });
}
