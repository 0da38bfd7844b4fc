import { describe, expect, it } from 'vitest';
import { detectHealth } from '../../../src/orchestrator/init/detect/health.ts';
import { readManifest } from '../../../src/orchestrator/init/detect/manifest.ts';
import { slugName, takeName } from '../../../src/orchestrator/init/detect/names.ts';
import { detectNeeds } from '../../../src/orchestrator/init/detect/needs.ts';
import { detectNodeProject } from '../../../src/orchestrator/init/detect/node-project.ts';
import { detectNodeVersion, detectPackageManager } from '../../../src/orchestrator/init/detect/package-manager.ts';
import { detectPort } from '../../../src/orchestrator/init/detect/ports.ts';
import { judgeRole } from '../../../src/orchestrator/init/detect/roles.ts';
import type { Sources } from '../../../src/orchestrator/init/detect/sources.ts';
import { detectVariables } from '../../../src/orchestrator/init/detect/variables.ts';

function sourcesOf(files: Record<string, string | object>): Sources {
  const texts = Object.entries(files).map(
    ([name, content]) => [name, typeof content === 'string' ? content : JSON.stringify(content)] as const,
  );
  return { folder: '/shop/x', names: new Set(Object.keys(files)), texts: new Map(texts) };
}

describe('detectPort', () => {
  it.each([
    ['process.env.PORT || 3100', 3100],
    ["process.env.PORT ?? '3101'", 3101],
    ['Number(process.env.PORT) || 3102', 3102],
    ['parseInt(process.env.PORT, 10) || 3103', 3103],
    ['parseInt(process.env.PORT || "3104", 10)', 3104],
    ["process.env['PORT'] || 3105", 3105],
    ["const { PORT = '3106' } = process.env", 3106],
    ["config.get('PORT', 3107)", 3107],
    ["config.get<number>('PORT') ?? 3108", 3108],
    ['PORT: z.coerce.number().default(3109)', 3109],
    ['server.listen({ host, port: 3110 })', 3110],
  ])('reads %s', (code, port) => {
    expect(detectPort(sourcesOf({ 'server.js': code }), '', undefined).value).toBe(port);
  });

  it('believes a script first, then settings, then code, then the tool', () => {
    const files = {
      'vite.config.ts': 'export default { server: { host: true, port: 5200 } }',
      '.env.example': 'PORT=5300\n',
      'server.js': 'listen(process.env.PORT || 5400)',
    };
    const fixed = expect.stringContaining('not on PORT');
    expect(detectPort(sourcesOf(files), 'vite --port 5100', 5173)).toEqual({ value: 5100, check: fixed });
    expect(detectPort(sourcesOf(files), 'PORT=5101 node .', undefined)).toEqual({ value: 5101, check: fixed });
    expect(detectPort(sourcesOf(files), 'vite', 5173)).toEqual({ value: 5200 });
    expect(detectPort(sourcesOf({ ...files, 'vite.config.ts': '' }), 'vite', 5173).value).toBe(5300);
    expect(detectPort(sourcesOf({}), 'vite', 5173)).toEqual({ value: 5173 });
    expect(detectPort(sourcesOf({ Dockerfile: 'FROM x\nEXPOSE 8088/tcp' }), '', undefined)).toEqual({ value: 8088 });
  });

  it('says when it is a guess, and when PORT is not read', () => {
    expect(detectPort(sourcesOf({}), '', undefined)).toEqual({
      value: 3000,
      check: 'no port is named anywhere: is it 3000?',
    });
    expect(detectPort(sourcesOf({ 'a.js': 'app.listen(4000)' }), '', undefined).check).toContain('not on PORT');
  });
});

describe('detectHealth', () => {
  it.each([
    ["app.get('/health', ok)", '/health'],
    ["if (request.url === '/healthz') return ok()", '/healthz'],
    ["'GET /health': () => ok", '/health'],
    ["app.get('/api/health', ok)", '/api/health'],
    ["@Controller('health')", '/health'],
    ["app.get('/', hello)", '/'],
  ])('finds %s', (code, path) => {
    expect(detectHealth(sourcesOf({ 'server.js': code }), 'api')).toEqual({ value: path });
  });

  it('does not take what the program asks of others for its own', () => {
    const sources = sourcesOf({ 'server.js': "await fetch('/health'); app.get('/users')" });
    expect(detectHealth(sources, 'api').value).toBeUndefined();
  });

  it('doubts a route of a router', () => {
    const found = detectHealth(sourcesOf({ 'routes.js': "router.get('/health', ok)" }), 'api');
    expect(found).toEqual({ value: '/health', check: 'is it /health? The router may be mounted below another path' });
  });

  it('asks a front-end for its page', () => {
    expect(detectHealth(sourcesOf({ 'a.ts': "get('/health')" }), 'front')).toEqual({ value: '/' });
  });
});

