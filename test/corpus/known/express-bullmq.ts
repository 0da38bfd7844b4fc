import { origins, type Product, reach } from '../product.ts';

const stores = { DATABASE_URL: '${postgres.url}', REDIS_URL: '${redis.url}' };

export const product: Product = {
  about:
    'Express with a BullMQ worker as a second script, migrations in a justfile, Nuxt in front with a route for its health',
  repos: {
    app: {
      '.gitignore': 'node_modules\n',
      'package.json': { name: 'app', scripts: { dev: 'nuxt dev' }, dependencies: { nuxt: '^3.13.0' } },
      'package-lock.json': { lockfileVersion: 3 },
      'nuxt.config.ts': `export default defineNuxtConfig({ runtimeConfig: { public: { apiBase: 'http://localhost:4100' } } });\n`,
      'server/api/health.get.ts': 'export default defineEventHandler(() => ({ ok: true }));\n',
    },
    mailer: {
      '.gitignore': 'node_modules\n',
      '.tool-versions': 'nodejs 20.18.0\n',
      'package.json': {
        name: 'mailer',
        scripts: {
          dev: 'tsx watch src/server.ts',
          'worker:dev': 'tsx watch src/worker.ts',
          worker: 'node dist/worker.js',
        },
        dependencies: { express: '^4.21.0', bullmq: '^5.21.0', pg: '^8.13.0' },
        devDependencies: { tsx: '^4.19.0', typescript: '^5.6.0' },
      },
      'package-lock.json': { lockfileVersion: 3 },
      justfile: [
        'set dotenv-load',
        '',
        'default:',
        '  @just --list',
        '',
        '# Bring the database up to date.',
        'migrate:',
        '  @npx tsx scripts/migrate.ts',
        '',
        'seed:',
        '  npx tsx scripts/seed.ts',
        '',
      ].join('\n'),
      'scripts/migrate.ts': 'await migrate(process.env.DATABASE_URL);\n',
      'scripts/seed.ts': 'await seed(process.env.DATABASE_URL);\n',
      'src/server.ts': [
        `import express from 'express';`,
        'const app = express();',
        `app.use(cors({ origin: process.env.CORS_ORIGIN ?? 'http://localhost:3000' }));`,
        `app.get('/healthz', (_, res) => res.send('ok'));`,
        'app.listen(process.env.PORT ?? 4100);',
        '',
      ].join('\n'),
      'src/worker.ts': [
        `import { Worker } from 'bullmq';`,
        `new Worker('mails', send, { connection: { url: process.env.REDIS_URL ?? 'redis://localhost:6379' } });`,
        '',
      ].join('\n'),
    },
  },
  needs: {
    shared: { postgres: {}, redis: {} },
    repos: {
      app: { setup: 'npm ci' },
      mailer: { setup: 'npm ci', migrate: 'npx tsx scripts/migrate.ts', seed: 'npx tsx scripts/seed.ts' },
    },
    services: {
      app: {
        repo: 'app',
        image: /^node:/,
        command: /^npm run dev -- .*--port/,
        ready: '/api/health',
        env: { NUXT_PUBLIC_API_BASE: reach('mailer') },
      },
      mailer: {
        repo: 'mailer',
        image: /^node:20/,
        command: 'npm run dev',
        baseline: 4100,
        ready: '/healthz',
        env: { PORT: '${port.http}', CORS_ORIGIN: origins('app'), ...stores },
      },
      worker: { repo: 'mailer', image: /^node:20/, command: 'npm run worker:dev', env: stores },
    },
  },
};
