import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import path from 'node:path';

/** An engine that is there, and has nothing. */
export interface FakeEngine {
  /** What it was asked, in order: `GET /version`. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** Answers on a socket as an engine does that has nothing. */
export async function openFakeEngine(socket: string): Promise<FakeEngine> {
  mkdirSync(path.dirname(socket), { recursive: true });
  const asked: string[] = [];
  const server = createHttpServer(({ method, url = '' }, answer) => {
    asked.push(`${method} ${url}`);
    if (url.endsWith('/_ping')) return void answer.end('OK');
    const body = url.endsWith('/version')
      ? { Version: '27.3.1', ApiVersion: '1.47', Os: 'linux' }
      : url.includes('/volumes')
        ? { Volumes: [] }
        : [];
    answer.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    asked,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Leaves sockets' files as engines do that were killed. */
export function leaveSockets(sockets: readonly string[]): void {
  for (const socket of sockets) mkdirSync(path.dirname(socket), { recursive: true });
  const listen = `const { createServer } = require('node:net');
    const all = process.argv.slice(1).map((file) => new Promise((done) => createServer().listen(file, done)));
    Promise.all(all).then(() => process.kill(process.pid, 'SIGKILL'));`;
  spawnSync(process.execPath, ['-e', listen, ...sockets]);
}
