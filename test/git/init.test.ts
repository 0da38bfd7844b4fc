import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type InitOptions, render, run } from '../../src/commands/init.ts';
import type { StackConfig } from '../../src/domain/config/config.ts';
import { parseConfig } from '../../src/domain/config/text.ts';
import { layValues } from '../../src/domain/values.ts';
import { type Files, type InitWorld, makeInitWorld } from '../support/init-world.ts';

const packageRoot = path.resolve(import.meta.dirname, '../..');
const worlds: InitWorld[] = [];

beforeAll(() => {
  process.env.GIT_CONFIG_GLOBAL = '/dev/null';
  process.env.GIT_CONFIG_NOSYSTEM = '1';
});
afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

function makeWorld(name?: string): InitWorld {
  const world = makeInitWorld(name);
  worlds.push(world);
  return world;
}

const init = (world: InitWorld, options: InitOptions = {}) => run({ root: world.root, packageRoot }, options);

/** Runs init and reads what it wrote as `stack doctor` would. */
async function initAndParse(world: InitWorld): Promise<StackConfig & { checks: string[]; text: string }> {
  const { checks } = await init(world);
  const text = readFileSync(path.join(world.root, 'stack.yml'), 'utf8');
  const config = parseConfig({ files: [{ path: 'stack.yml', text }], values: layValues() });
  return { ...config, text, checks: checks.map((check) => `${check.subject}: ${check.text}`) };
}

const pkg = (packages: string[], scripts: Record<string, string>, more: object = {}) => ({
  ...more,
  scripts,
  dependencies: Object.fromEntries(packages.map((name) => [name, '1.0.0'])),
});

const VITE: Files = {
  'package.json': pkg(['vite', 'react-dom'], { dev: 'vite', build: 'vite build' }),
  'package-lock.json': '{}',
  'node_modules/.keep': '',
  'src/main.js': 'fetch(import.meta.env.VITE_API_URL);\n',
};
const EXPRESS: Files = {
  'package.json': pkg(['express', 'pg', 'ioredis'], { dev: 'nodemon src/index.js', start: 'node src/index.js' }),
  'package-lock.json': '{}',
  'node_modules/.keep': '',
  'src/index.js': "app.get('/health', ok);\napp.listen(process.env.PORT || 4000);\n",
  'src/stores.js': 'new Pool({ connectionString: process.env.DATABASE_URL });\nnew Redis(process.env.REDIS_URL);\n',
};

