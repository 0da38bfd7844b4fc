import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectEngine } from '../../../src/adapters/docker/docker.ts';

let folder: string;
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'stack-image-'));
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  rmSync(folder, { recursive: true });
});

/** Asks for an image at an engine that lacks it and answers a pull so. */
async function ask(pull: RequestListener, signal = AbortSignal.timeout(10_000)): Promise<string | undefined> {
  const socket = path.join(folder, 'engine.sock');
  server = createServer((request, answer) => {
    answer.setHeader('Content-Type', 'application/json');
    if (request.method === 'POST') return pull(request, answer);
    answer.writeHead(404).end('{"message":"no such image"}');
  });
  await once(server.listen(socket), 'listening');
  const engine = await connectEngine({ env: { DOCKER_HOST: `unix://${socket}` } });
  return engine.explainMissing('node:22-alpine', signal);
}

describe('an image that is not here', () => {
  it('can be had once its registry has said so, and nobody waits for the rest', async () => {
    let leave: () => void;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const why = await ask((request, answer) => {
      request.socket.on('close', () => leave());
      answer.write('{"status":"Pulling from library/node","id":"22-alpine"}\n');
    });
    expect(why).toBeUndefined();
    await left;
  });

  it.each([
    ['refused', 500, '{"message":"lookup registry-1.docker.io: no such host"}'],
    ['broken off', 200, '{"error":"lookup registry-1.docker.io: no such host"}\n'],
  ])('cannot be had where the pull is %s, for the reason that the engine gives', async (_how, status, body) => {
    const why = await ask((_request, answer) => void answer.writeHead(status).end(body));
    expect(why).toBe('lookup registry-1.docker.io: no such host');
  });

  it('is waited for no longer than the signal says', async () => {
    await expect(ask(() => undefined, AbortSignal.timeout(50))).rejects.toMatchObject({ code: 'interrupted' });
  });
});
