import { describe, expect, it } from 'vitest';
import { detectHealth } from '../../../src/orchestrator/init/detect/health.ts';
import { slugName, takeName } from '../../../src/orchestrator/init/detect/names.ts';
import { detectNeeds } from '../../../src/orchestrator/init/detect/needs.ts';
import { detectNodeProject } from '../../../src/orchestrator/init/detect/node-project.ts';
import { detectNodeVersion, detectPackageManager } from '../../../src/orchestrator/init/detect/package-manager.ts';
import { detectPort, freePort } from '../../../src/orchestrator/init/detect/ports.ts';
import { judgeRole } from '../../../src/orchestrator/init/detect/roles.ts';
import { detectVariables } from '../../../src/orchestrator/init/detect/variables.ts';
import { readManifest } from '../../../src/orchestrator/sources/manifest.ts';
import type { Sources } from '../../../src/orchestrator/sources/sources.ts';

function sourcesOf(files: Record<string, string | object>): Sources {
  const texts = Object.entries(files).map(
    ([name, content]) => [name, typeof content === 'string' ? content : JSON.stringify(content)] as const,
  );
  return { folder: '/shop/x', names: new Set(Object.keys(files)), texts: new Map(texts) };
}

describe('detectPort', () => {
  const detect = (files: Record<string, string>, hints: Parameters<typeof detectPort>[2] = {}) =>
    detectPort(sourcesOf(files), detectVariables(sourcesOf(files)), hints);

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
    ['const env = { PORT: z.coerce.number().default(3109) }', 3109],
    ['server.listen({ host, port: 3110 })', 3110],
    ['serve({ fetch: app.fetch, port: 3111 })', 3111],
    ['connect({ port: 5432 }); app.listen(3112)', 3112],
  ])('reads %s', (code, port) => {
    expect(detect({ 'server.js': code }).value).toBe(port);
  });

  it.each([
    [
      'names for what is nested',
      'AutomaticEnv(); viper.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))',
      'SERVER_PORT',
    ],
    [
      'a prefix',
      'SetEnvPrefix("shop"); viper.AutomaticEnv(); viper.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))',
      undefined,
    ],
    ['no names for what is nested', 'AutomaticEnv()', undefined],
    ['no variables', 'ReadInConfig()', undefined],
  ])('reads the port of a Go program from its file of settings, with %s', (_, code, variable) => {
    const files = {
      'main.go': `package main\nfunc main() { viper.${code}\n r.Run(":" + viper.GetString("server.port")) }`,
      'config/config.yaml': 'database:\n  port: 5432\nserver:\n  host: 0.0.0.0\n  port: 8088\n',
    };
    expect(detect(files)).toMatchObject({ value: 8088, variable });
  });

  it.each([
    ['beside blocks of its own', 'app:\n  name: x\n  database:\n    port: 5432\n  port: 8080\n', 8080],
    ['beside a block of another kind', 'server:\n  debug:\n    port: 6060\n', 3000],
    ['below a blank line', 'server:\n  host: x\n\n  # of its own\n  port: "8080"\n', 8080],
    ['at the top', 'grpc:\n  port: 9000\nhttp_port: 8080\n', 8080],
    ['in one line', 'http: { host: x, port: 8080 }\n', 8080],
  ])('reads the port in a file of settings %s', (_, text, port) => {
    expect(detect({ 'config/config.yaml': text }).value).toBe(port);
  });

  it.each([
    ['config.prod.yaml', false],
    ['config_test.yml', false],
    ['production.yaml', false],
    ['ci.yml', false],
    ['products.yaml', true],
    ['latest.yml', true],
    ['attestation.yml', true],
  ])('reads a port in config/%s: %s', (file, reads) => {
    expect(detect({ [`config/${file}`]: 'server:\n  port: 8089\n' }).value).toBe(reads ? 8089 : 3000);
  });

  it('believes a script first, then settings, then env files, then code, then the tool', () => {
    const files = {
      'vite.config.ts': 'export default { server: { host: true, port: 5200 } }',
      '.env.example': 'PORT=5300\n',
      'server.js': 'listen(process.env.PORT || 5400)',
    };
    expect(detect(files, { script: 'vite --port 5100', usual: 5173 }).value).toBe(5100);
    expect(detect(files, { script: 'PORT=5101 node .' }).value).toBe(5101);
    expect(detect(files, { script: 'vite', usual: 5173 }).value).toBe(5200);
    expect(detect({ ...files, 'vite.config.ts': '' }, { script: 'vite', usual: 5173 }).value).toBe(5300);
    expect(detect({}, { script: 'vite', usual: 5173 }).value).toBe(5173);
    expect(detect({ Dockerfile: 'FROM x\nEXPOSE 8088/tcp' }).value).toBe(8088);
  });

  it.each([
    [{ 'a.js': 'listen(process.env.APP_PORT || 4000)' }, {}, 'APP_PORT', 4000],
    [{ '.env.example': 'DB_PORT=5432\nAPI_PORT=4100\n' }, {}, 'API_PORT', 4100],
    [{ '.env.example': 'API_PORT=4100\n', 'a.js': 'listen(8080)' }, { isFront: true, usual: 5173 }, undefined, 5173],
    [{ 'a.js': "config.get('BILLING_PORT', 4200)" }, { name: 'billing' }, 'BILLING_PORT', 4200],
    [{ 'a.js': 'app.listen(4000)' }, {}, undefined, 4000],
  ])('finds the variable of %j', (files, hints, variable, value) => {
    expect(detect(files as unknown as Record<string, string>, hints)).toEqual({ value, variable });
  });

  it('says when it is a guess', () => {
    expect(detect({}).check).toBe('no port is named anywhere: is it 3000?');
  });
});

