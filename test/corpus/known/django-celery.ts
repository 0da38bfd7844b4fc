import { type Product, reach, secret } from '../product.ts';

const stores = {
  DATABASE_URL: '${postgres.url}',
  CELERY_BROKER_URL: '${redis.url}',
  DJANGO_SECRET_KEY: secret('DJANGO_SECRET_KEY', 'not-for-production'),
  PYTHONUNBUFFERED: '1',
};

export const product: Product = {
  about: 'Django with requirements in a folder and a Celery app that no Procfile names, Astro in front',
  repos: {
    pages: {
      '.gitignore': 'node_modules\n',
      'package.json': { name: 'pages', scripts: { dev: 'astro dev' }, dependencies: { astro: '^4.16.0' } },
      'package-lock.json': { lockfileVersion: 3 },
      'astro.config.mjs': 'export default { output: "server" };\n',
      'src/pages/index.astro': `---\nawait fetch(import.meta.env.PUBLIC_API_URL);\n---\n`,
      'src/pages/healthz.ts': `export const GET = () => new Response('ok');\n`,
    },
    clinic: {
      '.gitignore': '.venv\n.env\n',
      'requirements/base.txt':
        'Django==5.1.2\ndjango-environ==0.11.2\npsycopg[binary]==3.2.3\ncelery==5.4.0\nredis==5.1.1\n',
      'requirements/local.txt': '-r base.txt\npytest==8.3.3\n',
      'requirements/production.txt': '-r base.txt\ngunicorn==23.0.0\n',
      '.python-version': '3.12\n',
      '.env.example': [
        'DATABASE_URL=postgresql://clinic:clinic@localhost:5432/clinic',
        'CELERY_BROKER_URL=redis://localhost:6379/0',
        'DJANGO_SECRET_KEY=not-for-production',
        '',
      ].join('\n'),
      'manage.py': `os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')\n`,
      'config/settings.py': [
        'import environ',
        'env = environ.Env()',
        "SECRET_KEY = env('DJANGO_SECRET_KEY')",
        "DATABASES = {'default': env.db('DATABASE_URL')}",
        "CELERY_BROKER_URL = env('CELERY_BROKER_URL')",
        '',
      ].join('\n'),
      'config/celery_app.py': "from celery import Celery\n\napp = Celery('config')\napp.autodiscover_tasks()\n",
      'config/urls.py': "urlpatterns = [path('api/', include('visits.urls'))]\n",
      'visits/urls.py': "urlpatterns = [path('status/', status)]\n",
    },
  },
  needs: {
    shared: { postgres: { database: 'clinic' }, redis: {} },
    repos: {
      pages: { setup: 'npm ci' },
      clinic: { setup: /pip install -r requirements\/local\.txt/, migrate: /manage\.py migrate/, env_file: '.env' },
    },
    services: {
      pages: {
        repo: 'pages',
        image: /^node:/,
        command: /^npm run dev -- .*--port/,
        ready: '/healthz',
        env: { PUBLIC_API_URL: reach('clinic') },
      },
      clinic: {
        repo: 'clinic',
        image: /^python:3\.12/,
        command: /manage\.py runserver/,
        baseline: 8000,
        ready: '/api/status/',
        env: stores,
      },
      worker: { repo: 'clinic', image: /^python:3\.12/, command: /celery -A config\.celery_app worker/, env: stores },
    },
  },
};
