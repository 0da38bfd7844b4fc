import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { explainNoContainers } from '../../../src/orchestrator/demo/containers.ts';

const packageRoot = path.resolve(import.meta.dirname, '../../..');
const HERE = /redis/;

let folder: string;
const engine = createServer(({ method, url = '' }, answer) => {
  answer.setHeader('Content-Type', 'application/json');
  if (url.endsWith('/version')) return void answer.end('{"Version":"27.3.1","ApiVersion":"1.47","Os":"linux"}');
  if (method === 'POST') return void answer.writeHead(500).end('{"message":"no such host"}');
  return void (HERE.test(url) ? answer.end('{"Id":"sha256:1"}') : answer.writeHead(404).end('{"message":"none"}'));
});
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'stack-demo-'));
  writeFileSync(path.join(folder, 'docker-compose'), '#!/bin/sh\necho 2.30.0\n', { mode: 0o755 });
  writeFileSync(
    path.join(folder, 'stack.yml'),
    'name: shop\nrepos: { api: { path: . } }\nservices: { api: { repo: api, image: "node:22-alpine" } }\n',
  );
  await once(engine.listen(path.join(folder, 'engine.sock')), 'listening');
});
afterAll(() => {
  engine.closeAllConnections();
  engine.close();
  rmSync(folder, { recursive: true });
});

const explain = (env: Record<string, string>): Promise<string | undefined> =>
  explainNoContainers(folder, {
    packageRoot,
    env: { DOCKER_HOST: `unix://${folder}/engine.sock`, PATH: folder, ...env },
    signal: AbortSignal.timeout(10_000),
  });

it('the demo names the images that are neither here nor to be had, those of variables too', async () => {
  expect(await explain({ STACK_POSTGRES_IMAGE: 'ours/postgres:1' })).toBe(
    'node:22-alpine, ours/postgres:1 are not here and cannot be pulled (no such host)',
  );
});

it('the demo needs a compose, and an engine', async () => {
  expect(await explain({ PATH: '/none' })).toBe('neither `docker compose` nor `docker-compose` is here');
  expect(await explain({ DOCKER_HOST: `unix://${folder}/none.sock` })).toMatch(/^no Docker engine answers at /);
});
