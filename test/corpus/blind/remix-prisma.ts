import { maybe, oneOf, type Product, secret } from '../product.ts';

export const product: Product = {
  about: 'Remix with Prisma: one repo, one service, a compose file with Postgres',
  name: 'blues',
  repos: {
    '.': {
      '.gitignore': 'node_modules\n/build\n.env\n/postgres-data\n',
      'package.json': {
        name: 'blues-stack',
        private: true,
        sideEffects: false,
        type: 'module',
        scripts: {
          build: 'remix vite:build',
          dev: 'node ./server.js',
          docker: 'docker compose up -d',
          lint: 'eslint .',
          setup: 'prisma generate && prisma migrate deploy && prisma db seed',
          start: 'cross-env NODE_ENV=production node ./server.js',
          test: 'vitest',
        },
        prisma: { seed: 'tsx prisma/seed.ts' },
        dependencies: {
          '@prisma/client': '^5.22.0',
          '@remix-run/express': '^2.14.0',
          '@remix-run/react': '^2.14.0',
          dotenv: '^16.4.5',
          express: '^4.21.1',
          react: '^18.3.1',
        },
        devDependencies: {
          '@remix-run/dev': '^2.14.0',
          cypress: '^13.15.2',
          prisma: '^5.22.0',
          tsx: '^4.19.2',
          vite: '^5.4.11',
        },
        engines: { node: '>=18.0.0' },
      },
      'package-lock.json': { name: 'blues-stack', lockfileVersion: 3 },
      Dockerfile:
        'FROM node:18-bullseye-slim AS base\nRUN apt-get update && apt-get install -y openssl\nENV PORT="8080"\nCMD ["npm", "start"]\n',
      'docker-compose.yml': `services:
  postgres:
    image: postgres:15
    restart: always
    environment:
      - POSTGRES_USER=postgres
      - POSTGRES_PASSWORD=postgres
      - POSTGRES_DB=blues
    ports:
      - "5432:5432"
    volumes:
      - ./postgres-data:/var/lib/postgresql/data
`,
      '.env.example':
        'DATABASE_URL="postgresql://postgres:postgres@localhost:5432/blues"\nSESSION_SECRET="super-duper-s3cret"\n',
      'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n',
      'prisma/migrations/20220224172159_init/migration.sql': 'CREATE TABLE "User" ("id" TEXT NOT NULL);\n',
      'prisma/seed.ts': 'await prisma.user.create({ data: {} });\n',
      'server.js': [
        `import 'dotenv/config';`,
        `import { createRequestHandler } from '@remix-run/express';`,
        `import express from 'express';`,
        `const app = express();`,
        `const port = process.env.PORT || 3000;`,
        `app.listen(port, () => console.log('http://localhost:' + port));`,
      ].join('\n'),
      'cypress.config.ts': `export default { e2e: { baseUrl: \`http://localhost:\${process.env.PORT ?? '8811'}\` } };\n`,
      'app/session.server.ts': `invariant(process.env.SESSION_SECRET, 'SESSION_SECRET must be set');\n`,
      'app/routes/healthcheck.tsx': `export const loader = async () => new Response('OK');\n`,
      'app/routes/_index.tsx': 'export default function Index() { return <h1>Blues</h1>; }\n',
    },
  },
  needs: {
    shared: { postgres: { image: 'postgres:15', database: 'blues', user: 'postgres' } },
    repos: {
      '.': {
        setup: /^npm ci( && npx prisma generate)?$/,
        migrate: 'npx prisma migrate deploy',
        seed: 'npx prisma db seed',
        env_file: '.env',
      },
    },
    services: {
      blues: {
        repo: '.',
        image: /^node:18-(bullseye|bookworm)/,
        command: 'npm run dev',
        ready: oneOf('/healthcheck', '/'),
        env: {
          PORT: '${port.http}',
          DATABASE_URL: '${postgres.url}',
          SESSION_SECRET: secret('SESSION_SECRET', 'super-duper-s3cret'),
          NODE_ENV: maybe('development'),
        },
      },
    },
  },
};
