import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ForgeServer, findForgePrograms, openForgeServer } from '../support/forge-server.ts';
import type { Run } from '../support/product.ts';
import { makeShop, type Shop } from '../support/shop.ts';

const programs = await findForgePrograms();
if (programs === undefined) console.warn('\n!!! SKIPPED: the tests of pull requests need gh and glab\n');

const findSsh = (): string => execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();

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

  it('go where the base of the ticket is by now, as long as its remote has that', async () => {
    const [front] = kept('front');
    shop.git('.', `--git-dir=${shop.folder}/acme/front.git`, 'branch', 'old', 'main');
    front!.base = 'old';
    expect(await pr('--order', 'api,front')).toMatchObject({
      code: 0,
      repos: { front: { result: 'updated', base: 'feat/ui' }, api: { result: 'unchanged' } },
    });
    expect(front!.base).toBe('feat/ui');
    front!.base = 'old';
    shop.git('.', `--git-dir=${shop.folder}/acme/front.git`, 'branch', '-m', 'feat/ui', 'gone');
    const stays = await pr('--order', 'api,front');
    expect(stays).toMatchObject({ code: 0, repos: { front: { result: 'unchanged', base: 'old' } } });
    expect(stays.stderr).toContain('#1 stays for old: origin has no branch feat/ui');
    shop.git('.', `--git-dir=${shop.folder}/acme/front.git`, 'branch', '-m', 'gone', 'feat/ui');
    await pr('--order', 'api,front');
  });

  it('get the title and the text of their commits again with --fill', async () => {
    const [api] = kept('api');
    Object.assign(api!, { title: 'Other', body: 'Other.' });
    expect((await pr('--order', 'api,front')).repos.api).toMatchObject({ result: 'updated', title: 'Other' });
    expect(api!.body).toContain('Other.\n\n<!-- stack: begin -->');
    const filled = await pr('--order', 'api,front', '--fill');
    expect(filled.repos.api).toMatchObject({ result: 'updated', title: 'Serve prices' });
    expect(api!.body).toMatch(/^<!-- stack: begin -->/);
    expect((await pr('--order', 'api,front', '--fill')).repos.api).toMatchObject({ result: 'unchanged' });
  });

  it('are found behind an alias of the SSH settings', async () => {
    const https = shop.git('api', 'remote', 'get-url', 'origin');
    shop.write('ssh-config', 'Host forge-work\n  HostName localhost\n  CanonicalizeHostname yes\n');
    shop.write('bin/ssh', `#!/bin/sh\nexec ${findSsh()} -F ${shop.at('ssh-config')} "$@"\n`);
    chmodSync(shop.at('bin/ssh'), 0o755);
    shop.git('api', 'remote', 'set-url', 'origin', 'git@forge-work:acme/api.git');
    shop.git('api', 'remote', 'set-url', '--push', 'origin', https);
    const run = await stack(['pr', 'feat-01', '--json'], { PATH: `${shop.at('bin')}:${forge.env.PATH}` });
    expect(JSON.parse(run.stdout).repos.api).toMatchObject({ number: 1, title: 'Serve prices' });
    shop.git('api', 'remote', 'set-url', '--delete', '--push', 'origin', '.*');
    shop.git('api', 'remote', 'set-url', 'origin', https);
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

  it('close the issue that the ticket was made for, which names it', async () => {
    shop.git('api', 'remote', 'set-url', 'origin', `https://${forge.host}/acme/api.git`);
    const both = (number: number) => ({ number, title: 'In both', body: '' });
    forge.issues['acme/api'] = [{ number: 123, title: 'Préise: show them!', body: 'With tax.\r\nAll.' }, both(5)];
    forge.issues['acme/front'] = [{ ...both(7), isRequest: kind === 'github' }, both(5), { ...both(8), movedTo: 99 }];
    const run = await stack(['create', '--issue', '123', '--with', 'api', '--no-start', '--json']);
    expect(run).toMatchObject({ code: 0 });
    const ticket = '123-preise-show-them';
    expect(JSON.parse(run.stdout)).toMatchObject({ ticket, repos: { api: { branch: ticket } } });
    const url = `https://${forge.host}/acme/api/issues/123`;
    const task = { task: 'Préise: show them!\n\nWith tax.\nAll.', issue: { number: 123, url } };
    expect(shop.state()?.instances[ticket]).toMatchObject(task);
    expect((await stack(['show', ticket])).stdout.split('\n').slice(1, 3)).toEqual(['Préise: show them!', url]);
    for (const repo of ['front', 'api']) {
      shop.write(`tickets/${ticket}/${repo}/issue.txt`, repo);
      shop.git(`tickets/${ticket}/${repo}`, 'add', '.');
      shop.git(`tickets/${ticket}/${repo}`, 'commit', '--quiet', '--message', `Change ${repo}`);
    }
    expect(await stack(['pr', ticket, '--draft'])).toMatchObject({ code: 0 });
    const made = ['front', 'api'].map((repo) => kept(repo).at(-1));
    expect(made.map((one) => one?.title)).toEqual(
      Array(2).fill(expect.stringMatching(kind === 'github' ? /^Préise: show them!$/ : /^Draft: Préise: show them!$/)),
    );
    expect(made.map((one) => /^Closes .*$/m.exec(one?.body ?? '')?.[0])).toEqual([undefined, 'Closes #123']);
    await stack(['recreate', ticket, '--yes', '--no-start']);
    expect(shop.state()?.instances[ticket]).toMatchObject(task);
  });

  it('close an issue of another repo by its path, and one that cannot be told or found makes no ticket', async () => {
    const create = (...args: string[]): Promise<Run> => stack(['create', ...args, '--no-start']);
    const url = `https://${forge.host}/acme/api/${kind === 'github' ? '' : '-/'}issues/5`;
    expect(await create('only-front', '--issue', url, '--with', 'front')).toMatchObject({ code: 0 });
    shop.write('tickets/only-front/front/only.txt', 'x');
    shop.git('tickets/only-front/front', 'add', '.');
    shop.git('tickets/only-front/front', 'commit', '--quiet', '--message', 'Only');
    expect(await stack(['pr', 'only-front', '--title', 'Not Mine', '--fill'])).toMatchObject({ code: 0 });
    expect(await stack(['pr', 'only-front', '--title', 'Mine', '--fill'])).toMatchObject({ code: 0 });
    expect(kept('front').at(-1)).toMatchObject({ title: 'Mine', body: expect.stringContaining('Closes acme/api#5') });
    for (const [issue, code, said] of [
      ['5', 2, 'there are 2 issues 5: https://'],
      ['99', 2, `there is no issue 99 in ${forge.host}/acme/`],
      ['apo#5', 2, 'did you mean api?'],
      ['five', 2, '--issue five names no issue'],
      ['8', 2, `issue 8 of ${forge.host}/acme/front has moved`],
      ...(kind === 'github' ? ([['front#7', 2, '--from-REPO=pr:NUMBER']] as const) : []),
    ] as const) {
      const run = await create('--issue', issue, '--with', 'api');
      expect([run.code, run.stderr]).toEqual([code, expect.stringContaining(said)]);
    }
    forge.noIssues = ['acme/front'];
    expect(await create('one-of-two', '--issue', '5', '--with', 'api', '--dry-run')).toMatchObject({ code: 0 });
    forge.noIssues = [];
    const nobody = await stack(['create', '--issue', '5', '--with', 'api'], {
      GH_ENTERPRISE_TOKEN: '',
      GITLAB_TOKEN: '',
    });
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringMatching(/--issue REPO#5/) });
    expect(await create()).toMatchObject({ code: 2, stderr: expect.stringContaining("argument 'ticket'") });
    const noProgram = (forge.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== programs);
    const missing = await stack(['create', '--issue', 'api#5'], { PATH: noProgram.join(path.delimiter) });
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/(gh|glab) is not installed[\s\S]*auth login/),
    });
    await stack(['destroy', '--force', '--yes', 'only-front', '123-preise-show-them']);
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
