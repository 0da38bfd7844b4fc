import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ForgeServer, findForgePrograms, openForgeServer } from '../support/forge-server.ts';
import type { Run } from '../support/product.ts';
import { makeShop, type Shop } from '../support/shop.ts';

const programs = await findForgePrograms();
if (programs === undefined) console.warn('\n!!! SKIPPED: the tests of pull requests need gh and glab\n');

interface Request {
  result: string;
  number?: number;
  url?: string;
  title?: string;
  base?: string;
  reason?: string;
  hint?: string;
}

describe.skipIf(programs === undefined).each([
  ['github', 'GH_HOST', 'pull'],
  ['gitlab', 'GITLAB_HOST', '-/merge_requests'],
] as const)('pull requests of a ticket at %s', (kind, variable, page) => {
  let shop: Shop;
  let forge: ForgeServer;
  const env = (): Record<string, string> => ({ ...forge.env, [variable]: forge.host });
  const stack = (args: string[], more: Record<string, string> = {}): Promise<Run> =>
    shop.stack(args, { env: { ...env(), ...more } });
  const pr = async (...args: string[]) => {
    const run = await stack(['pr', 'feat-01', '--json', ...args]);
    return { ...run, ...(JSON.parse(run.stdout) as { order: string[]; repos: Record<string, Request> }) };
  };
  const kept = (repo: string) => forge.requests[`acme/${repo}`] ?? [];

  const propose = (repo: string, subject: string): void => {
    const folder = `tickets/feat-01/${repo}`;
    shop.write(`${folder}/${subject}.txt`, subject);
    shop.git(folder, 'add', '.');
    shop.git(folder, 'commit', '--quiet', '--message', subject);
  };

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
    forge = await openForgeServer(shop.folder, programs ?? '');
    mkdirSync(path.join(shop.folder, 'acme'));
    for (const repo of ['front', 'api']) {
      execFileSync('git', ['clone', '--quiet', '--bare', shop.at(repo), `${shop.folder}/acme/${repo}.git`], {
        env: shop.env,
      });
      shop.git(repo, 'remote', 'add', 'origin', `https://${forge.host}/acme/${repo}.git`);
    }
    const run = await stack(['create', 'feat-01', '--with', 'api', '--from-front=feat/ui', '--no-start']);
    expect(run).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await shop.dispose();
    await forge.close();
  });

  it('are none where no commit is to be proposed', async () => {
    expect(await pr()).toMatchObject({
      code: 0,
      repos: { front: { result: 'unchanged' }, api: { result: 'unchanged' } },
    });
    expect(forge.requests).toEqual({});
  });

  it('that somebody has made from a fork, of a branch of the same name, are left alone', async () => {
    const strange = { number: 1, branch: 'feat-01', base: 'main', title: 'Mine', body: '', draft: false } as const;
    forge.requests['acme/front'] = [{ ...strange, state: 'open', isForked: true }];
    propose('front', 'Show prices');
    expect((await pr('--dry-run')).repos.front).toMatchObject({ result: 'waiting', base: 'feat/ui' });
    expect((await pr('--dry-run')).repos.front?.number).toBeUndefined();
    forge.requests = {};
    shop.git('tickets/feat-01/front', 'reset', '--quiet', '--hard', 'HEAD~1');
  });

  it('are pushed and made once, for the base of each, and name their sisters in the order to merge in', async () => {
    propose('front', 'Show prices');
    propose('front', 'Show taxes');
    propose('api', 'Serve prices');
    const dry = await pr('--dry-run');
    expect(dry).toMatchObject({ code: 0, repos: { front: { result: 'waiting', base: 'feat/ui' } } });
    expect(Object.values(forge.requests).flat()).toEqual([]);
    const made = await pr('--order', 'api,front');
    expect(made).toMatchObject({ code: 0, order: ['api', 'front'] });
    const [url, sister] = ['api', 'front'].map((repo) => `https://${forge.host}/acme/${repo}/${page}/1`);
    expect(made.repos).toMatchObject({
      api: { result: 'created', number: 1, url, base: 'main', title: 'Serve prices' },
      front: { result: 'created', url: sister, base: 'feat/ui', title: 'Show prices' },
    });
    expect(kept('front')).toMatchObject([{ branch: 'feat-01', base: 'feat/ui', title: 'Show prices' }]);
    expect(kept('front')[0]?.body).toBe(
      [
        '- Show prices\n- Show taxes\n\n<!-- stack: begin -->',
        `Part of \`feat-01\`, to be merged in this order:\n\n1. api: ${url}\n2. front: ${sister} (this one)\n`,
        `Depends-On: ${url}\n<!-- stack: end -->`,
      ].join('\n'),
    );
    expect(kept('api')[0]?.body).not.toContain('Depends-On');
  });

  it('are brought up to date by the next run, and never made twice; what people wrote stays', async () => {
    const [front] = kept('front');
    front!.body = `By hand.\r\n${front!.body.replace('1. api', '1. other')}`;
    propose('front', 'Show sums');
    const again = await pr('--order', 'api,front');
    expect(again).toMatchObject({ code: 0, repos: { front: { result: 'updated' }, api: { result: 'unchanged' } } });
    expect(front!.body).toMatch(/^By hand\.\n[\s\S]*1\. api: [\s\S]*<!-- stack: end -->$/);
    expect([kept('front').length, kept('api').length]).toEqual([1, 1]);
    const bare = `--git-dir=${shop.folder}/acme/front.git`;
    expect(shop.git('.', bare, 'rev-parse', 'feat-01')).toBe(shop.git('tickets/feat-01/front', 'rev-parse', 'HEAD'));
  });

  it('are judged: checks, reviews and what they come to', async () => {
    const judge = async (): Promise<string> => (await stack(['pr', 'feat-01', 'status'])).stdout;
    expect(await judge()).toMatch(/#1 open, checks: none, review: none[\s\S]*\nfeat-01: waits for checks or a review$/);
    forge.checks = { lint: 'success', unit: 'failure' };
    expect(await judge()).toMatch(/checks: failed \(unit\)[\s\S]*\nfeat-01: needs work$/);
    forge.checks = { lint: 'success', unit: null };
    expect(await judge()).toMatch(/checks: running/);
    forge.checks = { lint: 'success' };
    forge.approved = true;
    expect(await judge()).toMatch(/checks: passed, review: approved[\s\S]*\nfeat-01: ready to be merged$/);
  });

  it('that the forge refuses, or a login that is missing, are told in its words, and the next run goes on', async () => {
    for (const one of kept('front')) one.state = 'merged';
    forge.refusal = 'No commits between feat/ui and feat-01';
    const refused = await pr();
    expect(refused).toMatchObject({ code: 1, repos: { api: { result: 'waiting' }, front: { result: 'failed' } } });
    expect(refused.repos.front?.reason).toContain('No commits between feat/ui and feat-01');
    const program = kind === 'github' ? 'gh' : 'glab';
    const noLogin = await stack(['pr', 'feat-01'], { GH_ENTERPRISE_TOKEN: '', GITLAB_TOKEN: '' });
    expect(noLogin.code).toBe(1);
    expect(noLogin.stdout).toMatch(
      new RegExp(
        `^front +failed: ${program} is not logged in to ${forge.host}\n +.${program} auth login --hostname`,
        'm',
      ),
    );
    expect(await pr('--title', 'Show it all', '--body', 'All.', '--draft')).toMatchObject({
      code: 0,
      repos: { front: { result: 'created', number: 2 }, api: { result: 'updated', title: 'Show it all' } },
    });
    expect(kept('front')[1]).toMatchObject({ title: expect.stringContaining('Show it all'), state: 'open' });
  });

  it('without its program are pages on which a person makes them', async () => {
    const folders = (forge.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== programs);
    const run = await stack(['pr', 'feat-01'], { PATH: folders.join(path.delimiter) });
    expect(run).toMatchObject({ code: 0 });
    const by = kind === 'github' ? 'compare/feat/ui...feat-01?expand=1' : '-/merge_requests/new?merge_request';
    expect(run.stdout).toContain(`https://${forge.host}/acme/front/${by}`);
    const status = await stack(['pr', 'feat-01', 'status'], { PATH: folders.join(path.delimiter) });
    expect(status).toMatchObject({ code: 1, stdout: expect.stringContaining('not all could be asked') });
  });

  it('of a host that nobody knows, or of a folder, are refused with what would say more', async () => {
    const unknown = await stack(['pr', 'feat-01'], { [variable]: 'other.example.com' });
    expect(unknown).toMatchObject({
      code: 4,
      stdout: expect.stringContaining(`GH_HOST=${forge.host} or GITLAB_HOST=`),
    });
    shop.git('api', 'remote', 'set-url', 'origin', `${shop.folder}/acme/api.git`);
    const local = await stack(['pr', 'feat-01']);
    expect(local).toMatchObject({ code: 4, stdout: expect.stringContaining('is no forge’s') });
    const order = await stack(['pr', 'feat-01', '--order', 'apo']);
    expect(order).toMatchObject({ code: 2, stderr: expect.stringContaining('feat-01 has no copy of apo') });
  });

  it('that the forge has merged are known to `destroy --merged`, whatever it made of their commits', async () => {
    shop.git('api', 'remote', 'set-url', 'origin', `https://${forge.host}/acme/api.git`);
    for (const one of [...kept('front'), ...kept('api')]) one.state = 'merged';
    const noLogin = await stack(['destroy', '--merged', '--dry-run'], { GH_ENTERPRISE_TOKEN: '', GITLAB_TOKEN: '' });
    expect(noLogin).toMatchObject({ code: 0, stderr: expect.stringContaining('is not logged in to') });
    expect(noLogin.stdout).toBe('no ticket is merged');
    const run = await stack(['destroy', '--merged']);
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('feat-01') });
    expect(shop.state()?.instances).toEqual({});
  });
});
