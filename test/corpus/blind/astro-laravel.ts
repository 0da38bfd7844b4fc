import { maybe, oneOf, onPort, origins, type Product, reach } from '../product.ts';

const ENV = (key: string) => `APP_NAME=Magazine
APP_ENV=local
APP_KEY=${key}
APP_DEBUG=true
APP_URL=http://localhost:8000
FRONTEND_URL=http://localhost:4321
SANCTUM_STATEFUL_DOMAINS=localhost:4321

DB_CONNECTION=mysql
DB_HOST=127.0.0.1
DB_PORT=3306
DB_DATABASE=magazine
DB_USERNAME=sail
DB_PASSWORD=password

SESSION_DRIVER=database
QUEUE_CONNECTION=redis
CACHE_STORE=redis

REDIS_CLIENT=predis
REDIS_HOST=127.0.0.1
REDIS_PASSWORD=null
REDIS_PORT=6379

MAIL_MAILER=smtp
MAIL_HOST=127.0.0.1
MAIL_PORT=1025
`;

export const product: Product = {
  about: 'Astro and Laravel with Sail’s compose file: MySQL, Redis, Mailpit',
  name: 'magazine',
  repos: {
    site: {
      '.gitignore': 'node_modules/\ndist/\n.astro/\n.env\n',
      'package.json': {
        name: 'site',
        type: 'module',
        scripts: { dev: 'astro dev', start: 'astro dev', build: 'astro build', preview: 'astro preview' },
        dependencies: { astro: '^4.16.13' },
      },
      'package-lock.json': { name: 'site', lockfileVersion: 3 },
      'astro.config.mjs': `import { defineConfig } from 'astro/config';\nexport default defineConfig({ output: 'static' });\n`,
      '.env.example': 'PUBLIC_API_URL=http://localhost:8000/api\n',
      'src/lib/api.ts': 'export const posts = () => fetch(`${import.meta.env.PUBLIC_API_URL}/posts`);\n',
      'src/pages/index.astro': '<h1>Magazine</h1>\n',
    },
    backend: {
      '.gitignore': '/node_modules\n/vendor\n.env\n/storage/*.key\n',
      '.env.example': ENV(''),
      artisan: '#!/usr/bin/env php\n<?php\n',
      'composer.json': {
        name: 'acme/magazine',
        type: 'project',
        require: { php: '^8.2', 'laravel/framework': '^11.31', 'laravel/sanctum': '^4.0', 'predis/predis': '^2.2' },
        'require-dev': { 'laravel/sail': '^1.26', 'phpunit/phpunit': '^11.0.1' },
      },
      'composer.lock': { 'content-hash': '6f1c8d5a', packages: [] },
      'package.json': {
        private: true,
        type: 'module',
        scripts: { build: 'vite build', dev: 'vite' },
        devDependencies: { 'laravel-vite-plugin': '^1.0', vite: '^5.0' },
      },
      'docker-compose.yml': `services:
    laravel.test:
        build: { context: ./vendor/laravel/sail/runtimes/8.3 }
        image: sail-8.3/app
        ports: ['\${APP_PORT:-80}:80']
        depends_on: [mysql, redis, mailpit]
    mysql:
        image: 'mysql/mysql-server:8.0'
        ports: ['\${FORWARD_DB_PORT:-3306}:3306']
        environment:
            MYSQL_ROOT_PASSWORD: '\${DB_PASSWORD}'
            MYSQL_ROOT_HOST: '%'
            MYSQL_DATABASE: '\${DB_DATABASE}'
            MYSQL_USER: '\${DB_USERNAME}'
            MYSQL_PASSWORD: '\${DB_PASSWORD}'
    redis:
        image: 'redis:alpine'
        ports: ['\${FORWARD_REDIS_PORT:-6379}:6379']
    mailpit:
        image: 'axllent/mailpit:latest'
        ports: ['\${FORWARD_MAILPIT_PORT:-1025}:1025', '\${FORWARD_MAILPIT_DASHBOARD_PORT:-8025}:8025']
`,
      'bootstrap/app.php': `<?php
return Application::configure(basePath: dirname(__DIR__))
    ->withRouting(web: __DIR__.'/../routes/web.php', api: __DIR__.'/../routes/api.php', health: '/up')
    ->create();
`,
      'config/app.php': `<?php\nreturn ['name' => env('APP_NAME', 'Laravel'), 'env' => env('APP_ENV', 'production'), 'debug' => (bool) env('APP_DEBUG', false), 'url' => env('APP_URL', 'http://localhost'), 'key' => env('APP_KEY')];\n`,
      'config/cors.php': `<?php\nreturn ['paths' => ['api/*'], 'allowed_origins' => explode(',', env('FRONTEND_URL', 'http://localhost:3000')), 'supports_credentials' => true];\n`,
      'config/sanctum.php': `<?php\nreturn ['stateful' => explode(',', env('SANCTUM_STATEFUL_DOMAINS', 'localhost'))];\n`,
      'config/database.php': `<?php
return ['default' => env('DB_CONNECTION', 'sqlite'), 'connections' => ['mysql' => [
    'driver' => 'mysql', 'url' => env('DB_URL'), 'host' => env('DB_HOST', '127.0.0.1'), 'port' => env('DB_PORT', '3306'),
    'database' => env('DB_DATABASE', 'laravel'), 'username' => env('DB_USERNAME', 'root'), 'password' => env('DB_PASSWORD', ''),
]], 'redis' => ['client' => env('REDIS_CLIENT', 'phpredis'), 'default' => [
    'url' => env('REDIS_URL'), 'host' => env('REDIS_HOST', '127.0.0.1'), 'password' => env('REDIS_PASSWORD'), 'port' => env('REDIS_PORT', '6379'),
]]];
`,
      'config/mail.php': `<?php\nreturn ['default' => env('MAIL_MAILER', 'log'), 'mailers' => ['smtp' => ['host' => env('MAIL_HOST', '127.0.0.1'), 'port' => env('MAIL_PORT', 2525)]]];\n`,
      'routes/api.php': `<?php\nRoute::get('/posts', fn () => Post::all());\n`,
      'database/migrations/0001_01_01_000000_create_users_table.php': '<?php\n',
      'database/seeders/DatabaseSeeder.php':
        '<?php\nclass DatabaseSeeder extends Seeder { public function run(): void {} }\n',
    },
  },
  loose: { 'backend/.env': ENV('base64:c3RhY2stdGVzdC1rZXktc3RhY2stdGVzdC1rZXkhIQ==') },
  needs: {
    shared: {
      mysql: { image: 'mysql/mysql-server:8.0', database: 'magazine', user: 'sail' },
      redis: { image: 'redis:alpine' },
      mailpit: {},
    },
    compose: { mailpit: 'axllent/mailpit:latest' },
    repos: {
      site: { setup: 'npm ci' },
      backend: {
        setup: /^composer install/,
        migrate: /^php artisan migrate( --force| --no-interaction)*$/,
        seed: /^php artisan db:seed/,
        // `artisan serve` hands on what `.env` says, and the key is there.
        env_file: '.env',
      },
    },
    services: {
      site: {
        repo: 'site',
        image: /^node:/,
        command: onPort('npm run dev --', '--port', '--host'),
        ready: maybe('/'),
        env: { PUBLIC_API_URL: reach('backend', '/api') },
      },
      backend: {
        repo: 'backend',
        command: /^php artisan serve(?=.* --host[ =]"?\$\{bind\})(?=.* --port[ =]"?\$(\{port\.http\}|PORT))/,
        baseline: 8000,
        ready: '/up',
        env: {
          APP_NAME: maybe('Magazine'),
          APP_ENV: maybe('local'),
          APP_DEBUG: maybe(true),
          APP_URL: '${backend.url}',
          FRONTEND_URL: origins('site'),
          SANCTUM_STATEFUL_DOMAINS: /\$\{(tickets\.site\.urls|site\.(url|host|port))\}/,
          DB_CONNECTION: maybe('mysql'),
          DB_HOST: '${mysql.host}',
          DB_PORT: '${mysql.port}',
          DB_DATABASE: '${mysql.database}',
          DB_USERNAME: '${mysql.user}',
          DB_PASSWORD: '${mysql.password}',
          DB_URL: maybe('${mysql.url}'),
          SESSION_DRIVER: maybe('database'),
          QUEUE_CONNECTION: maybe('redis'),
          CACHE_STORE: maybe('redis'),
          REDIS_CLIENT: maybe('predis'),
          REDIS_HOST: '${redis.host}',
          REDIS_PASSWORD: '${redis.password}',
          REDIS_PORT: '${redis.port}',
          REDIS_URL: maybe('${redis.url}'),
          MAIL_MAILER: maybe('smtp'),
          MAIL_HOST: oneOf('${mailpit.host}', '${mailpit.internal_host}'),
          MAIL_PORT: /^\$\{mailpit\.port(\.\w+)?\}$/,
        },
      },
    },
  },
};
