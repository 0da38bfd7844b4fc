import { maybe, oneOf, origins, type Product, reach } from '../product.ts';

export const product: Product = {
  about: 'Create React App and Express, a compose file in the root with Postgres, Mailpit, MinIO and Kafka',
  name: 'invoices',
  repos: {
    frontend: {
      '.gitignore': '/node_modules\n/build\n.env.local\n',
      'package.json': {
        name: 'frontend',
        private: true,
        scripts: { start: 'react-scripts start', build: 'react-scripts build', test: 'react-scripts test' },
        dependencies: { react: '^18.3.1', 'react-dom': '^18.3.1', 'react-scripts': '5.0.1' },
      },
      'package-lock.json': { name: 'frontend', lockfileVersion: 2 },
      '.env.example': 'REACT_APP_API_URL=http://localhost:5001\n',
      'src/api.js': 'export const api = (path) => fetch(process.env.REACT_APP_API_URL + path);\n',
      'public/index.html': '<div id="root"></div>\n',
    },
    backend: {
      '.gitignore': 'node_modules\ndist\n.env\n',
      '.nvmrc': '18.20.4\n',
      Dockerfile: 'FROM node:18-bookworm-slim\nWORKDIR /app\nCOPY . .\nRUN npm ci\nEXPOSE 5001\nCMD ["npm", "start"]\n',
      'package.json': {
        name: 'backend',
        private: true,
        scripts: {
          start: 'node dist/index.js',
          dev: 'nodemon --exec ts-node src/index.ts',
          build: 'tsc',
          migrate: 'node-pg-migrate up',
        },
        dependencies: {
          '@aws-sdk/client-s3': '^3.693.0',
          cors: '^2.8.5',
          express: '^4.21.1',
          kafkajs: '^2.2.4',
          'node-pg-migrate': '^7.7.1',
          nodemailer: '^6.9.16',
          pg: '^8.13.1',
        },
        devDependencies: { nodemon: '^3.1.7', 'ts-node': '^10.9.2', typescript: '^5.6.3' },
      },
      'package-lock.json': { name: 'backend', lockfileVersion: 3 },
      'migrations/1731000000000_invoices.js': 'exports.up = (pgm) => pgm.createTable("invoices", {});\n',
      'src/config.ts': `const required = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(name + ' is not set');
  return value;
};
export const config = {
  port: Number(process.env.PORT ?? 5001),
  databaseUrl: required('DATABASE_URL'),
  kafkaBrokers: required('KAFKA_BROKERS').split(','),
  s3: {
    endpoint: required('S3_ENDPOINT'),
    bucket: required('S3_BUCKET'),
    accessKey: required('S3_ACCESS_KEY'),
    secretKey: required('S3_SECRET_KEY'),
  },
  smtp: { host: process.env.SMTP_HOST ?? 'localhost', port: Number(process.env.SMTP_PORT ?? 1025) },
  corsOrigin: process.env.CORS_ORIGIN ?? 'http://localhost:3000',
};
`,
      'src/index.ts': `import cors from 'cors';
import express from 'express';
import { config } from './config';
const app = express();
app.use(cors({ origin: config.corsOrigin.split(',') }));
app.get('/healthz', (_request, response) => { response.send('ok'); });
app.listen(config.port);
`,
    },
  },
  loose: {
    'docker-compose.yml': `services:
  frontend:
    build: ./frontend
    profiles: [full]
    ports: ["3000:3000"]
    environment:
      REACT_APP_API_URL: http://localhost:5001
  backend:
    build: ./backend
    profiles: [full]
    ports: ["5001:5001"]
    environment:
      PORT: 5001
      DATABASE_URL: postgres://invoices:invoices@db:5432/invoices
      KAFKA_BROKERS: kafka:9092
      S3_ENDPOINT: http://minio:9000
      S3_BUCKET: invoices
      S3_ACCESS_KEY: minioadmin
      S3_SECRET_KEY: minioadmin
      SMTP_HOST: mailpit
      SMTP_PORT: 1025
      CORS_ORIGIN: http://localhost:3000
    depends_on: [db, kafka, minio, mailpit]
  db:
    image: postgres:14-alpine
    environment:
      POSTGRES_USER: invoices
      POSTGRES_PASSWORD: invoices
      POSTGRES_DB: invoices
    ports: ["5432:5432"]
  mailpit:
    image: axllent/mailpit:v1.21
    ports: ["1025:1025", "8025:8025"]
  minio:
    image: minio/minio:RELEASE.2024-11-07T00-52-20Z
    command: server /data --console-address ":9001"
    environment:
      MINIO_ROOT_USER: minioadmin
      MINIO_ROOT_PASSWORD: minioadmin
    ports: ["9000:9000", "9001:9001"]
  kafka:
    image: bitnami/kafka:3.8
    environment:
      KAFKA_CFG_NODE_ID: 0
      KAFKA_CFG_PROCESS_ROLES: controller,broker
    ports: ["9092:9092"]
`,
  },
  needs: {
    shared: {
      postgres: { image: 'postgres:14-alpine', database: 'invoices', user: 'invoices' },
      mailpit: {},
      minio: {},
      kafka: {},
    },
    compose: {
      mailpit: 'axllent/mailpit:v1.21',
      minio: 'minio/minio:RELEASE.2024-11-07T00-52-20Z',
      kafka: 'bitnami/kafka:3.8',
    },
    repos: { frontend: { setup: 'npm ci' }, backend: { setup: 'npm ci', migrate: 'npm run migrate' } },
    services: {
      frontend: {
        repo: 'frontend',
        image: /^node:/,
        command: 'npm start',
        ready: maybe('/'),
        env: {
          PORT: '${port.http}',
          HOST: maybe('${bind}'),
          BROWSER: maybe('none'),
          REACT_APP_API_URL: reach('backend'),
        },
      },
      backend: {
        repo: 'backend',
        image: /^node:18/,
        command: 'npm run dev',
        baseline: 5001,
        ready: '/healthz',
        env: {
          PORT: '${port.http}',
          DATABASE_URL: '${postgres.url}',
          KAFKA_BROKERS: /^\$\{kafka\.(internal_)?host\}:\$\{kafka\.port(\.\w+)?\}$/,
          S3_ENDPOINT: oneOf(
            '${minio.url}',
            '${minio.internal_url}',
            /^http:\/\/\$\{minio\.(internal_)?host\}:\$\{minio\.port(\.\w+)?\}$/,
          ),
          S3_BUCKET: 'invoices',
          S3_ACCESS_KEY: 'minioadmin',
          S3_SECRET_KEY: 'minioadmin',
          SMTP_HOST: oneOf('${mailpit.host}', '${mailpit.internal_host}'),
          SMTP_PORT: /^\$\{mailpit\.port(\.\w+)?\}$/,
          CORS_ORIGIN: origins('frontend'),
        },
      },
    },
  },
};