describe('a front-end and an API beside each other', () => {
  it('are wired as in the README, with nothing left to check', async () => {
    const world = makeWorld();
    world.repo('front', VITE);
    world.repo('api', EXPRESS);
    const { name, repos, services, shared, checks } = await initAndParse(world);
    expect(name).toBe('shop');
    expect(repos).toMatchObject({
      front: { path: './front', title: 'Front-end', base: 'main', shared: false, setup: [{ run: 'npm ci' }] },
      api: { path: './api', title: 'API', base: 'main', shared: true, setup: [{ run: 'npm ci' }] },
    });
    expect(services.front).toMatchObject({
      image: 'node:22-alpine',
      command: 'npm run dev -- --host ${bind} --port $PORT --strictPort',
      ports: { http: { baseline: 5173, from: 3001, container: 5173 } },
      env: { PORT: '${port.http}', VITE_API_URL: '${api.url}' },
      ready: { http: '/' },
    });
    expect(services.api).toMatchObject({
      command: 'npm run dev',
      ports: { http: { baseline: 4000, from: 4001, container: 4000 } },
      env: { PORT: '${port.http}', DATABASE_URL: '${postgres.url}', REDIS_URL: '${redis.url}' },
      ready: { http: '/health' },
    });
    // No password: stack makes one up for a server on this machine.
    expect(shared.services).toMatchObject({ postgres: { user: 'stack', database: 'shop' }, redis: {} });
    expect(shared.services.postgres).not.toHaveProperty('password');
    expect(checks).toEqual([]);
  });

  it('may be Next.js with pnpm and Rails', async () => {
    const world = makeWorld();
    const web = pkg(['next'], { dev: 'next dev' }, { packageManager: 'pnpm@9.1.0', engines: { node: '>=18' } });
    const page = 'fetch(process.env.NEXT_PUBLIC_API_URL)';
    world.repo('web', { 'package.json': web, 'pnpm-lock.yaml': '', '.nvmrc': 'v20.11.1\n', 'app/page.tsx': page });
    const rails = 'gem "rails"\ngem "pg"\n';
    world.repo(
      'backend',
      {
        Gemfile: rails,
        '.ruby-version': '3.3.1',
        'bin/rails': '',
        '.gitignore': 'config/master.key',
        'config/routes.rb': 'get "up" => "rails/health#show", as: :rails_health_check',
        'config/puma.rb': 'port ENV.fetch("PORT", 3010)',
        'Procfile.dev': 'web: bin/rails s\ncss: bin/rails tailwindcss:watch\n',
      },
      'master',
    );
    world.write('backend', { 'config/master.key': 'secret' });
    const { repos, services, shared, checks } = await initAndParse(world);
    expect(repos.web).toMatchObject({ setup: [{ run: 'corepack pnpm install --frozen-lockfile' }] });
    expect(services.web).toMatchObject({
      image: 'node:20-alpine',
      command: 'corepack pnpm run dev --hostname ${bind}',
      env: { NEXT_PUBLIC_API_URL: '${backend.url}' },
    });
    expect(repos.backend).toMatchObject({
      base: 'master',
      copy: ['config/master.key'],
      setup: [{ run: 'bundle install' }],
    });
    expect(services.backend).toMatchObject({
      image: 'ruby:3.3.1',
      command: expect.stringContaining('bin/rails s -b ${bind} -p $PORT'),
      ports: { http: { baseline: 3010, container: 3010 } },
      ready: { http: '/up' },
    });
    expect(Object.keys(shared.services)).toEqual(['postgres']);
    expect(checks).toEqual(['backend: Procfile.dev starts css too: add a service for what you need of it']);
  });

  it('say which addresses are written into the code', async () => {
    const world = makeWorld();
    const proxy = "export default { server: { port: 5199, proxy: { '/api': 'http://localhost:4000' } } }";
    world.repo('front', {
      ...VITE,
      'vite.config.ts': proxy,
      '.env.example': 'VITE_BACKEND_URL=http://localhost:4000/v1\n',
    });
    world.repo('api', {
      'package.json': pkg(['fastify'], { start: 'node server.js' }),
      'server.js': 'f.listen({ port: 4000 })',
    });
    const { services, checks } = await initAndParse(world);
    expect(services.front?.ports.http?.container).toBe(5199);
    expect(services.front?.env).toMatchObject({ VITE_BACKEND_URL: '${api.url}/v1' });
    expect(checks).toEqual([
      'api: run `npm install` in ./api: tickets borrow that checkout as it is',
      'front: vite.config.ts names http://localhost:4000: let it read a variable, for a ticket with a copy of its own behind that address',
      'api: it seems to listen on a port of its own and not on PORT, which only works in a container',
      'api: Fastify listens on localhost only, unless `listen` is told a `host`: give it a variable with `${bind}`',
    ]);
  });

  it('take the variables that their env files name', async () => {
    const world = makeWorld();
    world.repo('front', VITE);
    const example =
      'DB_HOST=localhost\nDB_PORT=5432\nDB_USERNAME=me\nDB_PASSWORD=x\nDB_NAME=app\nCACHE_URL=redis://localhost\n';
    const { 'src/stores.js': _, ...api } = EXPRESS;
    world.repo('api', { ...api, '.env.example': example, '.gitignore': '.env\n' });
    world.write('api', { '.env': 'KEY=1\n' });
    const { services, repos, shared } = await initAndParse(world);
    expect(services.api?.env).toEqual({
      PORT: '${port.http}',
      DB_HOST: '${postgres.host}',
      DB_PORT: '${postgres.port}',
      DB_USERNAME: '${postgres.user}',
      DB_PASSWORD: '${postgres.password}',
      DB_NAME: '${postgres.database}',
      CACHE_URL: '${redis.url}',
    });
    expect(shared.services.postgres).toMatchObject({ user: 'me', database: 'app' });
    expect(repos.api?.copy).toEqual(['.env']);
  });
});

