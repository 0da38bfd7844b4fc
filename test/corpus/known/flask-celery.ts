import { origins, type Product, postgresqlUrl, reach, secret, vite } from '../product.ts';

const stores = {
  DATABASE_URL: postgresqlUrl,
  CELERY_BROKER_URL: '${redis.url}',
  SECRET_KEY: secret('SECRET_KEY', 'change-me'),
  PYTHONUNBUFFERED: '1',
};

export const product: Product = {
  about:
    'Flask that is made by a function, with migrations, `.flaskenv` and a Celery worker in the Procfile, React in front',
  repos: {
    web: {
      '.gitignore': 'node_modules\n',
      'package.json': {
        name: 'web',
        scripts: { dev: 'vite' },
        dependencies: { 'react-dom': '^18.3.0' },
        devDependencies: { vite: '^5.4.0' },
      },
      'package-lock.json': { lockfileVersion: 3 },
      'src/api.ts': `export const api = import.meta.env.VITE_API_URL;\n`,
    },
    parcels: {
      '.gitignore': '.venv\n',
      'requirements.txt':
        'Flask==3.0.3\nFlask-Migrate==4.0.7\nFlask-SQLAlchemy==3.1.1\npsycopg2==2.9.9\ncelery==5.4.0\nredis==5.1.1\n',
      '.flaskenv': 'FLASK_APP=parcels.py\nFLASK_RUN_PORT=5050\n',
      Procfile:
        'web: gunicorn parcels:app\nrelease: flask db upgrade\nworker: celery -A app.tasks worker --loglevel=info\n',
      'parcels.py': 'from app import create_app\n\napp = create_app()\n',
      'config.py': [
        'import os',
        '',
        'class Config:',
        "    SECRET_KEY = os.environ['SECRET_KEY']",
        "    SQLALCHEMY_DATABASE_URI = os.environ.get('DATABASE_URL')",
        "    CELERY_BROKER_URL = os.environ.get('CELERY_BROKER_URL', 'redis://localhost:6379/0')",
        "    CORS_ORIGINS = os.environ.get('CORS_ORIGINS', '').split(',')",
        '',
      ].join('\n'),
      '.env.example': 'SECRET_KEY=change-me\nDATABASE_URL=postgresql://parcels:parcels@localhost:5432/parcels\n',
      'app/__init__.py': [
        'from flask import Flask',
        'from flask_migrate import Migrate',
        '',
        'def create_app():',
        '    app = Flask(__name__)',
        '    from app.status import bp as status_bp',
        "    app.register_blueprint(status_bp, url_prefix='/api')",
        '    return app',
        '',
      ].join('\n'),
      'app/status.py': [
        'from flask import Blueprint',
        '',
        "bp = Blueprint('status', __name__)",
        '',
        "@bp.route('/health')",
        'def health():',
        "    return {'ok': True}",
        '',
      ].join('\n'),
      'app/tasks.py': "from celery import Celery\n\ncelery = Celery('parcels')\n",
    },
  },
  needs: {
    shared: { postgres: { database: 'parcels' }, redis: {} },
    repos: {
      web: { setup: 'npm ci' },
      parcels: { setup: /pip install -r requirements\.txt/, migrate: /flask db upgrade$/ },
    },
    services: {
      web: { repo: 'web', image: /^node:/, command: vite('npm run dev'), env: { VITE_API_URL: reach('parcels') } },
      parcels: {
        repo: 'parcels',
        // psycopg2 is compiled.
        image: /^python:3\.\d+$/,
        command: /flask --app parcels(:app|\.py)? run --host \$\{bind\} --port \$PORT/,
        baseline: 5050,
        ready: '/api/health',
        env: { ...stores, CORS_ORIGINS: origins('web') },
      },
      worker: { repo: 'parcels', image: /^python:3\.\d+$/, command: /celery -A app\.tasks worker/, env: stores },
    },
  },
};
