import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findEngine } from '../../src/adapters/docker/host.ts';

/** What a proxy does to an answer of the engine. */
export type EngineFault =
  /** Ends the connection after so many bytes of the answer. */
  | { kind: 'cut'; bytes: number }
  /** Passes so many bytes and then is silent. */
  | { kind: 'stall'; bytes: number }
  /** Takes the question and is silent; the engine never hears of it. */
  | { kind: 'hold' }
  | { kind: 'delay'; ms: number }
  /** Ends the connection at the question. */
  | { kind: 'refuse' }
  /** Answers with this text in the engine's place. */
  | { kind: 'answer'; text: string };

/** A proxy between a test and the real engine. */
export interface EngineProxy {
  /** What `DOCKER_HOST` says. */
  readonly address: string;
  /** `GET /version`, in the order in which they came. */
  readonly asked: string[];
  /** Returns how many bytes of answers were passed on. */
  countBytes(): number;
  /** From now on the questions that match get this answer, or only the next `times` of them, after `skipped` others. */
  strike(fault: EngineFault, on?: RegExp, times?: number, skipped?: number): void;
  /** From now on the engine reads `there` in place of `here`, which is as long, and we read it the other way. */
  replace(here: string, there: string): void;
  /** From now on every answer is the engine's own; what is held stays held. */
  heal(): void;
  close(): Promise<void>;
}

/** A page as a company's proxy answers with it. */
export const HTML_PAGE = answer('502 Bad Gateway', 'text/html', '<html><body><h1>Bad gateway</h1></body></html>');

/** Returns a whole HTTP answer. */
export function answer(status: string, type: string, body: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Opens a proxy in front of the engine that the environment names: on a socket in `folder`, without one on a TCP port. */
export async function openEngineProxy(folder?: string): Promise<EngineProxy> {
  const target = await findTarget();
  const asked: string[] = [];
  let bytes = 0;
  const open = new Set<Socket>();
  const replaced: { here: Buffer; there: Buffer }[] = [];
  let strike: { fault: EngineFault; on: RegExp; times: number; skipped: number } | undefined;
  const take = (request: string): EngineFault | undefined => {
    asked.push(request);
    if (!strike?.on.test(request) || strike.times === 0) return undefined;
    if (strike.skipped > 0) {
      strike.skipped -= 1;
      return undefined;
    }
    strike.times -= 1;
    return strike.fault;
  };
  // An exec whose stdin has ended still prints.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const engine = connect({ ...target, allowHalfOpen: true });
    for (const socket of [client, engine]) {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
    }
    engine.on('data', (chunk) => {
      bytes += chunk.length;
    });
    join(client, engine, take, replaced);
  });
  server.listen(folder === undefined ? { host: '127.0.0.1', port: 0 } : path.join(folder, 'proxy.sock'));
  await once(server, 'listening');
  const bound = server.address();
  return {
    address: typeof bound === 'string' ? `unix://${bound}` : `tcp://127.0.0.1:${(bound as AddressInfo).port}`,
    asked,
    countBytes: () => bytes,
    strike(fault, on = /^/, times = Number.POSITIVE_INFINITY, skipped = 0) {
      strike = { fault, on, times, skipped };
    },
    replace(here, there) {
      if (Buffer.byteLength(here) !== Buffer.byteLength(there)) throw new Error(`not as long: ${here}, ${there}`);
      replaced.push({ here: Buffer.from(here), there: Buffer.from(there) });
    },
    heal() {
      strike = undefined;
      replaced.length = 0;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function findTarget(): Promise<NetConnectOpts> {
  const query = { env: process.env, home: process.env.HOME ?? '/', platform: process.platform };
  const { socketPath, host, port } = (await findEngine(query)).options;
  return socketPath ? { path: String(socketPath) } : { host: String(host), port: Number(port) };
}

/** Passes what is asked, and what is answered, with the fault that each question is met with. */
function join(
  client: Socket,
  engine: Socket,
  take: (request: string) => EngineFault | undefined,
  replaced: readonly { here: Buffer; there: Buffer }[],
): void {
  let fault: EngineFault | undefined;
  let left = 0;
  client.on('data', (chunk) => {
    const request = /^[A-Z]+ \S+(?= HTTP\/1\.1\r\n)/.exec(chunk.toString('latin1'))?.[0];
    if (request !== undefined) {
      fault = take(request);
      left = fault && 'bytes' in fault ? fault.bytes : Number.POSITIVE_INFINITY;
    }
    if (fault?.kind === 'refuse') client.destroy();
    else if (fault?.kind === 'answer') client.write(fault.text);
    else if (fault?.kind !== 'hold') {
      for (const { here, there } of replaced) overwrite(chunk, here, there);
      engine.write(chunk);
    }
  });
  let passed = Promise.resolve();
  const pass = async (chunk: Buffer): Promise<void> => {
    for (const { here, there } of replaced) overwrite(chunk, there, here);
    const part = chunk.subarray(0, left);
    left -= part.length;
    if (fault?.kind === 'delay') await delay(fault.ms);
    client.write(part);
    if (left === 0 && fault?.kind === 'cut') client.destroySoon();
  };
  engine.on('data', (chunk) => {
    passed = passed.then(() => pass(chunk));
  });
  client.on('end', () => engine.end()).on('close', () => engine.destroy());
  engine
    .on('end', () => void passed.then(() => client.end()))
    .on('close', () => void passed.then(() => client.destroySoon()));
}

/** Puts one text in the place of another within a piece of what is passed. */
function overwrite(chunk: Buffer, text: Buffer, by: Buffer): void {
  for (let at = chunk.indexOf(text); at >= 0; at = chunk.indexOf(text, at + by.length)) by.copy(chunk, at);
}
