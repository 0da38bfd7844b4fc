import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

describe('what changes under a ticket', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const pidOf = (ticket: string, service: string): number =>
    JSON.parse(shop.read(`.stack/run/${ticket}/${service}.json`)).pid;

  it('a worktree that was deleted comes back, and what ran out of it runs out of the new one', async () => {
    await shop.stack(['create', 'feat-01']);
    const pid = pidOf('feat-01', 'front');
    rmSync(shop.at('tickets/feat-01/front'), { recursive: true });
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(pidOf('feat-01', 'front')).not.toBe(pid);
    expect((await shop.ps()).instances[0]).toMatchObject({ status: 'running' });
  });

  it('a service that was renamed in stack.yml runs under its new name alone', async () => {
    await shop.stack(['create', 'feat-01', '--with', 'api']);
    await shop.stack(['up']);
    shop.configure((text) =>
      text.replace('\n  api:\n    repo', '\n  backend:\n    repo').replace('${api.url}', '${backend.url}'),
    );
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    const { baseline, instances } = await shop.ps();
    expect(Object.keys(baseline.services)).toEqual(['backend']);
    expect(Object.keys(instances[0]?.services ?? {}).sort()).toEqual(['backend', 'front']);
    const { url } = instances[0]?.repos.api ?? {};
    expect(url).toBe(`http://localhost:${instances[0]?.services.backend?.ports.http}`);
    const front = await fetch(instances[0]?.repos.front?.url ?? '');
    expect(await front.json()).toEqual({ ticket: 'feat-01', api: url });
  });

  it('the baseline moves to the port that stack.yml now names', async () => {
    await shop.stack(['up']);
    shop.configure((text) => text.replace(`baseline: ${shop.port},`, `baseline: ${shop.port - 1},`));
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect((await shop.ps()).baseline.repos.api).toEqual({
      url: `http://localhost:${shop.port - 1}`,
      status: 'running',
    });
  });

  it('a stack.yml that was broken or lost does not hide the tickets', async () => {
    await shop.stack(['create', 'feat-01']);
    shop.configure((text) => `${text}bogus: [\n`);
    const run = await shop.stack(['ps']);
    expect(run).toMatchObject({ code: 0, stderr: expect.stringMatching(/stack\.yml:\d+:\d+: bad YAML/) });
    expect(run.stdout).toMatch(/feat-01 .*\[main\] +shared +running/);
    expect(await shop.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
    rmSync(shop.at('stack.yml'));
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'stopped' }]);
    shop.write('stack.yml', shopConfig(shop.port));
  });
});
