import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeRepo, makeShop, openShop, type Shop } from '../support/shop.ts';

const SERVER = `require('node:http').createServer((_, answer) => answer.end(process.env.STACK_SERVICE + ' at ' + process.cwd())).listen(process.env.PORT, 'localhost');`;

describe('a layout of repos', () => {
  let shop: Shop;
  afterEach(() => shop.dispose());

  const get = async (port: number): Promise<string> => (await fetch(`http://localhost:${port}/`)).text();

  const service = (name: string, repo: string, from: number, dir: string): string => `
  ${name}:
    repo: ${repo}
    dir: ${dir}
    command: node server.cjs
    ports: { http: { from: ${from} } }
    env: { PORT: '\${port.http}' }
    ready: { http: / }`;

  it('may be one repo with several services: tickets go beside the root', async () => {
    const { folder, env } = makeShop();
    const root = path.join(folder, 'mono');
    shop = openShop(folder, root, env);
    makeRepo(root, { 'apps/web/server.cjs': SERVER, 'apps/jobs/server.cjs': SERVER, '.gitignore': '.env.local\n' });
    const services = service('web', 'app', shop.port, 'apps/web') + service('jobs', 'app', shop.port + 10, 'apps/jobs');
    shop.write('stack.yml', `name: mono\nruntime: process\nrepos: { app: { path: . } }\nservices:${services}\n`);
    shop.git('.', 'add', '.');
    shop.git('.', 'commit', '--quiet', '--message', 'Describe the stack');
    expect(await shop.stack(['trust'])).toMatchObject({ code: 0 });

    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const worktree = path.join(folder, 'mono.tickets/feat-01/app');
    expect(await get(shop.port)).toBe(`web at ${worktree}/apps/web`);
    expect(await get(shop.port + 10)).toBe(`jobs at ${worktree}/apps/jobs`);
    expect(existsSync(path.join(worktree, 'apps/jobs/.env.local'))).toBe(true);
    expect(shop.git('.', 'status', '--porcelain')).toBe('');
    expect(shop.git(worktree, 'status', '--porcelain')).toBe('');
    const inside = await shop.stack(['ps', '--json'], { cwd: path.join(worktree, 'apps/web') });
    expect(JSON.parse(inside.stdout)).toMatchObject({ root, instances: [{ ticket: 'feat-01', status: 'running' }] });

    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(existsSync(path.join(folder, 'mono.tickets'))).toBe(false);
    expect(shop.git('.', 'status', '--porcelain')).toBe('');
  });

  it('may be a superproject whose submodules are the repos', async () => {
    const { folder, env } = makeShop();
    const root = path.join(folder, 'super');
    shop = openShop(folder, root, env);
    makeRepo(root, { 'README.md': 'super\n' });
    for (const name of ['web', 'jobs']) {
      makeRepo(path.join(folder, `${name}-origin`), { 'server.cjs': SERVER, '.gitignore': '.env.local\n' });
      shop.git('.', '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', `../${name}-origin`, name);
    }
    const services = service('web', 'web', shop.port, '.') + service('jobs', 'jobs', shop.port + 10, '.');
    const repos = 'repos: { web: { path: web, base: main }, jobs: { path: jobs, base: main, shared: true } }';
    shop.write('stack.yml', `name: super\nruntime: process\n${repos}\nservices:${services}\n`);
    shop.git('.', 'add', '.');
    shop.git('.', 'commit', '--quiet', '--message', 'Describe the stack');
    expect(await shop.stack(['trust'])).toMatchObject({ code: 0 });

    expect(await shop.stack(['create', 'feat-01', '--with', 'jobs'])).toMatchObject({ code: 0 });
    const tickets = path.join(folder, 'super.tickets/feat-01');
    const [instance] = (await shop.ps()).instances;
    expect(await get(instance?.services.web?.ports.http ?? 0)).toBe(`web at ${tickets}/web`);
    expect(await get(instance?.services.jobs?.ports.http ?? 0)).toBe(`jobs at ${tickets}/jobs`);
    expect(shop.git(`${tickets}/web`, 'symbolic-ref', '--short', 'HEAD')).toBe('feat-01');
    expect(shop.git('.', 'status', '--porcelain')).toBe('');

    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(existsSync(tickets)).toBe(false);
    expect(shop.git('web', 'for-each-ref', 'refs/heads', '--format=%(refname)')).toBe('refs/heads/main');
  });

  it('may be bare repos with worktrees beside them: the one on the default branch stands for the main checkout', async () => {
    const { folder, env } = makeShop();
    const root = path.join(folder, 'bare');
    shop = openShop(folder, root, env);
    makeRepo(path.join(folder, 'origin'), { 'server.cjs': SERVER, '.gitignore': '.env.local\n' }, 'feat/ui');
    mkdirSync(shop.at('web'), { recursive: true });
    shop.git('.', 'clone', '--quiet', '--bare', '../origin', 'web/.bare');
    shop.write('web/.git', 'gitdir: ./.bare\n');
    shop.git('web', 'worktree', 'add', '--quiet', 'feature', 'feat/ui');
    shop.git('web', 'worktree', 'add', '--quiet', 'main', 'main');
    const config = (place: string): void =>
      shop.write(
        'stack.yml',
        `name: bare\nruntime: process\nrepos: { web: { path: ${place} } }\nservices:${service('web', 'web', shop.port, '.')}\n`,
      );
    config('web');
    const refused = await shop.stack(['create', 'feat-01']);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain(`hint: set \`path:\` to its worktree ${shop.at('web/main')}`);

    config('web/main');
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await get(shop.port)).toBe(`web at ${shop.at('tickets/feat-01/web')}`);
    expect((await shop.ps()).instances).toMatchObject([{ status: 'running', problems: [] }]);
    expect(await shop.stack(['doctor'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(shop.git('web', 'worktree', 'list').split('\n')).toHaveLength(3);
  });

  it('may have repos beside the root', async () => {
    shop = makeShop();
    makeRepo(path.join(shop.folder, 'elsewhere'), { 'server.cjs': SERVER, '.gitignore': '.env.local\n' });
    const services = service('front', 'front', shop.port, '.');
    const repos = 'repos: { front: { path: ../elsewhere } }';
    shop.write('stack.yml', `name: shop\nruntime: process\n${repos}\nservices:${services}\n`);
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await get(shop.port)).toBe(`front at ${shop.at('tickets/feat-01/front')}`);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(shop.git('../elsewhere', 'worktree', 'list').split('\n')).toHaveLength(1);
  });

  it('may put the tickets where `worktrees:` says', async () => {
    shop = makeShop();
    shop.configure((text) => `worktrees: ../away\n${text}`);
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    const worktree = path.join(shop.folder, 'away/feat-01/front');
    expect(existsSync(worktree)).toBe(true);
    expect(await shop.stack(['destroy'], { cwd: worktree })).toMatchObject({ code: 0, stdout: 'feat-01 is gone' });
    expect(existsSync(path.join(shop.folder, 'away'))).toBe(false);
  });

  it('may have them behind a link, and notes the folder that it leads to, as git does', async () => {
    shop = makeShop();
    mkdirSync(path.join(shop.folder, 'real'));
    symlinkSync('real', path.join(shop.folder, 'link'));
    shop.configure((text) => `worktrees: ${shop.folder}/link/away\n${text}`);
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    const worktree = path.join(shop.folder, 'real/away/feat-01/front');
    expect(shop.state()?.instances['feat-01']?.repos.front).toMatchObject({ worktree });
    expect(shop.git('front', 'worktree', 'list')).toContain(`${worktree} `);
    // One of an older version has the folder as it was named.
    const state = shop.read('.stack/state.json');
    shop.write('.stack/state.json', state.replaceAll('/real/away/feat-01', '/link/away/feat-01'));
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', problems: [] }]);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0, stdout: 'feat-01 is gone' });
    expect(existsSync(path.join(shop.folder, 'real/away'))).toBe(false);
  });
});