describe('detectPackageManager', () => {
  const packages = { dependencies: { a: '1' } };
  const detect = (files: Record<string, string>, manifest: object = {}) => {
    const sources = sourcesOf({ ...files, 'package.json': { ...packages, ...manifest } });
    const { install, runScript } = detectPackageManager(sources, readManifest(sources)!);
    return [install, runScript('dev', ''), runScript('dev', '--port 1')];
  };

  it.each([
    [{ 'package-lock.json': '' }, {}, ['npm ci', 'npm run dev', 'npm run dev -- --port 1']],
    [{}, {}, ['npm install', 'npm run dev', 'npm run dev -- --port 1']],
    [
      { 'pnpm-lock.yaml': '' },
      {},
      ['corepack pnpm install --frozen-lockfile', 'corepack pnpm run dev', 'corepack pnpm run dev --port 1'],
    ],
    [{ 'yarn.lock': '' }, {}, ['yarn install --frozen-lockfile', 'yarn run dev', 'yarn run dev --port 1']],
    [
      { 'yarn.lock': '', '.yarnrc.yml': '' },
      {},
      ['corepack yarn install --immutable', 'corepack yarn run dev', 'corepack yarn run dev --port 1'],
    ],
    [
      { 'yarn.lock': '' },
      { packageManager: 'yarn@4.1.0' },
      ['corepack yarn install --immutable', 'corepack yarn run dev', 'corepack yarn run dev --port 1'],
    ],
    [{ 'bun.lock': '' }, {}, ['bun install --frozen-lockfile', 'bun run dev', 'bun run dev --port 1']],
    [{ 'package-lock.json': '' }, { dependencies: {} }, [undefined, 'npm run dev', 'npm run dev -- --port 1']],
  ])('%j %j', (files, manifest, lines) => {
    expect(detect(files as Record<string, string>, manifest)).toEqual(lines);
  });

  it('starts `start` the short way', () => {
    const sources = sourcesOf({ 'package.json': packages });
    expect(detectPackageManager(sources, readManifest(sources)!).runScript('start', '')).toBe('npm start');
  });
});

describe('detectNodeVersion', () => {
  it.each([
    [{ '.nvmrc': 'v20.11.1\n' }, undefined, 20],
    [{ '.nvmrc': 'lts/iron' }, undefined, 20],
    [{ '.nvmrc': 'lts/*' }, '^18', 18],
    [{ '.node-version': '24' }, undefined, 24],
    [{ '.tool-versions': 'ruby 3.3\nnodejs 20.1.0\n' }, undefined, 20],
    [{}, '>=18', 22],
    [{}, '>=24', 24],
    [{}, '^18 || ^20', 20],
    [{}, '20.x', 20],
    [{}, '>=20 <21', 20],
    [{}, '*', 22],
    [{}, undefined, 22],
  ])('%j, engines %s', (files, range, version) => {
    const sources = sourcesOf({ ...(files as Record<string, string>), 'package.json': { engines: { node: range } } });
    expect(detectNodeVersion(sources, readManifest(sources))).toBe(version);
  });
});

describe('detectNodeProject', () => {
  const detect = (manifest: object, files: Record<string, string> = {}, dir = '') => {
    const sources = sourcesOf({ 'package.json': manifest, ...files });
    return detectNodeProject(sources, { repo: '/shop/x', dir, top: dir === '' ? sources : sourcesOf({}) });
  };
  const withScripts = (packages: string[], scripts: Record<string, string>) => ({
    scripts,
    dependencies: Object.fromEntries(packages.map((name) => [name, '1'])),
  });

  it.each([
    [['vite'], { dev: 'vite' }, 'npm run dev -- --host ${bind} --port $PORT --strictPort'],
    [['vite'], { dev: 'vite --port 4100 --host' }, 'npm run dev'],
    [['vite'], { dev: 'tsc && vite' }, 'npm run dev -- --host ${bind} --port $PORT --strictPort'],
    [['vite'], { dev: 'vite & tsc --watch' }, 'npm run dev'],
    [['vite', 'express'], { dev: 'vite build && tsc', start: 'node x' }, 'npm start'],
    [['next'], { dev: 'next dev' }, 'npm run dev -- --hostname ${bind}'],
    [['nuxt'], { dev: 'nuxt dev' }, 'npm run dev -- --host ${bind} --port $PORT'],
    [['@angular/core'], { start: 'ng serve' }, 'npm start -- --host ${bind} --port $PORT'],
    [['express'], { dev: 'tsc --watch', start: 'node x' }, 'npm start'],
    [['express'], { dev: 'docker compose up', 'start:dev': 'nodemon' }, 'npm run start:dev'],
  ])('starts %j %j', (packages, scripts, line) => {
    expect(detect(withScripts(packages, scripts as unknown as Record<string, string>))?.command?.value).toBe(line);
  });

  it('is nothing when no script and no file starts a server', () => {
    expect(detect(withScripts(['react'], { build: 'tsc' }))).toBeUndefined();
    expect(detect({}, { 'index.js': 'export const a = 1' })).toBeUndefined();
    expect(
      detectNodeProject(sourcesOf({ 'package.json': '{ broken' }), { repo: '/x', dir: '', top: sourcesOf({}) }),
    ).toBeUndefined();
  });

  it('quotes a folder in its setup line', () => {
    const project = detect(withScripts(['vite'], { dev: 'vite' }), { 'package-lock.json': '' }, "it's mine");
    expect(project?.setup).toBe(String.raw`cd 'it'\''s mine' && npm ci`);
  });

  it('warns of a server that only its own container reaches', () => {
    const bound = detect(withScripts(['express'], { start: 'node .' }), { 'i.js': "app.listen(3000, '127.0.0.1')" });
    expect(bound?.checks).toEqual(['it listens on localhost only, which nothing outside its container can reach']);
    const fastify = detect(withScripts(['fastify'], { start: 'node .' }), { 'i.js': "f.listen({ host: '0.0.0.0' })" });
    expect(fastify?.checks).toEqual([]);
  });

  it('does not mind an address that is only a default', () => {
    const code = "const url = import.meta.env.VITE_URL ?? 'http://localhost:4000';";
    expect(detect(withScripts(['vite'], { dev: 'vite' }), { 'src/a.ts': code })?.checks).toEqual([]);
  });
});

