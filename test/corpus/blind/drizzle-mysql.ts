import { maybe, oneOf, type Product, secret, vite } from '../product.ts';

export const product: Product = {
  about: 'Vue with Vite and a proxy, Fastify with Drizzle on MySQL, `node --env-file`',
  name: 'parking',
  repos: {
    'parking-app': {
      '.gitignore': 'node_modules\ndist\n*.local\n',
      'package.json': {
        name: 'parking-app',
        private: true,
        type: 'module',
        scripts: { dev: 'vite', build: 'vue-tsc && vite build' },
        dependencies: { pinia: '^2.2.6', vue: '^3.5.12' },
        devDependencies: { '@vitejs/plugin-vue': '^5.1.4', vite: '^5.4.10' },
      },
      'pnpm-lock.yaml': `lockfileVersion: '9.0'\n`,
      '.env.development': 'VITE_BASE_PATH=/\nPROXY_TARGET=http://localhost:3333\n',
      'vite.config.ts': `import vue from '@vitejs/plugin-vue';
import { defineConfig, loadEnv } from 'vite';
export default defineConfig(({ mode }) => {
  const env = loadEnv(mode, process.cwd(), '');
  return { plugins: [vue()], base: env.VITE_BASE_PATH, server: { proxy: { '/api': { target: env.PROXY_TARGET, changeOrigin: true } } } };
});
`,
      'src/main.ts': `import { createApp } from 'vue';\n`,
    },
    'parking-api': {
      '.gitignore': 'node_modules\ndist\n.env\n',
      'package.json': {
        name: 'parking-api',
        private: true,
        type: 'module',
        scripts: {
          dev: 'tsx watch --env-file=.env src/server.ts',
          build: 'tsc',
          start: 'node --env-file=.env dist/server.js',
          'db:generate': 'drizzle-kit generate',
          'db:migrate': 'tsx --env-file=.env src/db/migrate.ts',
          'db:seed': 'tsx --env-file=.env src/db/seed.ts',
        },
        dependencies: { 'drizzle-orm': '^0.36.3', fastify: '^5.1.0', mysql2: '^3.11.4', zod: '^3.23.8' },
        devDependencies: { 'drizzle-kit': '^0.28.1', tsx: '^4.19.2', typescript: '^5.6.3' },
        engines: { node: '>=22.0.0' },
      },
      'pnpm-lock.yaml': `lockfileVersion: '9.0'\n`,
      '.env.example':
        'HOST=127.0.0.1\nPORT=3333\nDATABASE_URL=mysql://root:root@localhost:3306/parking\nJWT_SECRET=please-change-me\nLOG_LEVEL=debug\n',
      'docker-compose.yml': `services:
  db:
    image: mysql:8.4
    environment:
      MYSQL_ROOT_PASSWORD: root
      MYSQL_DATABASE: parking
    ports: ["3306:3306"]
`,
      'drizzle.config.ts': `export default { dialect: 'mysql', schema: './src/db/schema.ts', out: './drizzle', dbCredentials: { url: process.env.DATABASE_URL! } };\n`,
      'drizzle/0000_init.sql': 'CREATE TABLE spots (id int);\n',
      'src/env.ts': `import { z } from 'zod';
export const env = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().default(3333),
  DATABASE_URL: z.string().url(),
  JWT_SECRET: z.string().min(8),
  LOG_LEVEL: z.string().default('info'),
}).parse(process.env);
`,
      'src/server.ts': `import Fastify from 'fastify';
import { env } from './env.js';
const app = Fastify({ logger: { level: env.LOG_LEVEL } });
app.route({ method: 'GET', url: '/api/health', handler: async () => ({ status: 'ok' }) });
await app.listen({ host: env.HOST, port: env.PORT });
`,
      'src/db/migrate.ts': `import { migrate } from 'drizzle-orm/mysql2/migrator';\n`,
      'src/db/seed.ts': `import { db } from './client.js';\n`,
    },
  },
  needs: {
    shared: { mysql: { image: 'mysql:8.4', database: 'parking' } },
    repos: {
      'parking-app': { setup: /^(corepack )?pnpm (install|i) --frozen-lockfile$/ },
      'parking-api': {
        setup: /^(corepack )?pnpm (install|i) --frozen-lockfile$/,
        migrate: /^(corepack )?pnpm db:migrate$/,
        seed: /^(corepack )?pnpm db:seed$/,
        // `node --env-file=.env` does not start without it.
        env_file: '.env',
      },
    },
    services: {
      'parking-app': {
        repo: 'parking-app',
        image: /^node:/,
        command: oneOf(vite('pnpm dev'), vite('corepack pnpm dev')),
        ready: maybe('/'),
        env: { PROXY_TARGET: oneOf('${parking-api.internal_url}', '${parking-api.url}'), VITE_BASE_PATH: maybe('/') },
      },
      'parking-api': {
        repo: 'parking-api',
        image: /^node:(22|23|24)/,
        command: /^(corepack )?pnpm dev$/,
        baseline: 3333,
        ready: '/api/health',
        env: {
          HOST: '${bind}',
          PORT: '${port.http}',
          DATABASE_URL: '${mysql.url}',
          JWT_SECRET: secret('JWT_SECRET', 'please-change-me'),
          LOG_LEVEL: maybe('debug'),
        },
      },
    },
  },
};
