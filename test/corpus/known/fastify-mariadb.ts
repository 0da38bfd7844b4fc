import { oneOf, origins, type Product, secret, vite } from '../product.ts';

export const product: Product = {
  about: 'Fastify API with Prisma on MySQL and no compose file, Solid with Vite in front',
  repos: {
    server: {
      '.gitignore': 'node_modules\n.env\n',
      'package.json': {
        name: 'inventory-server',
        scripts: { dev: 'tsx watch src/server.ts', 'db:deploy': 'prisma migrate deploy' },
        dependencies: { fastify: '5', '@prisma/client': '6', prisma: '6', dotenv: '16' },
      },
      'package-lock.json': '{}',
      '.env.example': [
        'PORT=8080',
        'HOST=0.0.0.0',
        'DATABASE_URL="mysql://inventory:secret@localhost:3306/inventory?connection_limit=5"',
        'WEB_ORIGIN=http://localhost:3000',
        'SESSION_SECRET=',
        '',
      ].join('\n'),
      'prisma/schema.prisma': 'datasource db {\n  provider = "mysql"\n  url      = env("DATABASE_URL")\n}\n',
      'prisma/migrations/20240101_init/migration.sql': 'CREATE TABLE item (id INT PRIMARY KEY);\n',
      'src/server.ts': [
        `import 'dotenv/config';`,
        `import Fastify from 'fastify';`,
        'const app = Fastify();',
        `app.get('/healthz', async () => ({ ok: true }));`,
        'app.register(cors, { origin: process.env.WEB_ORIGIN });',
        'app.register(session, { secret: process.env.SESSION_SECRET });',
        `app.listen({ port: Number(process.env.PORT ?? 8080), host: process.env.HOST ?? '0.0.0.0' });`,
        '',
      ].join('\n'),
    },
    web: {
      '.gitignore': 'node_modules\n',
      'package.json': {
        name: 'inventory-web',
        scripts: { dev: 'vite --port 3000' },
        dependencies: { 'solid-js': '1' },
        devDependencies: { vite: '6', 'vite-plugin-solid': '2' },
      },
      'package-lock.json': '{}',
      '.env.development': 'VITE_SERVER_URL=http://localhost:8080\n',
      'src/api.ts': 'export const server = import.meta.env.VITE_SERVER_URL;\n',
    },
  },
  needs: {
    shared: { mysql: { database: 'inventory' } },
    compose: { mysql: /^(mysql|mariadb):\d/ },
    repos: {
      server: { setup: 'npm ci', migrate: /npm run db:deploy|prisma migrate deploy/, env_file: '.env' },
      web: { setup: 'npm ci' },
    },
    services: {
      server: {
        repo: 'server',
        image: /^node:/,
        command: 'npm run dev',
        baseline: 8080,
        ready: '/healthz',
        env: {
          PORT: '${port.http}',
          HOST: '${bind}',
          DATABASE_URL: '${mysql.url}?connection_limit=5',
          WEB_ORIGIN: origins('web'),
          SESSION_SECRET: secret('SESSION_SECRET', 'for-development-only'),
        },
      },
      web: {
        repo: 'web',
        image: /^node:/,
        command: oneOf(vite('npm run dev'), vite('npx vite')),
        env: { VITE_SERVER_URL: '${server.url}' },
      },
    },
  },
};
