import { oneOf, type Product, secret } from '../product.ts';

export const product: Product = {
  about: 'Express API on Knex and MySQL 8, alone, with a compose file in the root beside it',
  repos: {
    backend: {
      '.gitignore': 'node_modules\n.env\n',
      'package.json': {
        name: 'backend',
        scripts: { dev: 'nodemon src/index.js', migrate: 'knex migrate:latest', seed: 'knex seed:run' },
        dependencies: { express: '4', knex: '3', mysql2: '3', dotenv: '16' },
      },
      'yarn.lock': '# yarn lockfile v1\n',
      '.env.example': [
        'PORT=5000',
        'DB_HOST=127.0.0.1',
        'DB_PORT=3306',
        'DB_USER=root',
        'DB_PASSWORD=rootpw',
        'DB_NAME=orders',
        'SESSION_SECRET=x',
        '',
      ].join('\n'),
      'knexfile.js': 'module.exports = { client: "mysql2" };\n',
      'src/index.js': [
        `require('dotenv').config();`,
        `const app = require('express')();`,
        `app.get('/ping', (request, response) => response.send('pong'));`,
        'const { DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME, SESSION_SECRET } = process.env;',
        'app.listen(process.env.PORT || 5000);',
        '',
      ].join('\n'),
    },
  },
  loose: {
    'docker-compose.yml': [
      'services:',
      '  db:',
      '    image: mysql:8.0',
      '    command: --default-authentication-plugin=mysql_native_password',
      '    environment: [MYSQL_ROOT_PASSWORD=rootpw, MYSQL_DATABASE=orders]',
      '    ports: ["3306:3306"]',
      '    volumes: ["dbdata:/var/lib/mysql"]',
      '  db-test:',
      '    image: mysql:8.0',
      '    profiles: [test]',
      '    ports: ["3307:3306"]',
      'volumes: { dbdata: {} }',
      '',
    ].join('\n'),
  },
  needs: {
    shared: { mysql: { database: 'orders', password: 'rootpw' } },
    compose: { mysql: /mysql:8\.0/ },
    repos: {
      backend: {
        setup: /yarn install/,
        migrate: /^yarn (run )?migrate$/,
        seed: /^yarn (run )?seed$/,
        env_file: '.env',
      },
    },
    services: {
      backend: {
        repo: 'backend',
        image: /^node:/,
        command: /^yarn (run )?dev$/,
        ready: oneOf('/ping'),
        env: {
          PORT: '${port.http}',
          DB_HOST: '${mysql.host}',
          DB_PORT: '${mysql.port}',
          DB_USER: '${mysql.user}',
          DB_PASSWORD: '${mysql.password}',
          DB_NAME: '${mysql.database}',
          SESSION_SECRET: secret('SESSION_SECRET', 'x'),
        },
      },
    },
  },
};
