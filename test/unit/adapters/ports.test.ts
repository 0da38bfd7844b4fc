import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../src/adapters/net/ports.ts';
import { isPortFree, requireFreePorts } from '../../../src/adapters/process/ports.ts';
import { freePorts } from '../../support/ports.ts';

const own = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor;
afterEach(() => Object.defineProperty(process, 'platform', own));

async function serve(port: number, host: string): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.end()).listen({ port, host, ipv6Only: true });
  await once(server, 'listening');
  return { [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')) };
}

describe.each(['linux', 'darwin'])('a port, as on %s', (platform) => {
  it.each(['127.0.0.1', '::1', '0.0.0.0', '::'])('is taken by a server on %s', async (host) => {
    Object.defineProperty(process, 'platform', { ...own, value: platform });
    const port = freePorts(2);
    const range = { name: 'front', from: port, to: port + 1 };
    await using _ = await serve(port, host);
    expect(await isPortFree(port)).toBe(false);
    expect(await findFreePort(range, new Set())).toBe(port + 1);
    const required = requireFreePorts([{ name: 'http', host: port, container: port }]);
    await expect(required).rejects.toMatchObject({ code: 'port', details: { port } });
  });
});

it.runIf(own.value === 'linux')(
  'is never asked for on all addresses on macOS, whose firewall would ask a person',
  async () => {
    const port = freePorts();
    await using _ = await serve(port, '127.0.0.2');
    expect(await isPortFree(port)).toBe(false);
    Object.defineProperty(process, 'platform', { ...own, value: 'darwin' });
    expect(await isPortFree(port)).toBe(true);
  },
);
