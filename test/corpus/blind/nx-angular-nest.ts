import { maybe, oneOf, type Product, secret } from '../product.ts';

export const product: Product = {
  about: 'nx monorepo: Angular with a proxy and NestJS with TypeORM',
  name: 'fleet',
  repos: {
    '.': {
      '.gitignore': 'node_modules\ndist\n.nx/cache\n.env\n',
      'package.json': {
        name: '@fleet/source',
        private: true,
        scripts: {
          start: 'nx run-many -t serve',
          'migration:run': 'typeorm-ts-node-commonjs -d apps/api/src/data-source.ts migration:run',
        },
        dependencies: {
          '@angular/core': '~18.2.0',
          '@nestjs/common': '^10.0.2',
          '@nestjs/core': '^10.0.2',
          '@nestjs/platform-express': '^10.0.2',
          '@nestjs/typeorm': '^10.0.2',
          dotenv: '^16.4.5',
          pg: '^8.13.1',
          typeorm: '^0.3.20',
        },
        devDependencies: {
          '@angular/cli': '~18.2.0',
          '@nx/angular': '20.1.2',
          '@nx/cypress': '20.1.2',
          '@nx/nest': '20.1.2',
          '@nx/webpack': '20.1.2',
          nx: '20.1.2',
          typescript: '~5.5.2',
          vite: '^5.4.0',
        },
      },
      'package-lock.json': { name: '@fleet/source', lockfileVersion: 3 },
      '.nvmrc': '20.18\n',
      'nx.json': { defaultBase: 'main', targetDefaults: { build: { cache: true } } },
      '.env.example':
        'PORT=3333\nDATABASE_URL=postgres://fleet:fleet@localhost:5432/fleet\nSESSION_SECRET=keyboard-cat\n',
      'apps/dashboard/project.json': {
        name: 'dashboard',
        projectType: 'application',
        sourceRoot: 'apps/dashboard/src',
        targets: {
          serve: {
            executor: '@angular-devkit/build-angular:dev-server',
            options: { port: 4200, proxyConfig: 'apps/dashboard/proxy.conf.js' },
          },
        },
      },
      'apps/dashboard/proxy.conf.js': `const target = process.env['API_PROXY'] ?? 'http://localhost:3333';\nmodule.exports = { '/api': { target, secure: false } };\n`,
      'apps/dashboard/src/main.ts': `import { bootstrapApplication } from '@angular/platform-browser';\n`,
      'apps/dashboard-e2e/project.json': {
        name: 'dashboard-e2e',
        projectType: 'application',
        targets: { e2e: { executor: '@nx/cypress:cypress' } },
      },
      'apps/dashboard-e2e/cypress.config.ts': `export default { e2e: { baseUrl: 'http://localhost:4200' } };\n`,
      'apps/api/project.json': {
        name: 'api',
        projectType: 'application',
        sourceRoot: 'apps/api/src',
        targets: {
          build: { executor: '@nx/webpack:webpack', options: { target: 'node', main: 'apps/api/src/main.ts' } },
          serve: { executor: '@nx/js:node', options: { buildTarget: 'api:build' } },
        },
      },
      'apps/api/src/main.ts': `import 'dotenv/config';
async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  app.setGlobalPrefix('api');
  app.use(session({ secret: process.env.SESSION_SECRET }));
  await app.listen(process.env.PORT || 3333);
}
bootstrap();
`,
      'apps/api/src/data-source.ts': `import 'dotenv/config';\nexport default new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, migrations: ['apps/api/src/migrations/*.ts'] });\n`,
      'apps/api/src/app/health.controller.ts': `@Controller('health')\nexport class HealthController { @Get() check() { return { ok: true }; } }\n`,
      'libs/shared/src/index.ts': 'export interface Vehicle { id: number }\n',
      'libs/shared/project.json': { name: 'shared', projectType: 'library', sourceRoot: 'libs/shared/src' },
    },
  },
  needs: {
    shared: { postgres: { database: 'fleet' } },
    repos: { '.': { setup: 'npm ci', migrate: 'npm run migration:run', env_file: '.env' } },
    services: {
      dashboard: {
        repo: '.',
        dir: oneOf('.', 'apps/dashboard'),
        image: /^node:20/,
        command:
          /^(npx )?nx (serve dashboard|run dashboard:serve)(?=.* --port[ =]"?\$(\{port\.http\}|PORT))(?=.* --host[ =])/,
        ready: maybe('/'),
        env: { API_PROXY: oneOf('${api.internal_url}', '${api.url}') },
      },
      api: {
        repo: '.',
        dir: oneOf('.', 'apps/api'),
        image: /^node:20/,
        command: /^(npx )?nx (serve api|run api:serve)/,
        ready: maybe('/api/health'),
        env: {
          PORT: '${port.http}',
          DATABASE_URL: '${postgres.url}',
          SESSION_SECRET: secret('SESSION_SECRET', 'keyboard-cat'),
        },
      },
    },
  },
};
