import { origins, type Product, secret, vite } from '../product.ts';

export const product: Product = {
  about: 'FastAPI with Alembic and MinIO, whose environment stands in the compose file alone, and a Vue front-end',
  repos: {
    server: {
      '.gitignore': '.venv\n__pycache__\n',
      'requirements.txt': 'fastapi\nuvicorn\nsqlalchemy\nasyncpg\nalembic\nminio\n',
      'alembic.ini': '[alembic]\nscript_location = migrations\n',
      Dockerfile: 'FROM python:3.11\nCMD ["uvicorn", "app.main:app"]\n',
      'app/main.py': [
        'import os',
        'from fastapi import FastAPI',
        'app = FastAPI()',
        `DATABASE_URL = os.environ['DATABASE_URL']`,
        `CORS = os.environ.get('CORS_ORIGINS', '').split(',')`,
        `MINIO = os.environ['MINIO_ENDPOINT']`,
        `KEY = os.environ['MINIO_SECRET_KEY']`,
        `@app.get('/healthz')`,
        'def healthz(): return {}',
        '',
      ].join('\n'),
    },
    client: {
      '.gitignore': 'node_modules\n',
      'package.json': {
        name: 'client',
        scripts: { dev: 'vite' },
        dependencies: { vue: '3' },
        devDependencies: { vite: '5', '@vitejs/plugin-vue': '5' },
      },
      'pnpm-lock.yaml': 'lockfileVersion: 9\n',
      'src/http.ts': 'export const base = import.meta.env.VITE_API_BASE;\n',
      '.env.development': 'VITE_API_BASE=http://localhost:8000/v1\n',
    },
  },
  loose: {
    'compose.yaml': [
      'services:',
      '  server:',
      '    build: ./server',
      '    ports: ["8000:8000"]',
      '    environment:',
      '      DATABASE_URL: postgresql+asyncpg://media:pw@db:5432/media',
      '      CORS_ORIGINS: http://localhost:5173',
      '      MINIO_ENDPOINT: minio:9000',
      '      MINIO_SECRET_KEY: minio123',
      '  db:',
      '    image: postgis/postgis:16-3.4',
      '    environment: { POSTGRES_USER: media, POSTGRES_PASSWORD: pw, POSTGRES_DB: media }',
      '  minio:',
      '    image: minio/minio:latest',
      '    command: server /data --console-address :9001',
      '    environment: { MINIO_ROOT_USER: minio, MINIO_ROOT_PASSWORD: minio123 }',
      '    ports: ["9000:9000", "9001:9001"]',
      '    volumes: ["minio:/data"]',
      'volumes: { minio: {} }',
      '',
    ].join('\n'),
  },
  needs: {
    shared: { postgres: { user: 'media', password: 'pw', database: 'media' }, minio: {} },
    compose: { postgres: /postgis\/postgis:16-3\.4/, minio: /minio\/minio/ },
    repos: { server: { setup: /pip install .*-r requirements\.txt/, migrate: /alembic upgrade head/ } },
    services: {
      server: {
        repo: 'server',
        image: /^python:3/,
        command: /uvicorn app\.main:app .*--port \$(\{port\.http\}|PORT)/,
        baseline: 8000,
        ready: '/healthz',
        env: {
          DATABASE_URL:
            'postgresql+asyncpg://${postgres.user}:${postgres.password}@${postgres.host}:${postgres.port}/${postgres.database}',
          CORS_ORIGINS: origins('client'),
          MINIO_ENDPOINT: '${minio.host}:${minio.port.api}',
          MINIO_SECRET_KEY: secret('MINIO_SECRET_KEY', 'minio123'),
        },
      },
      client: {
        repo: 'client',
        image: /^node:/,
        command: vite('corepack pnpm dev'),
        env: { VITE_API_BASE: '${server.url}/v1' },
      },
    },
  },
};