describe('one repo', () => {
  it('with workspaces gives a service for each that listens', async () => {
    const world = makeWorld('mono');
    world.repo('.', {
      'package.json': { ...pkg(['turbo'], { dev: 'turbo dev' }), packageManager: 'pnpm@9.0.0' },
      'pnpm-lock.yaml': '',
      'pnpm-workspace.yaml': 'packages:\n  - apps/*\n  - packages/*\n  - "!packages/skipped"\n',
      'apps/web/package.json': pkg(['next'], { dev: 'next dev -p 3005' }),
      'apps/api/package.json': pkg(['@nestjs/core', '@prisma/client'], { dev: 'nest start --watch' }),
      'apps/api/src/main.ts': "app.setGlobalPrefix('api');\nawait app.listen(process.env.PORT ?? 3333);",
      'apps/api/src/health.ts': "@Controller('health')\nexport class Health {}",
      'packages/ui/package.json': pkg(['react'], { dev: 'tsup --watch' }),
      'packages/skipped/package.json': pkg(['vite'], { dev: 'vite' }),
    });
    const { repos, services } = await initAndParse(world);
    expect(repos).toMatchObject({
      mono: { path: '.', shared: false, setup: [{ run: 'corepack pnpm install --frozen-lockfile' }] },
    });
    expect(services).toMatchObject({
      web: { repo: 'mono', dir: 'apps/web', ports: { http: { baseline: 3005, from: 3101, container: 3005 } } },
      api: {
        repo: 'mono',
        dir: 'apps/api',
        ports: { http: { baseline: 3333, from: 4001, container: 3333 } },
        ready: { http: '/api/health' },
      },
    });
    expect(Object.keys(services)).toEqual(['web', 'api']);
  });

  it('of a server with a client folder gives both', async () => {
    const world = makeWorld('mern');
    const scripts = { dev: 'concurrently "npm run server" "npm run client"', server: 'nodemon server.js' };
    world.repo('.', {
      'package.json': pkg(['express'], { ...scripts, client: 'npm start --prefix client' }),
      'package-lock.json': '{}',
      'server.js': 'app.listen(process.env.PORT || 5000)',
      'client/package.json': pkg(['react-scripts'], { start: 'react-scripts start' }),
      'client/package-lock.json': '{}',
    });
    const { repos, services } = await initAndParse(world);
    expect(repos.mern?.setup.map(({ run }) => run)).toEqual(['cd client && npm ci', 'npm ci']);
    expect(services).toMatchObject({ mern: { dir: '', command: 'npm run server' }, client: { dir: 'client' } });
  });

  it('in two languages sets each part up in its own image', async () => {
    const world = makeWorld('mixed');
    world.repo('.', {
      'frontend/package.json': pkg(['vite'], { dev: 'vite' }),
      'frontend/package-lock.json': '{}',
      'backend/requirements.txt': 'fastapi\npsycopg2-binary\n',
      'backend/app/main.py': 'api = FastAPI()\n@api.get("/healthz")\ndef health(): ...\n',
    });
    const { repos, services } = await initAndParse(world);
    expect(repos.mixed?.setup.map(({ run }) => run)).toEqual(['cd frontend && npm ci']);
    expect(services.backend).toMatchObject({
      image: 'python:3.12-slim',
      command:
        '(cd .. && { test -d backend/.venv || { cd backend && python3 -m venv .venv && .venv/bin/pip install -r requirements.txt; }; })' +
        ' && .venv/bin/python -m uvicorn app.main:api --reload --host ${bind} --port $PORT',
      ready: { http: '/healthz' },
    });
  });

  it('without any script is started by its server file', async () => {
    const world = makeWorld('thing');
    world.repo('.', { 'package.json': { dependencies: { koa: '2' } }, 'server.js': 'new Koa().listen(8081)' });
    const { services, checks } = await initAndParse(world);
    expect(services.thing).toMatchObject({ command: 'node server.js', ports: { http: { container: 8081 } } });
    expect(checks).toContain('thing: no script starts it: is `node server.js` right?');
  });

  it('that says nothing gives a placeholder that is a valid config', async () => {
    const world = makeWorld();
    world.repo('docs', { 'README.md': 'Docs' });
    const { services, checks } = await initAndParse(world);
    expect(services.docs?.command).toContain('does not say yet how this is started');
    expect(checks).toContain('docs: nothing was found in it that could be started');
  });
});

