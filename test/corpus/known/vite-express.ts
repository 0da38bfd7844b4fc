import { origins, type Product, reach, vite } from '../product.ts';

export const product: Product = {
  about: 'Vite front-end and Express API side by side',
  repos: {
    front: {
      '.gitignore': 'node_modules\n.env.local\n',
      'package.json': {
        name: 'shop-web',
        private: true,
        scripts: { dev: 'vite', build: 'vite build', test: 'vitest' },
        dependencies: { react: '^18.3.1', 'react-dom': '^18.3.1' },
        devDependencies: { '@vitejs/plugin-react': '^4.3.4', vite: '^5.4.11', vitest: '^2.1.8' },
      },
      'package-lock.json': { name: 'shop-web', lockfileVersion: 3 },
      '.env.example': 'VITE_API_URL=http://localhost:4000\n',
      'vite.config.ts': `import react from '@vitejs/plugin-react';\nexport default { plugins: [react()] };\n`,
      'src/api.ts': 'export const list = () => fetch(`${import.meta.env.VITE_API_URL}/items`);\n',
    },
    api: {
      '.gitignore': 'node_modules\n.env\n',
      'package.json': {
        name: 'shop-api',
        private: true,
        scripts: { dev: 'node --watch src/index.js', start: 'node src/index.js' },
        dependencies: { cors: '^2.8.5', dotenv: '^16.4.5', express: '^4.21.1', pg: '^8.13.1' },
      },
      'package-lock.json': { name: 'shop-api', lockfileVersion: 3 },
      '.env.example': [
        'PORT=4000',
        'DATABASE_URL=postgres://postgres:postgres@localhost:5432/shop',
        'CORS_ORIGIN=http://localhost:5173',
        '',
      ].join('\n'),
      'src/index.js': [
        `import 'dotenv/config';`,
        `import cors from 'cors';`,
        `import express from 'express';`,
        `import pg from 'pg';`,
        `const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });`,
        `const app = express();`,
        `app.use(cors({ origin: process.env.CORS_ORIGIN?.split(',') }));`,
        `app.get('/healthz', (request, response) => response.send('ok'));`,
        `app.get('/items', async (request, response) => response.json((await pool.query('select 1')).rows));`,
        `app.listen(process.env.PORT ?? 4000);`,
      ].join('\n'),
    },
  },
  needs: {
    shared: { postgres: { database: 'shop' } },
    repos: { front: { setup: 'npm ci' }, api: { setup: 'npm ci', env_file: '.env' } },
    services: {
      front: {
        repo: 'front',
        image: /^node:/,
        command: vite('npm run dev'),
        env: { VITE_API_URL: reach('api') },
      },
      api: {
        repo: 'api',
        image: /^node:/,
        command: 'npm run dev',
        baseline: 4000,
        ready: '/healthz',
        env: { PORT: '${port.http}', DATABASE_URL: '${postgres.url}', CORS_ORIGIN: origins('front') },
      },
    },
  },
};
