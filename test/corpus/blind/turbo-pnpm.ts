import { maybe, oneOf, origins, type Product, reach, secret } from '../product.ts';

const PNPM = /^(corepack )?pnpm (--filter[ =]\S+ |-F \S+ |-C \S+ )?/.source;

export const product: Product = {
  about: 'pnpm and turbo monorepo: apps/web (Next.js), apps/api (Fastify), packages/db (Prisma)',
  name: 'acme',
  repos: {
    '.': {
      '.gitignore': 'node_modules\n.turbo\n.next\ndist\n.env\n.env.local\n',
      '.nvmrc': '22\n',
      'package.json': {
        name: 'acme',
        private: true,
        packageManager: 'pnpm@9.14.2',
        scripts: {
          dev: 'turbo dev',
          build: 'turbo build',
          lint: 'turbo lint',
          'db:migrate': 'pnpm --filter @acme/db db:migrate',
        },
        devDependencies: { turbo: '^2.3.0', typescript: '^5.6.3' },
      },
      'pnpm-workspace.yaml': 'packages:\n  - "apps/*"\n  - "packages/*"\n',
      'pnpm-lock.yaml': `lockfileVersion: '9.0'\n`,
      'turbo.json': { tasks: { dev: { cache: false, persistent: true }, build: { dependsOn: ['^build'] } } },
      'docker-compose.yml': `services:
  db:
    image: postgres:16
    ports: ["5432:5432"]
    environment:
      POSTGRES_USER: acme
      POSTGRES_PASSWORD: acme
      POSTGRES_DB: acme
`,
      'apps/web/package.json': {
        name: '@acme/web',
        private: true,
        scripts: { dev: 'next dev', build: 'next build', start: 'next start' },
        dependencies: { '@acme/ui': 'workspace:*', next: '^15.0.3', react: '^18.3.1' },
      },
      'apps/web/.env.example': 'NEXT_PUBLIC_API_URL=http://localhost:3001\n',
      'apps/web/next.config.js': `module.exports = { transpilePackages: ['@acme/ui'] };\n`,
      'apps/web/lib/api.ts': 'export const api = (path: string) => fetch(process.env.NEXT_PUBLIC_API_URL + path);\n',
      'apps/web/app/page.tsx': 'export default function Page() { return null; }\n',
      'apps/api/package.json': {
        name: '@acme/api',
        private: true,
        type: 'module',
        scripts: { dev: 'tsx watch src/server.ts', build: 'tsup src/server.ts', start: 'node dist/server.js' },
        dependencies: { '@acme/db': 'workspace:*', '@fastify/cors': '^10.0.1', dotenv: '^16.4.5', fastify: '^5.1.0' },
        devDependencies: { tsup: '^8.3.5', tsx: '^4.19.2' },
      },
      'apps/api/.env.example':
        'PORT=3001\nHOST=0.0.0.0\nWEB_ORIGIN=http://localhost:3000\nDATABASE_URL=postgresql://acme:acme@localhost:5432/acme\nJWT_SECRET=change-me\n',
      'apps/api/src/server.ts': `import 'dotenv/config';
import cors from '@fastify/cors';
import Fastify from 'fastify';
if (!process.env.JWT_SECRET) throw new Error('JWT_SECRET is required');
const app = Fastify({ logger: true });
await app.register(cors, { origin: process.env.WEB_ORIGIN?.split(',') });
app.get('/health', async () => ({ ok: true }));
await app.listen({ port: Number(process.env.PORT ?? 3001), host: process.env.HOST ?? '127.0.0.1' });
`,
      'packages/db/package.json': {
        name: '@acme/db',
        private: true,
        main: './src/index.ts',
        scripts: {
          'db:generate': 'prisma generate',
          'db:migrate': 'prisma migrate deploy',
          'db:push': 'prisma db push',
          postinstall: 'prisma generate',
        },
        dependencies: { '@prisma/client': '^5.22.0' },
        devDependencies: { prisma: '^5.22.0' },
      },
      'packages/db/prisma/schema.prisma':
        'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n',
      'packages/db/prisma/migrations/20241101000000_init/migration.sql': 'create table posts (id int);\n',
      'packages/ui/package.json': {
        name: '@acme/ui',
        private: true,
        main: './src/index.tsx',
        dependencies: { react: '^18.3.1' },
      },
      'packages/ui/src/index.tsx': 'export const Button = () => null;\n',
    },
  },
  needs: {
    shared: { postgres: { image: 'postgres:16', database: 'acme', user: 'acme' } },
    repos: {
      '.': {
        setup: /^(corepack )?pnpm (install|i) --frozen-lockfile/,
        migrate: /db:migrate|prisma migrate deploy/,
      },
    },
    services: {
      web: {
        repo: '.',
        dir: 'apps/web',
        image: /^node:22/,
        command: new RegExp(`${PNPM}(dev|next dev)\\b`),
        ready: maybe('/'),
        env: { PORT: '${port.http}', NEXT_PUBLIC_API_URL: reach('api') },
      },
      api: {
        repo: '.',
        dir: 'apps/api',
        image: /^node:22/,
        command: new RegExp(`${PNPM}(dev|tsx watch)\\b`),
        ready: '/health',
        env: {
          PORT: '${port.http}',
          HOST: oneOf('${bind}', '0.0.0.0'),
          WEB_ORIGIN: origins('web'),
          DATABASE_URL: '${postgres.url}',
          JWT_SECRET: secret('JWT_SECRET', 'change-me'),
        },
      },
    },
  },
};