describe('a superproject', () => {
  function makeSuper(submodules: Record<string, Files>, own: Files = { 'README.md': '' }): InitWorld {
    const source = makeWorld('sources');
    const world = makeWorld('super');
    world.repo('.', own);
    for (const [name, files] of Object.entries(submodules)) {
      source.repo(name, files);
      const from = path.join(source.root, name);
      world.git('.', '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', from, `repos/${name}`);
    }
    world.git('.', 'commit', '--quiet', '--message', 'Add submodules');
    return world;
  }

  it('gives its submodules, not itself, and names those that are not there yet', async () => {
    const world = makeSuper({ front: VITE, api: EXPRESS, docs: { 'README.md': '' } });
    world.git('.', 'submodule', '--quiet', 'deinit', '--force', 'repos/docs');
    const { repos, text } = await initAndParse(world);
    expect(Object.entries(repos).map(([name, repo]) => [name, repo.path])).toEqual([
      ['front', './repos/front'],
      ['api', './repos/api'],
    ]);
    expect(text).toContain(
      '# left out: repos/docs (it is a submodule that is not there yet: `git submodule update --init`)',
    );
  });

  it('is one repo when nothing runs out of its submodules', async () => {
    const world = makeSuper({ theme: { 'style.css': '' } }, VITE);
    const { repos, services } = await initAndParse(world);
    expect(Object.values(repos).map((repo) => repo.path)).toEqual(['.']);
    expect(Object.keys(services)).toEqual(['super']);
  });
});