describe('freePort', () => {
  it.each([
    ['next dev -p 3005', 'next dev -p $PORT'],
    ['vite --port=5100', 'vite --port=$PORT'],
    ['PORT=4000 nodemon src', 'nodemon src'],
    ['cross-env PORT=4000 nodemon src', 'nodemon src'],
    ['cross-env DEBUG=1 PORT=4000 nodemon src', 'cross-env DEBUG=1 nodemon src'],
    ['tsc && next dev -p 3005', undefined],
  ])('of %s is %s', (script, line) => {
    expect(freePort(script)).toBe(line);
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

  it.each([
    [{ 'a.js': "router.get('/health', ok)" }, '/health'],
    [
      {
        'routes/health.js': "router.get('/health', ok)",
        'app.js': "import health from './routes/health.js';\napp.use('/api', health)",
      },
      '/api/health',
    ],
    [
      {
        'routes/index.js': "const health = require('./health');\nrouter.use('/v2', health)",
        'routes/health.js': "router.get('/healthz', ok)",
        'app.js': "app.use('/api', require('./routes'));\n",
      },
      '/api/v2/healthz',
    ],
    [{ 'app.js': "const router = Router();\nrouter.get('/ping', ok);\napp.use('/api', router)" }, '/api/ping'],
    [
      {
        'routes/status.ts': "app.get('/status', ok)",
        'app.ts': "import routes from './routes/status';\napp.register(routes, { prefix: '/v1' })",
      },
      '/v1/status',
    ],
    [
      { 'main.ts': "app.setGlobalPrefix('api')", 'health.ts': "@Controller('health')\nclass A { @Get() get() {} }" },
      '/api/health',
    ],
    [
      {
        'main.ts': "app.setGlobalPrefix('api', { exclude: ['health'] })",
        'health.ts': "@Controller('health')\nclass A {}",
      },
      '/health',
    ],
    [{ 'app.controller.ts': "@Controller()\nclass A { @Get('healthz') get() {} }" }, '/healthz'],
    [{ 'shop/urls.py': "path('health/', view)" }, '/health/'],
    [{ 'core/urls.py': "path('healthz', view)", 'shop/urls.py': "path('api/', include('core.urls'))" }, '/api/healthz'],
    [{ 'config/routes.rb': "Rails.application.routes.draw do\n  get '/healthz', to: 'health#show'\nend" }, '/healthz'],
    [
      {
        'config/routes.rb':
          "Rails.application.routes.draw do\n  resources :a do\n  end\n  namespace :api do\n    get 'up' => 'health#show'\n  end\nend",
      },
      '/api/up',
    ],
    [{ 'a.go': 'mux.HandleFunc("GET /healthz", ok)' }, '/healthz'],
    [{ 'a.go': 'r.GET("/ping", ok)' }, '/ping'],
    [{ 'main.py': '@app.get("/health")\ndef a(): ...' }, '/health'],
    [
      {
        'app/routers/health.py': 'router = APIRouter(prefix="/v1")\n@router.get("/health")',
        'app/main.py': 'from app.routers import health\napp.include_router(health.router, prefix="/api")',
      },
      '/api/v1/health',
    ],
    [{ 'views.py': 'bp = Blueprint("a", __name__, url_prefix="/api")\n@bp.route("/health")' }, '/api/health'],
  ])('finds the route of %j', (files, route) => {
    expect(detectHealth(sourcesOf(files as unknown as Record<string, string>), 'api').value).toBe(route);
  });

  it('reads files of any name, and asks for no path with a place in it', () => {
    const page = { '+server.ts': '<a href="/status">', '[user-id].ts': "get('/health')", 'app.ts': "x.use('/api', y)" };
    expect(() => detectHealth(sourcesOf(page), 'api')).not.toThrow();
    const places = {
      'app.js': 'app.use(`/api/${version}`, routes)',
      'routes.js': "const r = Router(); r.get('/health', ok)",
    };
    expect(
      detectHealth(sourcesOf({ ...places, 'x.js': "import routes from './routes.js'" }), 'api').value ?? '',
    ).not.toContain('$');
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
    [['vite'], { dev: 'vite --port 4100 --host' }, 'npx vite --port $PORT --host'],
    [['vite'], { dev: 'tsc && vite --port 4100' }, 'npm run dev -- --host ${bind}'],
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
    expect(uses({}, ['pg'])).toEqual({ postgres: true, mysql: false, redis: false });
    expect(uses({}, ['@prisma/client', 'bullmq'])).toEqual({ postgres: true, mysql: false, redis: true });
    expect(uses({ Gemfile: "gem 'pg'\ngem 'sidekiq'\n" })).toEqual({ postgres: true, mysql: false, redis: true });
    expect(uses({ 'requirements.txt': 'psycopg2-binary==2.9\nredis>=5\n' })).toEqual({
      postgres: true,
      mysql: false,
      redis: true,
    });
    expect(uses({ 'go.mod': 'require github.com/jackc/pgx/v5 v5.0.0' })).toEqual({
      postgres: true,
      mysql: false,
      redis: false,
    });
    expect(uses({ '.env.example': 'REDIS_URL=redis://localhost\n' })).toEqual({
      postgres: false,
      mysql: false,
      redis: true,
    });
    expect(uses({ 'a.js': 'connect(process.env.DATABASE_URL)' })).toEqual({
      postgres: true,
      mysql: false,
      redis: false,
    });
    expect(uses({ 'a.js': 'hello()' }, ['react'])).toEqual({ postgres: false, mysql: false, redis: false });
    const mysql = { postgres: false, mysql: true, redis: false };
    expect(uses({}, ['knex', 'mysql2'])).toEqual(mysql);
    expect(uses({ 'go.mod': 'require github.com/go-sql-driver/mysql v1.8.1' })).toEqual(mysql);
    expect(uses({ 'a.js': 'process.env.DATABASE_URL', '.env.example': 'DATABASE_URL=mysql://u:p@db/x\n' })).toEqual(
      mysql,
    );
    expect(uses({ '.env.example': 'DB_CONNECTION=mysql\n' })).toEqual(mysql);
    expect(uses({}, ['pg', 'mysql2']).mysql).toBe(false);
  });

  it('leaves other databases alone', () => {
    const prisma = 'datasource db {\n  provider = "sqlite"\n  url = env("DATABASE_URL")\n}';
    expect(uses({ 'prisma/schema.prisma': prisma }, ['@prisma/client']).postgres).toBe(false);
  });
});

describe('detectVariables', () => {
  const read = (files: Record<string, string>) =>
    detectVariables(sourcesOf(files)).map(({ name, values, readIn, form }) => [name, values[0], readIn.length, form]);

  it.each([
    ['".", "_", "-", "_"', ['AUTH_SERVICE_URL', 'PORT']],
    ['".", "__", "-", ""', ['AUTHSERVICE__URL', 'PORT']],
    // With a dash in it no shell sets it, nor may stack.yml.
    ['".", "_"', ['PORT']],
  ])('names settings as the replacer %s of Viper does', (pairs, names) => {
    const files = {
      'main.go': `package main\nfunc main() { viper.AutomaticEnv(); viper.SetEnvKeyReplacer(strings.NewReplacer(${pairs})) }`,
      'config/config.yaml': 'auth-service:\n  url: http://localhost:8081\nport: 8080\n',
    };
    expect(detectVariables(sourcesOf(files)).map(({ name }) => name)).toEqual(names);
  });

  it.each([
    [
      '.env.example',
      'A_B=1\nexport C="x y" # why\n# D=2\n',
      [
        ['A_B', '1', 0],
        ['C', 'x y', 0],
      ],
    ],
    ['env-example-relational', 'DATABASE_HOST=postgres\n', [['DATABASE_HOST', 'postgres', 0]]],
    ['example.env.local', 'A_B=\n', [['A_B', undefined, 0]]],
    ['.env.production', 'A_B=1\n', []],
    ['env.ts', 'A_B=1\n', []],
    ['a.ts', "import.meta.env.VITE_API_URL ?? 'http://a'", [['VITE_API_URL', 'http://a', 1]]],
    [
      'a.ts',
      "const { A_B, C = 'd' } = process.env",
      [
        ['A_B', undefined, 1],
        ['C', 'd', 1],
      ],
    ],
    ['a.ts', "configService.getOrThrow<string>('DB_HOST')", [['DB_HOST', undefined, 1]]],
    [
      'a.ts',
      "const env = z.object({ A_B: z.string().url(), C: z.string().default('d') })",
      [
        ['A_B', undefined, 1],
        ['C', 'd', 1],
      ],
    ],
    ['a.ts', "process.env.ALLOWED_ORIGINS.split(',')", [['ALLOWED_ORIGINS', undefined, 1, 'list']]],
    ['a.svelte', "import { API_URL } from '$env/static/private'", [['API_URL', undefined, 1]]],
    [
      'a.py',
      'os.environ["A_B"], os.environ.get("C", "d")',
      [
        ['A_B', undefined, 1],
        ['C', 'd', 1],
      ],
    ],
    ['a.py', 'env.list("HOSTS", default=["a"])', [['HOSTS', 'a', 1, 'list']]],
    [
      'a.py',
      'class S(BaseSettings):\n    database_url: str = "x"\n    origins: list[str] = ["a"]\n',
      [
        ['DATABASE_URL', 'x', 1],
        ['ORIGINS', 'a', 1, 'json'],
      ],
    ],
    [
      'a.rb',
      'ENV.fetch("A_B") { "c" }; ENV["D"]',
      [
        ['A_B', 'c', 1],
        ['D', undefined, 1],
      ],
    ],
    [
      'a.go',
      'getEnv("A_B", "c"); os.Getenv("D")',
      [
        ['A_B', 'c', 1],
        ['D', undefined, 1],
      ],
    ],
    ['config/database.yml', 'host: <%= ENV.fetch("DB_HOST") { "localhost" } %>', [['DB_HOST', 'localhost', 1]]],
    ['src/main/resources/application.yml', 'url: ${DB_URL:jdbc:x}', [['DB_URL', 'jdbc:x', 1]]],
    ['prisma/schema.prisma', 'url = env("DATABASE_URL")', [['DATABASE_URL', undefined, 1]]],
  ])('of %s with %s', (file, text, found) => {
    expect(read({ [file]: text })).toEqual(found.map(([name, value, count, form]) => [name, value, count, form]));
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
