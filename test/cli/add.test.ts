import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('add', () => {
  let shop: Shop;
  beforeEach(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01']);
  });
  afterEach(() => shop.dispose());

  const apiOf = async (): Promise<string> => {
    const answer = await fetch(`http://localhost:${shop.port + 10}/`);
    return ((await answer.json()) as { api: string }).api;
  };

  it('gives a ticket its own copy, and what pointed at the shared one points there', async () => {
    expect(await apiOf()).toBe(`http://localhost:${shop.port}`);
    const run = await shop.stack(['add', 'feat-01', 'api', '--from', 'feat/endpoint']);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(
      new RegExp(`^feat-01 .*http://localhost:${shop.port + 1} \\[feat/endpoint\\] +running$`, 'm'),
    );
    expect(await apiOf()).toBe(`http://localhost:${shop.port + 1}`);
    const again = { message: /^feat-01 has its own api already/, hint: /tickets\/feat-01\/api/ };
    await expectRefusal(shop, ['add', 'feat-01', 'api'], { code: 'exists', ...again });
  });

  it('is refused for what is not there', async () => {
    const repo = { message: /no repo "apo"/, hint: /its repos: front, api/ };
    await expectRefusal(shop, ['add', 'feat-01', 'apo'], { code: 'usage', ...repo });
    const ticket = { message: /no ticket "feat-1"/, hint: /did you mean feat-01/ };
    await expectRefusal(shop, ['add', 'feat-1', 'api'], { code: 'not-found', ...ticket });
    const base = { message: /api has no base "feat\/endpiont"/, hint: /did you mean feat\/endpoint/ };
    await expectRefusal(shop, ['add', 'feat-01', 'api', '--from', 'feat/endpiont'], { code: 'not-found', ...base });
    await expectRefusal(shop, ['add'], { code: 'usage', message: /which repo\?/, hint: /stack add TICKET REPO/ });
  });

  it('that fails leaves the ticket as it was, running on the shared copy', async () => {
    shop.configure((text) => text.replace('path: ./api,', 'path: ./api, setup: ["echo trouble; exit 5"],'));
    const before = withoutProcesses(shop.photograph());
    const front = shop.read('.stack/run/feat-01/front.json');
    const run = await shop.stack(['add', 'feat-01', 'api']);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/^stack: setup of api failed: .* exit code 5$/m);
    expect(run.stderr).not.toContain('(baseline)');
    expect(withoutProcesses(shop.photograph())).toBe(before);
    // What runs was not even started again.
    expect(shop.read('.stack/run/feat-01/front.json')).toBe(front);
    expect(await until('the front-end answers', apiOf)).toBe(`http://localhost:${shop.port}`);
    expect((await shop.ps()).instances).toMatchObject([{ status: 'running', repos: { api: { mode: 'shared' } } }]);
  });
});

function withoutProcesses(photograph: string): string {
  return photograph.replaceAll(/^process \d+$/gm, 'process');
}
