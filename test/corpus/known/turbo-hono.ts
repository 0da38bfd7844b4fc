import { oneOf, origins, type Product, reach } from '../product.ts';

export const product: Product = {
  about: 'Turbo and pnpm: Hono with a Drizzle package, a Vite app, a bash script that starts the API',
  name: 'bookings',
  repos: {
    '.': {
      '.gitignore': 'node_modules\n.env\n',
      'package.json': {
        name: 'bookings',
        private: true,
        packageManager: 'pnpm@9.12.0',
        scripts: { dev: 'turbo dev', build: 'turbo build' },
        devDependencies: { turbo: '^2.3.0' },
      },
      'pnpm-workspace.yaml': 'packages:\n  - "apps/*"\n  - "packages/*"\n',
      'pnpm-lock.yaml': 'lockfileVersion: 9.0\n',
      '.env.example':
        'DATABASE_URL=postgres://bookings:bookings@localhost:5432/bookings\nWEB_ORIGIN=http://localhost:5173\n',
      'apps/api/package.json': {
        name: '@bookings/api',
        scripts: { dev: './scripts/dev.sh' },
        dependencies: { '@bookings/db': 'workspace:*', '@hono/node-server': '^1.13.0', hono: '^4.6.0' },
        devDependencies: { tsx: '^4.19.0' },
      },
      'apps/api/scripts/dev.sh': '#!/usr/bin/env bash\nset -euo pipefail\nexec tsx watch src/index.ts\n',
      'apps/api/src/index.ts': [
        `const app = new Hono();`,
        `app.use(cors({ origin: process.env.WEB_ORIGIN ?? 'http://localhost:5173' }));`,
        `app.get('/health', (c) => c.text('ok'));`,
        `serve({ fetch: app.fetch, port: Number(process.env.API_PORT ?? 8787) });`,
        '',
      ].join('\n'),
      'apps/web/package.json': {
        name: '@bookings/web',
        scripts: { dev: 'vite --port 5173' },
        dependencies: { 'react-dom': '^18.3.0' },
        devDependencies: { vite: '^5.4.0' },
      },
      'apps/web/src/api.ts': `export const url = import.meta.env.VITE_API_URL ?? 'http://localhost:8787';\n`,
      'packages/db/package.json': {
        name: '@bookings/db',
        scripts: { 'db:migrate': 'drizzle-kit migrate' },
        dependencies: { 'drizzle-orm': '^0.36.0', postgres: '^3.4.0' },
        devDependencies: { 'drizzle-kit': '^0.28.0' },
      },
      'packages/db/src/index.ts': 'export const db = drizzle(process.env.DATABASE_URL!);\n',
    },
  },
  needs: {
    shared: { postgres: { database: 'bookings' } },
    repos: { '.': { setup: 'corepack pnpm install --frozen-lockfile', migrate: /db:migrate|drizzle-kit migrate/ } },
    services: {
      web: {
        repo: '.',
        dir: 'apps/web',
        image: /^node:/,
        baseline: oneOf(5173, undefined),
        command: /vite --port \$PORT.*--host/,
        env: { VITE_API_URL: reach('api') },
      },
      api: {
        repo: '.',
        dir: 'apps/api',
        image: /^node:\d+(?!.*alpine)/,
        command: /^corepack pnpm (run )?dev$/,
        baseline: 8787,
        ready: '/health',
        env: { API_PORT: '${port.http}', DATABASE_URL: '${postgres.url}', WEB_ORIGIN: origins('web') },
      },
    },
  },
};
