import { onPort, origins, type Product, reach } from '../product.ts';

export const product: Product = {
  about: 'nx: a React app with Vite, an Express API and a program of tests, each with its project.json',
  repos: {
    '.': {
      '.gitignore': 'node_modules\ndist\n',
      '.nvmrc': '20\n',
      'package.json': {
        name: '@acme/source',
        scripts: { start: 'nx run-many -t serve' },
        dependencies: { express: '^4.21.0', pg: '^8.13.0', 'react-dom': '^18.3.0' },
        devDependencies: { nx: '20.1.0', '@nx/vite': '20.1.0', '@nx/js': '20.1.0', vite: '^5.4.0' },
      },
      'package-lock.json': { lockfileVersion: 3 },
      'nx.json': { targetDefaults: { build: { cache: true } } },
      'apps/shop/project.json': {
        name: 'shop',
        projectType: 'application',
        targets: { serve: { executor: '@nx/vite:dev-server', options: { buildTarget: 'shop:build' } } },
      },
      'apps/shop/vite.config.ts': 'export default { server: { port: 4200, host: "localhost" } };\n',
      'apps/shop/index.html': '<div id="root"></div>\n',
      'apps/shop/src/main.tsx': `export const api = import.meta.env.VITE_API_URL || 'http://localhost:3333';\n`,
      'apps/orders/project.json': {
        name: 'orders-api',
        projectType: 'application',
        targets: { serve: { executor: '@nx/js:node', options: { buildTarget: 'orders-api:build' } } },
      },
      'apps/orders/src/main.ts': [
        `import express from 'express';`,
        `const app = express();`,
        `const port = process.env.PORT ? Number(process.env.PORT) : 3333;`,
        `const origin = process.env.CORS_ORIGIN ?? 'http://localhost:4200';`,
        `const database = process.env.DATABASE_URL;`,
        `app.get('/api/health', (_, res) => res.send({ origin, database }));`,
        `app.listen(port);`,
        '',
      ].join('\n'),
      'apps/shop-e2e/project.json': {
        name: 'shop-e2e',
        projectType: 'application',
        targets: { e2e: { executor: '@nx/playwright:playwright' } },
      },
      'libs/ui/project.json': {
        name: 'ui',
        projectType: 'library',
        targets: { build: { executor: '@nx/vite:build' } },
      },
      'libs/ui/src/index.ts': 'export const ui = 1;\n',
    },
  },
  needs: {
    shared: { postgres: {} },
    repos: { '.': { setup: 'npm ci' } },
    services: {
      shop: {
        repo: '.',
        dir: 'apps/shop',
        image: /^node:20/,
        command: onPort('npx nx serve shop', '--port', '--host'),
        baseline: 4200,
        env: { VITE_API_URL: reach('orders') },
      },
      orders: {
        repo: '.',
        dir: 'apps/orders',
        image: /^node:20/,
        command: 'npx nx serve orders-api',
        baseline: 3333,
        ready: '/api/health',
        env: { PORT: '${port.http}', CORS_ORIGIN: origins('shop'), DATABASE_URL: '${postgres.url}' },
      },
    },
  },
};