describe('detectNeeds', () => {
  const uses = (files: Record<string, string>, packages: string[] = []) =>
    detectNeeds(sourcesOf(files), new Set(packages));

  it('tells by packages, gems, modules and variables', () => {
    expect(uses({}, ['pg'])).toEqual({ postgres: true, redis: false });
    expect(uses({}, ['@prisma/client', 'bullmq'])).toEqual({ postgres: true, redis: true });
    expect(uses({ Gemfile: "gem 'pg'\ngem 'sidekiq'\n" })).toEqual({ postgres: true, redis: true });
    expect(uses({ 'requirements.txt': 'psycopg2-binary==2.9\nredis>=5\n' })).toEqual({ postgres: true, redis: true });
    expect(uses({ 'go.mod': 'require github.com/jackc/pgx/v5 v5.0.0' })).toEqual({ postgres: true, redis: false });
    expect(uses({ '.env.example': 'REDIS_URL=redis://localhost\n' })).toEqual({ postgres: false, redis: true });
    expect(uses({ 'a.js': 'connect(process.env.DATABASE_URL)' })).toEqual({ postgres: true, redis: false });
    expect(uses({ 'a.js': 'hello()' }, ['react'])).toEqual({ postgres: false, redis: false });
  });

  it('leaves other databases alone', () => {
    const prisma = 'datasource db {\n  provider = "sqlite"\n  url = env("DATABASE_URL")\n}';
    expect(uses({ 'prisma/schema.prisma': prisma }, ['@prisma/client']).postgres).toBe(false);
  });
});

describe('detectVariables', () => {
  it('adds the usual one where the code reads it beside others', () => {
    const files = { '.env.example': 'PRIMARY_DB=postgres://localhost/x\n', 'a.js': 'process.env.DATABASE_URL' };
    expect(detectVariables(sourcesOf(files)).postgres).toEqual({
      DATABASE_URL: '${postgres.url}',
      PRIMARY_DB: '${postgres.url}',
    });
    expect(detectVariables(sourcesOf({ '.env.example': files['.env.example'] })).postgres).toEqual({
      PRIMARY_DB: '${postgres.url}',
    });
  });

  it('keeps the path behind the address of an API', () => {
    const text = 'API_BASE_URL="http://localhost:4000/api/v1/"\nDOCS_URL=http://localhost:5000\nAPI_KEY=x\n';
    expect(detectVariables(sourcesOf({ '.env': text })).api).toEqual({ API_BASE_URL: '/api/v1' });
  });
});

describe('judgeRole', () => {
  it('listens to names and to what a project is made of', () => {
    expect(judgeRole({ names: ['shop-frontend'], front: 0, api: 0 })).toBe('front');
    expect(judgeRole({ names: ['apps/api'], front: 0, api: 0 })).toBe('api');
    expect(judgeRole({ names: ['web'], front: 3, api: 1 })).toBe('front');
    expect(judgeRole({ names: ['server'], front: 0, api: 3 })).toBe('api');
    expect(judgeRole({ names: ['weber', undefined], front: 0, api: 0 })).toBe('other');
  });
});

describe('names', () => {
  it.each([
    ['Shop', 'shop'],
    ['my_app.v2', 'my-app-v2'],
    ['Café Zoë', 'cafe-zoe'],
    ['--x--', 'x'],
    ['数据', 'app'],
    ['a'.repeat(40), 'a'.repeat(30)],
    [`${'a'.repeat(29)}-b`, 'a'.repeat(29)],
  ])('%s is %s', (text, name) => {
    expect(slugName(text, 'app')).toBe(name);
  });

  it('are unique and never reserved', () => {
    const taken = new Set<string>();
    const names = ['web', 'Web', 'WEB', 'web', 'redis', 'port'].map((text) => takeName(taken, text, 'shop'));
    expect(names).toEqual(['web', 'shop-web', 'web-2', 'web-3', 'shop-redis', 'shop-port']);
  });
});