describe('many repos', () => {
  it('get ports that do not meet, and every front-end learns where the APIs are', async () => {
    const world = makeWorld('3 things');
    world.repo('admin-ui', {
      'package.json': pkg(['react-scripts'], { start: 'react-scripts start' }),
      'src/api.js': 'const { REACT_APP_API_URL, REACT_APP_BILLING_URL } = process.env;',
    });
    world.repo('Store Front', VITE);
    world.repo('billing', {
      'go.mod': 'module x\n\ngo 1.22\n',
      'cmd/server/main.go': 'package main\nhttp.ListenAndServe(":9000", nil)',
    });
    world.repo('api', EXPRESS);
    world.repo('libs', { 'README.md': '' });
    const { name, repos, services } = await initAndParse(world);
    expect(name).toBe('3-things');
    const ports = Object.entries(services).map(
      ([
        service,
        {
          ports: { http },
        },
      ]) => [service, http?.baseline, http?.from],
    );
    expect(ports).toEqual([
      ['store-front', 5173, 3001],
      ['admin-ui', 3000, 5001],
      ['api', 4000, 4001],
      ['billing', 9000, 6001],
    ]);
    expect(services['admin-ui']?.env).toMatchObject({
      REACT_APP_API_URL: '${api.url}',
      REACT_APP_BILLING_URL: '${billing.url}',
    });
    expect(Object.entries(repos).flatMap(([repo, { shared }]) => (shared ? [repo] : []))).toEqual([
      'api',
      'billing',
      'libs',
    ]);
    expect(services.billing?.command).toBe('go run ./cmd/server');
  });

  it('are found one level deeper when there is none in the folder itself', async () => {
    const world = makeWorld();
    world.repo('clients/web', VITE);
    world.repo('services/web', EXPRESS);
    const { repos } = await initAndParse(world);
    expect(Object.entries(repos).map(([name, repo]) => [name, repo.path])).toEqual([
      ['web', './clients/web'],
      ['services-web', './services/web'],
    ]);
  });

  it('leave out what tickets cannot be made from, and say why', async () => {
    const world = makeWorld();
    world.repo('api', EXPRESS);
    mkdirSync(path.join(world.root, 'empty'));
    world.git('empty', 'init', '--quiet');
    world.git('.', 'init', '--quiet', '--bare', 'bare.git');
    world.git('api', 'worktree', 'add', '--quiet', '../api-hotfix');
    const { leftOut, config } = await init(world);
    expect(leftOut).toEqual([
      { path: 'api-hotfix', reason: 'it is a worktree of api' },
      { path: 'bare.git', reason: 'it is a bare repo, without files' },
      { path: 'empty', reason: 'it has no commit yet' },
    ]);
    expect(config).toContain('  # left out: empty (it has no commit yet)');
  });

  it('may be bare, with worktrees beside them: the one on the default branch is taken', async () => {
    const world = makeWorld();
    world.repo('origin', VITE);
    world.git('origin', 'branch', 'feature');
    mkdirSync(path.join(world.root, 'shop'));
    world.git('.', 'clone', '--quiet', '--bare', 'origin', 'shop/.bare');
    world.write('shop', { '.git': 'gitdir: ./.bare\n' });
    for (const branch of ['feature', 'main']) world.git('shop', 'worktree', 'add', '--quiet', branch, branch);
    rmSync(path.join(world.root, 'origin'), { recursive: true });
    const { repos } = await initAndParse(world);
    expect(Object.values(repos).map((repo) => [repo.path, repo.base])).toEqual([['./shop/main', 'main']]);

    const inside = { ...world, root: path.join(world.root, 'shop') };
    const { config, leftOut } = await init(inside);
    expect(config).toContain('path: ./main');
    expect(leftOut).toEqual([{ path: 'feature', reason: 'it is a worktree of main' }]);
  });

  it('keep valid names whatever their folders are called', async () => {
    const world = makeWorld('Ünïcode & 100%');
    world.repo('数据', { 'index.html': '' });
    world.repo('redis', { Dockerfile: 'FROM x\nEXPOSE 8088\n' });
    world.repo("it's #1: yes", { 'package.json': '{ broken' });
    world.repo('null', EXPRESS);
    const { name, repos, services } = await initAndParse(world);
    expect(name).toBe('unicode-100');
    expect(Object.values(repos).map((repo) => repo.path)).toEqual(['./数据', './null', "./it's #1: yes", './redis']);
    expect(Object.keys(services)).toEqual(['app', 'null', 'unicode-100-redis']);
    expect(services['unicode-100-redis']).toMatchObject({
      build: { context: '.' },
      ports: { http: { container: 8088 } },
    });
  });
});

describe('the files', () => {
  const compose = 'docker-compose.base.yml';

  it('are stack.yml and the shared services, readable by all, and nothing else', async () => {
    const world = makeWorld();
    world.repo('api', EXPRESS);
    const { written } = await init(world);
    expect(written).toEqual(['stack.yml', compose]);
    expect(readdirSync(world.root).sort()).toEqual(['api', compose, 'stack.yml']);
    expect(readFileSync(path.join(world.root, compose))).toEqual(readFileSync(path.join(packageRoot, compose)));
    for (const file of written) expect(lstatSync(path.join(world.root, file)).mode & 0o777).toBe(0o644);
    expect(world.git('api', 'status', '--porcelain')).toBe('');
  });

  it('that are there are never overwritten', async () => {
    const world = makeWorld();
    world.repo('api', EXPRESS);
    world.write('.', { 'stack.yml': 'mine', [compose]: 'mine too' });
    await expect(init(world)).rejects.toMatchObject({
      code: 'exists',
      message: 'stack.yml and docker-compose.base.yml are there already',
    });
    expect(readFileSync(path.join(world.root, 'stack.yml'), 'utf8')).toBe('mine');
    expect((await init(world, { force: true })).written).toEqual(['stack.yml', compose]);
    expect(readFileSync(path.join(world.root, 'stack.yml'), 'utf8')).toContain('name: shop');
    expect(readFileSync(path.join(world.root, 'stack.yml.old'), 'utf8')).toBe('mine');
  });

  it('are not written by a dry run, which prints the stack.yml', async () => {
    const world = makeWorld();
    world.repo('api', EXPRESS);
    const result = await init(world, { dryRun: true });
    expect(readdirSync(world.root)).toEqual(['api']);
    expect(`${await render(result, { color: false, columns: undefined })}\n`).toBe(result.config);
  });

  it('are both as before when one of them cannot be written', async () => {
    const world = makeWorld();
    world.repo('api', EXPRESS);
    world.write('.', { [compose]: 'mine', 'stack.yml/inside': 'a folder' });
    await expect(init(world, { force: true })).rejects.toMatchObject({ code: 'files' });
    expect(readFileSync(path.join(world.root, compose), 'utf8')).toBe('mine');
    expect(readdirSync(world.root).sort()).toEqual(['api', compose, 'stack.yml']);
  });
});

