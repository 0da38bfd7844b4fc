import { describe, expect, it } from 'vitest';
import { compare } from '../corpus/compare.ts';
import { maybe, origins, type Product } from '../corpus/product.ts';

const product: Product = {
  about: 'a front-end and an API',
  repos: { web: {}, server: {} },
  needs: {
    shared: { postgres: { image: 'postgres:16', database: 'shop' } },
    compose: { mailpit: 'axllent/mailpit' },
    repos: { server: { setup: 'yarn install', migrate: 'yarn migrate' } },
    services: {
      web: { repo: 'web', command: /--port \$PORT/, env: {} },
      server: {
        repo: 'server',
        baseline: 4000,
        container: 4000,
        ready: '/health',
        env: { DATABASE_URL: '${postgres.url}', ORIGINS: origins('web'), LEVEL: maybe('debug') },
      },
    },
  },
};

const right = {
  shared: { postgres: { image: 'postgres:16', database: 'shop' } },
  repos: {
    front: { path: './web' },
    api: { path: './server', setup: ['yarn install'], migrate: ['yarn run migrate'] },
  },
  services: {
    // Names are init's to choose.
    front: { repo: 'front', command: 'vite --port $PORT', env: { PORT: '${port.http}' } },
    api: {
      repo: 'api',
      ports: { http: { baseline: 4000, from: 4001, container: 4000 } },
      ready: { http: '/health' },
      env: { DATABASE_URL: '${postgres.internal_url}', ORIGINS: '${tickets.front.urls}' },
    },
  },
};
const compose = { services: { mailpit: { image: 'axllent/mailpit' } } };

const linesOf = (stack: unknown) => compare(product, stack, compose).map(({ kind, line }) => `${kind} ${line}`);
const withApi = (api: object) => ({
  ...right,
  services: { ...right.services, api: { ...right.services.api, ...api } },
});

describe('lines to change', () => {
  it('are none where each service says what it needs, whatever it is called', () => {
    expect(linesOf(right)).toEqual([]);
  });

  it('count a missing, a wrong and an invented variable', () => {
    const env = { DATABASE_URL: 'postgres://localhost/shop', LEVEL: '${env.LEVEL:-debug}', API_URL: '${api.url}' };
    expect(linesOf(withApi({ env }))).toEqual([
      'wrong services.server.env.DATABASE_URL',
      'missing services.server.env.ORIGINS',
      'invented services.server.env.API_URL',
    ]);
  });

  it('count a line once, however many things are wrong in it', () => {
    expect(linesOf(withApi({ ports: { http: { baseline: 3000, container: 3000 } } }))).toEqual([
      'wrong services.server.ports',
    ]);
  });

  it('count a migration that runs where no service has a database', () => {
    const { api, front } = right.services;
    const admin = { ...front, repo: 'api', dir: 'admin' };
    expect(linesOf({ ...right, services: { admin, front, api } })).toEqual(['invented services.admin']);
    expect(linesOf({ ...right, services: { admin, front } })).toContain('wrong repos.server.migrate');
  });

  it('count every line of a service that is not there, and one of a service that nothing needs', () => {
    const { api, front } = right.services;
    expect(linesOf({ ...right, services: { front, other: { ...api, repo: 'front', dir: 'docs' } } })).toEqual([
      'missing services.server',
      'missing services.server.ports',
      'missing services.server.ready',
      'missing services.server.env.DATABASE_URL',
      'missing services.server.env.ORIGINS',
      'invented services.other',
    ]);
  });

  it('count a shared service that is missing or not needed, and an image that the compose file lacks', () => {
    const stack = { ...right, shared: { redis: {} } };
    expect(compare(product, stack, {}).map(({ kind, line }) => `${kind} ${line}`)).toEqual([
      'missing shared.postgres',
      'invented shared.redis',
      'missing compose.mailpit',
    ]);
  });
});
