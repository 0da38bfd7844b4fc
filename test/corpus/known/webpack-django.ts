import { onPort, type Product, secret } from '../product.ts';

const stores = {
  DATABASE_URL: '${postgres.url}',
  REDIS_URL: '${redis.url}',
  SECRET_KEY: secret('SECRET_KEY', 'for-development-only'),
  PYTHONUNBUFFERED: '1',
};

export const product: Product = {
  about: 'one repo: webpack and Poetry list their packages at its top, Django and its Celery app are in a folder below',
  name: 'surveys',
  repos: {
    '.': {
      '.gitignore': 'node_modules\n.venv\n.env\n',
      'package.json': {
        name: 'surveys-pages',
        scripts: { dev: 'webpack serve --mode=development --hot', build: 'webpack --mode=production' },
        dependencies: { 'react-dom': '^18.3.0' },
        devDependencies: { webpack: '^5.90.0', 'webpack-dev-server': '^5.0.0' },
      },
      'pnpm-lock.yaml': 'lockfileVersion: 9.0\n',
      'webpack.config.js': 'module.exports = { entry: "./frontend/index.js", devServer: { port: 3000 } };\n',
      'frontend/index.js': "fetch('/api/surveys');\n",
      'pyproject.toml': [
        '[tool.poetry]',
        'name = "surveys"',
        'package-mode = false',
        '',
        '[tool.poetry.dependencies]',
        'python = "^3.12"',
        'Django = "^5.1"',
        'celery = "^5.4"',
        'psycopg = "^3.2"',
        '',
        '[build-system]',
        'requires = ["poetry-core"]',
        'build-backend = "poetry.core.masonry.api"',
        '',
      ].join('\n'),
      'backend/.env.example': 'DATABASE_URL=postgres://surveys:pass@db:5432/surveys\nREDIS_URL=redis://broker:6379/0\n',
      'backend/manage.py': "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'surveys.settings')\n",
      'backend/surveys/settings.py': [
        'from decouple import config',
        "SECRET_KEY = config('SECRET_KEY')",
        "DATABASES = {'default': db_url(config('DATABASE_URL'))}",
        "CELERY_BROKER_URL = config('REDIS_URL')",
        '',
      ].join('\n'),
      'backend/surveys/urls.py': "urlpatterns = [path('healthz/', ok)]\n",
      'backend/surveys/celery.py': "from celery import Celery\n\napp = Celery('surveys')\n",
    },
  },
  needs: {
    shared: { postgres: {}, redis: {} },
    repos: {
      '.': {
        setup: /pip install poetry && .*poetry install/,
        migrate: /^cd backend && \.\.\/\.venv\/bin\/python manage\.py migrate/,
      },
    },
    services: {
      surveys: {
        repo: '.',
        image: /^node:/,
        command: new RegExp(`pnpm install.*&& ${onPort('corepack pnpm dev').source.slice(1)}`),
        baseline: 3000,
        ready: '/',
      },
      backend: {
        repo: '.',
        dir: 'backend',
        image: /^python:/,
        command: /^\.\.\/\.venv\/bin\/python manage\.py runserver/,
        baseline: 8000,
        ready: '/healthz/',
        env: stores,
      },
      worker: {
        repo: '.',
        dir: 'backend',
        image: /^python:/,
        command: /^\.\.\/\.venv\/bin\/python -m celery -A surveys\.celery worker/,
        env: stores,
      },
    },
  },
};
