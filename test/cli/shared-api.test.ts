import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../src/orchestrator/check/check.ts';
import { makeShop, type Shop } from '../support/shop.ts';

/** Lets only those in that it was told of, as the CORS middleware of any framework does. */
const API = `import { createServer } from 'node:http';
const { PORT, ALLOWED_ORIGINS } = process.env;
createServer((request, answer) => {
  const { origin } = request.headers;
  if (ALLOWED_ORIGINS.split(',').includes(origin)) answer.setHeader('access-control-allow-origin', origin);
  answer.end(JSON.stringify({ path: request.url, pid: process.pid }));
}).listen(PORT, '127.0.0.1');
`;

/** A dev server that passes on what the browser asks below /api, as those of Vite, Next and Angular can. */
const FRONT = `import { createServer } from 'node:http';
const { PORT, API_PROXY_TARGET } = process.env;
createServer(async (request, answer) => {
  if (!request.url.startsWith('/api/')) return answer.end('page');
  const { body } = await fetch(API_PROXY_TARGET + request.url.slice('/api'.length));
  for await (const chunk of body) answer.write(chunk);
  answer.end();
}).listen(PORT, '127.0.0.1');
`;

/** The example of the page about wiring, on ports of its own. */
function docsExample(port: number): string {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/wiring.md'), 'utf8');
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  const example = blocks.find((text) => text.includes('tickets.front.urls'));
  if (example === undefined) throw new Error('docs/wiring.md shows no ${tickets.front.urls}');
  const ports: Record<string, string> = {
    3000: `${port}`,
    4001: `${port + 1}, to: ${port + 9}`,
    3001: `${port + 10}, to: ${port + 19}`,
  };
  const services = example.replaceAll(/\b(baseline|from): (\d+)/g, (_, key, value) => `${key}: ${ports[value]}`);
  return `name: shop
runtime: process
repos:
  front: { path: ./front, base: main }
  api:   { path: ./api, base: main, shared: true }
${services}`;
}

describe('a front-end on the shared API', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop({ config: docsExample });
    for (const [repo, text] of Object.entries({ api: API, front: FRONT })) {
      shop.commit(repo, 'server.mjs', text);
      shop.commit(repo, 'package.json', '{"scripts":{"start":"exec node server.mjs","dev":"exec node server.mjs"}}\n');
    }
  });
  afterEach(() => shop.dispose());

  const create = async (ticket: string): Promise<string> => {
    expect(await shop.stack(['create', ticket])).toMatchObject({ code: 0 });
    const { instances } = await shop.ps();
    return instances.find((one) => one.ticket === ticket)?.repos.front?.url ?? '';
  };
  const askFrom = async (origin: string): Promise<{ allowed: boolean; pid: number }> => {
    const answer = await fetch(`http://localhost:${shop.port}/items`, { headers: { origin } });
    const { pid } = (await answer.json()) as { pid: number };
    return { allowed: answer.headers.get('access-control-allow-origin') === origin, pid };
  };

  it('is let in as another origin, as soon as it is there, and may ask through its own dev server', async () => {
    const first = await create('feat-01');
    const before = await askFrom(first);
    expect(before.allowed).toBe(true);
    expect(await (await fetch(`${first}/api/items`)).json()).toEqual({ path: '/items', pid: before.pid });
    const second = await create('feat-02');
    const after = await askFrom(second);
    expect(after.allowed).toBe(true);
    expect(after.pid).not.toBe(before.pid);
    expect((await askFrom(first)).allowed).toBe(true);
    expect((await askFrom('http://localhost:1')).allowed).toBe(false);
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'feat-02'])).toMatchObject({ code: 0 });
    expect((await askFrom(first)).pid).toBe(after.pid);
    // What only knows of other tickets is not behind stack.yml, and is brought up to date by what starts it again.
    expect(await shop.stack(['ps'])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.not.stringMatching(/had it before/),
    });
    const planned = await shop.stack(['create', 'feat-03', '--dry-run']);
    expect(planned.stdout).toMatch(/api \(baseline\) +process \(changed: tickets\)/);
    shop.configure((text) => text.replace('ALLOWED_ORIGINS:', 'MORE: x\n      ALLOWED_ORIGINS:'));
    expect((await shop.stack(['ps'])).stdout).toContain('had it before (changed: env)');
    shop.configure((text) => text.replace('MORE: x\n      ', ''));
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect((await askFrom(second)).allowed).toBe(false);
    expect((await askFrom(first)).allowed).toBe(true);
  });

  it('waits for the API’s next start where nothing says that it may be restarted, and check says so', async () => {
    shop.configure((text) => text.replace(/ +refresh: restart.*\n/, ''));
    const first = await create('feat-01');
    const { pid } = await askFrom(first);
    const second = await create('feat-02');
    expect(await askFrom(second)).toEqual({ allowed: false, pid });
    const run = await shop.stack(['check', 'feat-02', '--json']);
    expect(run.code).toBe(0);
    const [found] = (JSON.parse(run.stdout) as CheckResult).tickets;
    expect(found?.arrows.filter(({ state }) => state !== 'ok')).toEqual([
      expect.objectContaining({
        ...{ from: 'front', to: 'api (baseline)', key: 'ALLOWED_ORIGINS', value: first, state: 'warning' },
        reason: `ALLOWED_ORIGINS of api (baseline) does not have ${second}`,
        hint: '`refresh: restart` on api in stack.yml, or start it again',
      }),
    ]);
    expect((await shop.stack(['check', 'feat-01'])).stdout).not.toContain('!');
  });
});
