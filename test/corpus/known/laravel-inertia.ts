import { maybe, type Product } from '../product.ts';

export const product: Product = {
  about: 'Laravel with Inertia: one repo whose pages Vite builds beside the server, an example that repeats variables',
  name: 'ledgers',
  repos: {
    '.': {
      '.gitignore': '/vendor\n/node_modules\n.env\n',
      artisan: '#!/usr/bin/env php\n',
      'composer.json': {
        require: { php: '^8.3', 'laravel/framework': '^12.0', 'inertiajs/inertia-laravel': '^2.0' },
      },
      'composer.lock': '{}\n',
      'package.json': {
        scripts: { dev: 'vite', build: 'vite build' },
        dependencies: { '@inertiajs/vue3': '^2.0.0', vue: '^3.5.0' },
        devDependencies: { 'laravel-vite-plugin': '^1.2.0', vite: '^6.0.0' },
      },
      'package-lock.json': { lockfileVersion: 3 },
      'vite.config.js': "export default { plugins: [laravel({ input: 'resources/js/app.js' })] };\n",
      'resources/js/app.js': "createInertiaApp({ title: import.meta.env.VITE_APP_NAME || 'Ledgers' });\n",
      '.env.example': [
        'APP_NAME=Ledgers',
        'APP_KEY=',
        'APP_URL=http://localhost:8000',
        'DB_CONNECTION=mysql',
        'DB_HOST=127.0.0.1',
        'DB_PORT=3306',
        'DB_DATABASE=ledgers',
        'DB_USERNAME=root',
        'DB_PASSWORD=',
        'MAIL_FROM_NAME="${APP_NAME}"',
        'MAIL_REPLY_TO=<an address of yours>',
        'VITE_APP_NAME="${APP_NAME}"',
        '',
      ].join('\n'),
      'bootstrap/app.php': `<?php\nreturn Application::configure()->withRouting(web: 'web.php', health: '/up')->create();\n`,
      'config/app.php': `<?php\nreturn ['key' => env('APP_KEY'), 'url' => env('APP_URL', 'http://localhost')];\n`,
      'config/mail.php': `<?php\nreturn ['name' => env('MAIL_FROM_NAME'), 'reply' => env('MAIL_REPLY_TO')];\n`,
      'config/database.php': [
        '<?php',
        `return ['default' => env('DB_CONNECTION', 'sqlite'), 'host' => env('DB_HOST', '127.0.0.1'), 'port' => env('DB_PORT', '3306'),`,
        `  'database' => env('DB_DATABASE', 'laravel'), 'username' => env('DB_USERNAME', 'root'), 'password' => env('DB_PASSWORD', '')];`,
        '',
      ].join('\n'),
    },
  },
  needs: {
    shared: { mysql: { database: 'ledgers' } },
    repos: { '.': { setup: /composer install/, migrate: /php artisan migrate --force/, env_file: '.env' } },
    services: {
      ledgers: {
        repo: '.',
        image: /php:8\.\d-cli/,
        command: /php artisan serve .*--port=\$PORT/,
        baseline: 8000,
        ready: '/up',
        env: {
          APP_KEY: /^\$\{env\.APP_KEY:-base64:[\w+/]{43}=\}$/,
          APP_URL: '${ledgers.url}',
          DB_CONNECTION: 'mysql',
          DB_HOST: '${mysql.host}',
          DB_PORT: '${mysql.port}',
          DB_DATABASE: '${mysql.database}',
          DB_USERNAME: '${mysql.user}',
          DB_PASSWORD: '${mysql.password}',
        },
      },
      vite: {
        repo: '.',
        image: /^node:/,
        command: /npm ci.*&& npm run dev -- --host \$\{bind\} --port \$PORT --strictPort$/,
        baseline: 5173,
        env: { VITE_APP_NAME: maybe('Ledgers') },
      },
    },
  },
};
