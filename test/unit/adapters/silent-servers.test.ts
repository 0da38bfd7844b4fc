import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listNames } from '../../../src/adapters/mysql/databases.ts';
import { hasPrograms, hostPrograms } from '../../../src/adapters/mysql/programs.ts';
import { countKeys } from '../../../src/adapters/redis/redis.ts';

describe('a server that accepts and never answers', () => {
  let server: Server;
  let port: number;
  const sockets = new Set<Socket>();
  beforeEach(async () => {
    server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('in the place of Redis is no Redis', async () => {
    const where = `127.0.0.1:${port}`;
    const told = { code: 'database', message: expect.stringContaining(`Redis does not answer at ${where}: `) };
    await expect(countKeys({ url: `redis://${where}`, where, number: 0 })).rejects.toMatchObject(told);
  });

  it.skipIf(!hasPrograms(process.env))('in the place of MySQL is no MySQL', async () => {
    const programs = hostPrograms(process.env, { host: '127.0.0.1', port, user: 'a', password: 'b' });
    const { signal } = new AbortController();
    await expect(listNames(programs, signal)).rejects.toMatchObject({ code: 'database' });
  });
});
