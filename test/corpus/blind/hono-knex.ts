import { maybe, origins, type Product, reach } from '../product.ts';

export const product: Product = {
  about: 'Solid with Vite and Hono with Knex, each a `.bare` repo with worktrees',
  name: 'recipes',
  layout: 'bare',
  repos: {
    ui: {
      '.gitignore': 'node_modules\ndist\n.env.local\n',
      'package.json': {
        name: 'ui',
        private: true,
        type: 'module',
        scripts: { start: 'vite', dev: 'vite', build: 'vite build', serve: 'vite preview' },
        dependencies: { 'solid-js': '^1.9.3' },
        devDependencies: { vite: '^5.4.11', 'vite-plugin-solid': '^2.10.2' },
      },
      'package-lock.json': { name: 'ui', lockfileVersion: 3 },
      '.env.dist': 'VITE_BACKEND_URL=http://localhost:8787\n',
      'vite.config.ts': `import solid from 'vite-plugin-solid';\nexport default { plugins: [solid()] };\n`,
      'src/index.tsx': 'fetch(`${import.meta.env.VITE_BACKEND_URL}/recipes`);\n',
    },
    service: {
      '.gitignore': 'node_modules\ndist\n.env\n',
      'package.json': {
        name: 'service',
        private: true,
        type: 'module',
        scripts: {
          dev: 'tsx watch src/index.ts',
          start: 'node dist/index.js',
          'db:migrate': 'knex migrate:latest',
          'db:rollback': 'knex migrate:rollback',
          'db:seed': 'knex seed:run',
        },
        dependencies: {
          '@hono/node-server': '^1.13.7',
          dotenv: '^16.4.5',
          hono: '^4.6.10',
          knex: '^3.1.0',
          pg: '^8.13.1',
        },
        devDependencies: { tsx: '^4.19.2', typescript: '^5.6.3' },
      },
      'package-lock.json': { name: 'service', lockfileVersion: 3 },
      '.env.dist':
        'PGHOST=localhost\nPGPORT=5432\nPGDATABASE=recipes\nPGUSER=recipes\nPGPASSWORD=recipes\nUI_ORIGIN=http://localhost:5173\n',
      'knexfile.js': `import 'dotenv/config';
const { PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD } = process.env;
export default {
  client: 'pg',
  connection: { host: PGHOST, port: Number(PGPORT), database: PGDATABASE, user: PGUSER, password: PGPASSWORD },
};
`,
      'migrations/20241101_recipes.js': 'export const up = (knex) => knex.schema.createTable("recipes", () => {});\n',
      'seeds/recipes.js': 'export const seed = (knex) => knex("recipes").insert({});\n',
      'src/index.ts': `import 'dotenv/config';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
const app = new Hono();
app.use('*', cors({ origin: (process.env.UI_ORIGIN ?? '').split(',') }));
app.get('/status', (c) => c.json({ ok: true }));
app.get('/recipes', async (c) => c.json(await knex('recipes')));
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8787) });
`,
    },
  },
  needs: {
    shared: { postgres: { database: 'recipes' } },
    repos: {
      ui: { setup: 'npm ci' },
      service: { setup: 'npm ci', migrate: 'npm run db:migrate', seed: 'npm run db:seed', env_file: '.env' },
    },
    services: {
      ui: {
        repo: 'ui',
        image: /^node:/,
        command: /^npm (run dev|start|run start) --(?=.* --port[ =]"?\$(\{port\.http\}|PORT))(?=.* --host[ =])/,
        ready: maybe('/'),
        env: { VITE_BACKEND_URL: reach('service') },
      },
      service: {
        repo: 'service',
        image: /^node:/,
        command: 'npm run dev',
        baseline: 8787,
        ready: maybe('/status'),
        env: {
          PORT: '${port.http}',
          PGHOST: '${postgres.host}',
          PGPORT: '${postgres.port}',
          PGDATABASE: '${postgres.database}',
          PGUSER: '${postgres.user}',
          PGPASSWORD: '${postgres.password}',
          UI_ORIGIN: origins('ui'),
        },
      },
    },
  },
};
