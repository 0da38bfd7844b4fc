import { type Product, reach, secret } from '../product.ts';

export const product: Product = {
  about: 'FastAPI with a class of settings and asyncpg, SvelteKit in front, one repo',
  name: 'notes',
  repos: {
    '.': {
      '.gitignore': 'node_modules\n.venv\n.env\n',
      'frontend/package.json': {
        name: 'frontend',
        type: 'module',
        scripts: { dev: 'vite dev', build: 'vite build' },
        devDependencies: { '@sveltejs/kit': '^2.8.0', svelte: '^5.0.0', vite: '^5.4.0' },
      },
      'frontend/package-lock.json': { lockfileVersion: 3 },
      'frontend/src/lib/api.ts': `import { PUBLIC_API_URL } from '$env/static/public';\nexport const api = PUBLIC_API_URL;\n`,
      'frontend/src/routes/+page.server.ts': `import { API_URL } from '$env/static/private';\n`,
      'frontend/.env.example': 'PUBLIC_API_URL=http://localhost:8000\nAPI_URL=http://localhost:8000\n',
      'backend/requirements.txt':
        'fastapi==0.115.5\nuvicorn[standard]==0.32.1\nasyncpg==0.30.0\npydantic-settings==2.6.1\nalembic==1.14.0\n',
      'backend/alembic.ini': '[alembic]\nscript_location = alembic\n',
      'backend/.env.sample':
        'DATABASE_URL=postgresql+asyncpg://notes:notes@localhost:5432/notes_dev\nSECRET_KEY=changethis\n',
      'backend/app/config.py': [
        'from pydantic_settings import BaseSettings, SettingsConfigDict',
        '',
        'class Settings(BaseSettings):',
        '    model_config = SettingsConfigDict(env_file=".env")',
        '    database_url: str',
        '    secret_key: str',
        '    cors_origins: list[str] = ["http://localhost:5173"]',
        '',
      ].join('\n'),
      'backend/app/main.py': [
        'from fastapi import FastAPI',
        'from app.routers import health',
        '',
        'app = FastAPI()',
        'app.include_router(health.router, prefix="/api")',
        '',
      ].join('\n'),
      'backend/app/routers/health.py': '@router.get("/healthz")\nasync def healthz(): ...\n',
    },
  },
  needs: {
    shared: { postgres: { database: 'notes_dev' } },
    repos: { '.': { setup: /npm ci|pip install/, migrate: /alembic upgrade head/ } },
    services: {
      frontend: {
        repo: '.',
        dir: 'frontend',
        image: /^node:/,
        command: /npm run dev -- --host \$\{bind\} --port \$PORT/,
        env: { PUBLIC_API_URL: reach('backend'), API_URL: '${backend.internal_url}' },
      },
      backend: {
        repo: '.',
        dir: 'backend',
        image: /^python:3/,
        command: /uvicorn app\.main:app .*--port \$PORT/,
        baseline: 8000,
        ready: '/api/healthz',
        env: {
          DATABASE_URL: /^postgresql\+asyncpg:\/\/\$\{postgres\.user\}:.*\/\$\{postgres\.database\}$/,
          SECRET_KEY: secret('SECRET_KEY', 'changethis'),
          CORS_ORIGINS: '["${frontend.url}"]',
        },
      },
    },
  },
};