describe('a folder without a repo', () => {
  it('is refused, with nothing written', async () => {
    const world = makeWorld();
    world.write('a/b/c', { 'x.txt': '' });
    await expect(init(world)).rejects.toMatchObject({
      code: 'not-found',
      hint: expect.stringContaining('clone them here'),
    });
    expect(existsSync(path.join(world.root, 'stack.yml'))).toBe(false);
  });

  it('names the repos that lie beside the one it is run in', async () => {
    const world = makeWorld();
    world.repo('.', { 'package.json': { scripts: { start: 'node .' }, dependencies: { express: '^4' } } });
    world.repo('../web', {});
    world.write('../notes', { 'todo.txt': '' });
    expect((await init(world)).leftOut).toEqual([
      { path: '../web', reason: expect.stringContaining('the folder above') },
    ]);
  });

  it('is refused with the way to the repo it is a part of', async () => {
    const world = makeWorld();
    world.repo('.', VITE);
    world.write('src/deep', { 'x.js': '' });
    await expect(run({ root: path.join(world.root, 'src'), packageRoot }, {})).rejects.toMatchObject({
      code: 'not-found',
      hint: `this folder is a part of the repo ${world.root}: run \`stack init\` there`,
    });
  });

  it('is refused when its repo has no commit yet', async () => {
    const world = makeWorld();
    world.git('.', 'init', '--quiet');
    await expect(init(world)).rejects.toMatchObject({
      code: 'not-found',
      message: 'this folder is a git repo, but it has no commit yet',
    });
  });
});

describe('what a person is told', () => {
  it('is what was written, guessed and left to check', async () => {
    const world = makeWorld();
    world.repo('.', { 'README.md': '', '.gitignore': 'front\napi\nempty\n.stack/\n' });
    world.repo('front', VITE);
    world.repo('api', { 'package.json': pkg(['express'], { start: 'node x.js' }), 'package-lock.json': '{}' });
    mkdirSync(path.join(world.root, 'empty'));
    world.git('empty', 'init', '--quiet');
    expect((await render(await init(world), { color: false, columns: undefined })).split('\n')).toEqual([
      'wrote stack.yml',
      'wrote docker-compose.base.yml',
      '',
      'SERVICE  FOLDER   LOOKS LIKE       STARTS WITH                                              PORT  READY',
      'front    ./front  front-end, Vite  npm run dev -- --host ${bind} --port $PORT --strictPort  5173  GET /',
      'api      ./api    API, Express     npm start                                                3000  port',
      '',
      'check in stack.yml:',
      '  api: run `npm ci` in ./api: tickets borrow that checkout as it is',
      '  api: no port is named anywhere: is it 3000?',
      '',
      'left out:',
      '  empty: it has no commit yet',
      '',
      'add to .gitignore:',
      '  stack.local.yml',
      '',
      'next: look through stack.yml, then `stack doctor`, then `stack create TICKET`',
    ]);
  });
});
