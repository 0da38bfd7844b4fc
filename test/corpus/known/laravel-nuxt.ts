import { onPort, origins, type Product, reach, secret } from '../product.ts';

export const product: Product = {
  about: 'Laravel API with PostgreSQL, Nuxt in front with its runtime settings',
  repos: {
    frontend: {
      '.gitignore': 'node_modules\n.nuxt\n',
      'package.json': {
        name: 'frontend',
        scripts: { dev: 'nuxt dev', build: 'nuxt build' },
        dependencies: { nuxt: '^3.14.0', vue: 'latest' },
      },
      'package-lock.json': { lockfileVersion: 3 },
      'nuxt.config.ts': [
        'export default defineNuxtConfig({',
        `  runtimeConfig: { public: { apiBase: 'http://localhost:8000/api' } },`,
        '});',
        '',
      ].join('\n'),
    },
    backend: {
      '.gitignore': '/vendor\n.env\n',
      artisan: '#!/usr/bin/env php\n',
      'composer.json': { require: { php: '^8.2', 'laravel/framework': '^11.0' } },
      'composer.lock': '{}\n',
      '.env.example': [
        'APP_NAME=Laravel',
        'APP_ENV=local',
        'APP_KEY=base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
        'APP_URL=http://localhost:8000',
        'FRONTEND_URL=http://localhost:3000',
        'DB_CONNECTION=pgsql',
        'DB_HOST=127.0.0.1',
        'DB_PORT=5432',
        'DB_DATABASE=crm',
        'DB_USERNAME=crm',
        'DB_PASSWORD=',
        '',
      ].join('\n'),
      'bootstrap/app.php': `<?php\nreturn Application::configure()->withRouting(web: 'web.php', health: '/up')->create();\n`,
      'config/app.php': `<?php\nreturn ['key' => env('APP_KEY'), 'url' => env('APP_URL', 'http://localhost')];\n`,
      'config/cors.php': `<?php\nreturn ['allowed_origins' => [env('FRONTEND_URL', 'http://localhost:3000')]];\n`,
      'config/database.php': [
        '<?php',
        'return [',
        `  'default' => env('DB_CONNECTION', 'sqlite'),`,
        `  'pgsql' => ['driver' => 'pgsql', 'host' => env('DB_HOST', '127.0.0.1'), 'port' => env('DB_PORT', '5432'),`,
        `    'database' => env('DB_DATABASE', 'laravel'), 'username' => env('DB_USERNAME', 'root'), 'password' => env('DB_PASSWORD', '')],`,
        '];',
        '',
      ].join('\n'),
    },
  },
  needs: {
    shared: { postgres: { database: 'crm' } },
    repos: {
      frontend: { setup: 'npm ci' },
      backend: { setup: /composer install/, migrate: /php artisan migrate/ },
    },
    services: {
      frontend: {
        repo: 'frontend',
        image: /^node:/,
        command: onPort('npm run dev', '--port', '--host'),
        env: { NUXT_PUBLIC_API_BASE: reach('backend', '/api') },
      },
      backend: {
        repo: 'backend',
        image: /php|composer/,
        command: /php artisan serve --host=?\s?"?\$\{bind\}"? --port=?\s?\$PORT/,
        baseline: 8000,
        ready: '/up',
        env: {
          APP_KEY: secret('APP_KEY', 'base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='),
          APP_URL: '${backend.url}',
          FRONTEND_URL: origins('frontend'),
          DB_CONNECTION: 'pgsql',
          DB_HOST: '${postgres.host}',
          DB_PORT: '${postgres.port}',
          DB_DATABASE: '${postgres.database}',
          DB_USERNAME: '${postgres.user}',
          DB_PASSWORD: '${postgres.password}',
        },
      },
    },
  },
};
