import { type Product, secret } from '../product.ts';

export const product: Product = {
  about: 'pnpm and turbo: a Next front-end and a Hono API, with Prisma in a package of its own',
  repos: {
    '.': {
      '.gitignore': 'node_modules\n.env\n',
      'package.json': { name: 'mono', private: true, packageManager: 'pnpm@9.1.0', scripts: { dev: 'turbo dev' } },
      'pnpm-workspace.yaml': 'packages: [apps/*, packages/*]\n',
      'pnpm-lock.yaml': 'lockfileVersion: 9\n',
      'turbo.json': '{}',
      'docker-compose.yml': [
        'services:',
        '  postgres:',
        '    image: postgres:17',
        '    environment: { POSTGRES_PASSWORD: postgres, POSTGRES_DB: mono }',
        '    ports: ["5432:5432"]',
        '',
      ].join('\n'),
      'apps/web/package.json': { name: 'web', scripts: { dev: 'next dev' }, dependencies: { next: '15', react: '19' } },
      'apps/web/lib/api.ts': `export const api = process.env.NEXT_PUBLIC_API_URL ?? 'http://localhost:8787';\n`,
      'apps/api/package.json': {
        name: 'api',
        scripts: { dev: 'tsx watch src/index.ts' },
        dependencies: { hono: '4', '@hono/node-server': '1', '@mono/db': 'workspace:*' },
      },
      'apps/api/src/index.ts': [
        `import { serve } from '@hono/node-server';`,
        `app.get('/health', (c) => c.text('ok'));`,
        'const secret = process.env.AUTH_SECRET;',
        'serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8787) });',
        '',
      ].join('\n'),
      'apps/api/.env.example': 'DATABASE_URL=postgresql://postgres:postgres@localhost:5432/mono\nAUTH_SECRET=dev\n',
      'packages/db/package.json': {
        name: '@mono/db',
        scripts: { 'db:migrate:deploy': 'prisma migrate deploy', 'db:seed': 'tsx seed.ts' },
        dependencies: { '@prisma/client': '5', prisma: '5' },
      },
      'packages/db/prisma/schema.prisma':
        'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n',
      'packages/db/index.ts': `export * from '@prisma/client';\n`,
    },
  },
  needs: {
    shared: { postgres: { user: 'postgres', password: 'postgres', database: 'mono' } },
    compose: { postgres: /postgres:17/ },
    repos: {
      '.': {
        setup: /pnpm install --frozen-lockfile/,
        migrate: /^cd packages\/db && (corepack )?pnpm (run )?db:migrate:deploy$/,
        seed: /^cd packages\/db && (corepack )?pnpm (run )?db:seed$/,
      },
    },
    services: {
      web: {
        repo: '.',
        dir: 'apps/web',
        image: /^node:/,
        command: /pnpm (run )?dev/,
        env: { PORT: '${port.http}', NEXT_PUBLIC_API_URL: '${api.url}' },
      },
      api: {
        repo: '.',
        dir: 'apps/api',
        image: /^node:/,
        command: /pnpm (run )?dev/,
        ready: '/health',
        env: {
          PORT: '${port.http}',
          DATABASE_URL: '${postgres.url}',
          AUTH_SECRET: secret('AUTH_SECRET', 'dev'),
        },
      },
    },
  },
};
