import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkloadSpec } from '../../src/domain/runtime.ts';
import { makeTestRepos } from '../support/demo-apps.ts';
import { findTestEngine } from '../support/engine.ts';
import { freePorts } from '../support/ports.ts';
import { makeProcessWorld, type ProcessWorld } from '../support/process-world.ts';
import { makeSharedProject, type SharedServices, startShared } from '../support/shared-services.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

/** What the tests read from the API's answers. */
interface Answer {
  items?: { name: string; ticket: string }[];
  counter?: number;
}

describe.skipIf(!engine)('the demo apps', () => {
  let world: ProcessWorld;
  let shared: SharedServices;
  let urls: { api: string; front: string };

  beforeAll(async () => {
    world = makeProcessWorld();
    shared = await makeSharedProject();
    const repos = await makeTestRepos(world.root);
    execFileSync('git', ['-C', repos.front, 'checkout', '--quiet', 'feat/ui']);
    execFileSync(
      'git',
      ['-C', repos.api, 'worktree', 'add', '--quiet', path.join(world.root, 'own'), 'feat/endpoint'],
      { stdio: 'ignore' },
    );
    const ports = { api: freePorts(), front: freePorts() };
    urls = { api: `http://localhost:${ports.api}`, front: `http://localhost:${ports.front}` };
    const api = serviceOf('api', path.join(world.root, 'own'), ports.api, {
      DATABASE_URL: shared.databaseUrl,
      REDIS_URL: shared.redisUrl,
    });
    const front = serviceOf('front', repos.front, ports.front, { API_URL: urls.api, API_PROXY_TARGET: urls.api });
    const never = new AbortController().signal;
    await Promise.all([startShared(shared), world.runtime.start(api, never), world.runtime.start(front, never)]);
    await until('the API is healthy', async () => (await fetch(`${urls.api}/health`)).ok);
    await until('the front-end answers', async () => (await fetch(urls.front)).ok);
  });

  afterAll(async () => {
    await world.end();
    await shared.end();
  });

  function serviceOf(service: string, source: string, port: number, env: Record<string, string>): WorkloadSpec {
    const ports = [{ name: 'http', host: port, container: port }];
    return world.spec('npm start', {
      service,
      source,
      ports,
      env: { ...env, PORT: String(port), STACK_TICKET: 'feat-02' },
    });
  }

  const get = async (url: string): Promise<Answer> => (await fetch(url)).json() as Promise<Answer>;
  const post = async (url: string, name: string) =>
    (await fetch(url, { method: 'POST', body: JSON.stringify({ name }) })).json();

  it('say whose they are and which branch they run', async () => {
    expect(await get(urls.api)).toMatchObject({
      service: 'api',
      ticket: 'feat-02',
      branch: 'feat/endpoint',
      endpoints: ['/version'],
    });
    expect(await get(`${urls.api}/version`)).toMatchObject({ version: '2.0.0' });
    const page = await (await fetch(urls.front)).text();
    expect(page).toContain('<h1>The shop, new look</h1>');
    expect(page).toContain('feat-02 [feat/endpoint] with /version');
    expect(page).toContain('feat/ui');
  });

  it('write and read through Postgres and Redis, many at once, directly and through the front-end', async () => {
    const posts = Array.from({ length: 10 }, (_, index) =>
      post(`${index % 2 ? urls.api : `${urls.front}/api`}/items`, `item ${index}`),
    );
    await Promise.all(posts);
    const { items = [], counter } = await get(`${urls.front}/api/items`);
    expect(items.map((item) => item.name).sort()).toEqual(Array.from({ length: 10 }, (_, index) => `item ${index}`));
    expect(items[0]).toMatchObject({ ticket: 'feat-02' });
    expect(counter).toBe(10);
  });

  it('let a browser of another origin ask', async () => {
    const preflight = await fetch(`${urls.api}/items`, { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('say what is wrong instead of falling over', async () => {
    expect((await fetch(`${urls.api}/items`, { method: 'POST', body: 'no json' })).status).toBe(400);
    expect((await fetch(`${urls.api}/nowhere`)).status).toBe(404);
    expect((await fetch(`${urls.front}/nowhere`)).status).toBe(404);
    expect((await fetch(`${urls.front}/api//elsewhere.invalid/`)).status).toBe(404);
  });
});
