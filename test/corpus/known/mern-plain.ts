import { origins, type Product, secret, vite } from '../product.ts';

export const product: Product = {
  about: 'Express and mongoose whose example names an Atlas cluster, without a compose file, React with Vite beside it',
  repos: {
    client: {
      '.gitignore': 'node_modules\n',
      'package.json': {
        name: 'client',
        scripts: { dev: 'vite' },
        dependencies: { react: '19' },
        devDependencies: { vite: '6' },
      },
      'package-lock.json': '{}',
      '.env.example': 'VITE_API_URL=http://localhost:5000/api\n',
      'src/api.js': 'export const api = import.meta.env.VITE_API_URL;\n',
    },
    server: {
      '.gitignore': 'node_modules\n.env\n',
      'package.json': {
        name: 'server',
        scripts: { dev: 'nodemon server.js' },
        dependencies: { express: '4', mongoose: '8', dotenv: '16' },
      },
      'package-lock.json': '{}',
      '.env.example': [
        'PORT=5000',
        'MONGO_URI=mongodb+srv://<user>:<password>@cluster0.example.mongodb.net/recipes?retryWrites=true',
        'CLIENT_URL=http://localhost:5173',
        'JWT_SECRET=your_jwt_secret',
        'JWT_EXPIRES_IN=7d',
        'RABBITMQ_URL=amqp://localhost',
        'NODE_ENV=development',
        '',
      ].join('\n'),
      'server.js': [
        `require('dotenv').config();`,
        `const app = require('express')();`,
        `app.get('/api/health', (request, response) => response.json({}));`,
        `app.use(require('cors')({ origin: process.env.CLIENT_URL }));`,
        `require('mongoose').connect(process.env.MONGO_URI);`,
        `const token = { secret: process.env.JWT_SECRET, expiresIn: process.env.JWT_EXPIRES_IN };`,
        'app.listen(process.env.PORT || 5000);',
        '',
      ].join('\n'),
    },
  },
  needs: {
    shared: { mongodb: { scheme: 'mongodb' } },
    compose: { mongodb: /^mongo:\d/ },
    repos: { client: { setup: 'npm ci' }, server: { setup: 'npm ci', env_file: '.env' } },
    services: {
      client: {
        repo: 'client',
        image: /^node:/,
        command: vite('npm run dev'),
        env: { VITE_API_URL: '${server.url}/api' },
      },
      server: {
        repo: 'server',
        image: /^node:/,
        command: 'npm run dev',
        baseline: 5000,
        ready: '/api/health',
        env: {
          PORT: '${port.http}',
          MONGO_URI: 'mongodb://${mongodb.host}:${mongodb.port}/recipes',
          CLIENT_URL: origins('client'),
          JWT_SECRET: secret('JWT_SECRET', 'your_jwt_secret'),
          JWT_EXPIRES_IN: '7d',
        },
      },
    },
  },
};
