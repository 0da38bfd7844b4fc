import { describe, expect, it } from 'vitest';
import { planPorts } from '../../../src/orchestrator/init/detect/plan-ports.ts';
import type { Role } from '../../../src/orchestrator/init/detect/project.ts';
import type { Variable } from '../../../src/orchestrator/init/detect/variables.ts';
import { wireAddress } from '../../../src/orchestrator/init/detect/wire-addresses.ts';
import { wireStore } from '../../../src/orchestrator/init/detect/wire-stores.ts';

describe('wireStore', () => {
  const wire = (name: string, value = '', stores = ['postgres', 'redis']) =>
    wireStore({ name, values: value === '' ? [] : [value] }, stores);

  it.each([
    ['DATABASE_URL', 'postgres://u:p@localhost/x', '${postgres.url}'],
    ['ANYTHING', 'postgresql://u:p@localhost/x?schema=public', '${postgres.url}?schema=public'],
    [
      'SPRING_DATASOURCE_URL',
      'jdbc:postgresql://localhost:5432/x',
      'jdbc:postgresql://${postgres.host}:${postgres.port}/${postgres.database}',
    ],
    [
      'DATABASE_URL',
      'postgresql+asyncpg://u:p@db/x',
      'postgresql+asyncpg://${postgres.user}:${postgres.password}@${postgres.host}:${postgres.port}/${postgres.database}',
    ],
    ['DATABASE_URL', '', '${postgres.url}'],
    ['DATABASE_URL', 'postgresql://u:p@db.far/x?sslmode=require&schema=a&password=p', '${postgres.url}?schema=a'],
    ['DATABASE_URL', 'postgresql://u:p@${DB_HOST}/${DB}?schema=${SCHEMA}', '${postgres.url}'],
    ['DATABASE_URL', 'mysql://u:p@localhost/x', undefined],
    ['DATABASE_URL', 'sqlite:///x.db', undefined],
    ['CELERY_BROKER_URL', 'redis://localhost:6379/1', '${redis.url}'],
    ['DB_HOST', 'localhost', '${postgres.host}'],
    ['DB_PORT', '5432', '${postgres.port}'],
    ['DB_PORT', '3306', undefined],
    ['DATABASE_USERNAME', 'root', '${postgres.user}'],
    ['POSTGRES_DB', 'x', '${postgres.database}'],
    ['PGHOST', '', '${postgres.host}'],
    ['TYPEORM_DATABASE', 'x', '${postgres.database}'],
    ['SPRING_DATASOURCE_PASSWORD', '', '${postgres.password}'],
    ['APP_DB_NAME', 'x', '${postgres.database}'],
    ['REDIS_HOST', 'localhost', '${redis.host}'],
    ['TEST_DATABASE_URL', 'postgres://localhost/test', undefined],
    ['DATABASE_TYPE', 'postgres', undefined],
    ['DATABASE_LOGGING', 'true', undefined],
    ['MYSQL_HOST', 'localhost', undefined],
    ['DB_POOL_SIZE', '5', undefined],
  ])('%s=%s gets %s', (name, value, text) => {
    expect(wire(name, value)).toBe(text);
  });

  it('knows no store that the service does not use', () => {
    expect(wire('DATABASE_URL', 'postgres://localhost/x', ['redis'])).toBeUndefined();
  });
});

describe('wireAddress', () => {
  const servers = [
    { name: 'front', role: 'front' as Role, port: 8000 },
    { name: 'api', role: 'api' as Role, port: 9000 },
    { name: 'billing', role: 'api' as Role, port: 9100 },
  ];
  const wire = (self: string, name: string, value: string, more: Partial<Variable> = {}) => {
    const own = servers.find((server) => server.name === self)!;
    const variable = {
      name,
      values: value === '' ? [] : [value],
      readIn: [],
      form: undefined,
      isSet: false,
      hasDefault: false,
      ...more,
    };
    return wireAddress(variable, {
      self: own,
      servers,
      prefix: own.role === 'front' ? 'VITE_' : undefined,
      words: ['SHOP'],
    });
  };

  it.each([
    ['VITE_API_URL', 'http://localhost:9000/v1', '${api.url}/v1'],
    ['VITE_API_URL', 'http://localhost:9000/v1/', '${api.url}/v1/'],
    ['VITE_API_HOST', 'https://x', '${api.url}'],
    ['VITE_API_URL', '', '${api.url}'],
    ['VITE_BACKEND', 'http://localhost:1234', '${api.url}'],
    ['VITE_SHOP_BACKEND_URL', 'https://api.shop.test', '${api.url}'],
    ['VITE_BILLING_URL', 'http://localhost:9100', '${billing.url}'],
    ['VITE_BILLING_API_URL', '', '${billing.url}'],
    ['VITE_WS_URL', 'ws://localhost:9000/live', 'ws://${api.host}:${api.port}/live'],
    ['VITE_API_HOST', 'localhost:9000', '${api.host}:${api.port}'],
    ['API_URL', 'http://localhost:9000', '${api.internal_url}'],
    ['VITE_GOOGLE_API_URL', 'https://maps.google.test', undefined],
    ['VITE_API_KEY', 'x', undefined],
    ['VITE_API_PREFIX', '/api', undefined],
    ['VITE_SITE_URL', 'http://localhost:8000', '${front.url}'],
  ])('on a front-end %s=%s gets %s', (name, value, text) => {
    expect(wire('front', name, value)).toBe(text);
  });

  it('tells what a browser asks from what the tool asks', () => {
    expect(wire('front', 'VITE_API_URL', '', { readIn: ['vite.config.ts'] })).toBe('${api.internal_url}');
    expect(wire('front', 'VITE_API_URL', '', { readIn: ['vite.config.ts', 'src/a.ts'] })).toBe('${api.url}');
  });

  it.each([
    ['ALLOWED_ORIGINS', 'http://localhost:8000', '${tickets.front.urls}'],
    ['STORE_CORS', 'http://localhost:8000', '${tickets.front.urls}'],
    ['ADMIN_CORS', 'http://localhost:7001,http://localhost:9000', '${api.url},${tickets.front.urls}'],
    ['CORS_ORIGIN', 'http://localhost:8000', '${front.url}'],
    ['CORS_ORIGIN', '*', undefined],
    ['CORS_ENABLED', 'true', undefined],
    ['FRONTEND_DOMAIN', 'http://localhost:9000', '${front.url}'],
    ['CLIENT_URL', '', '${front.url}'],
    ['BACKEND_DOMAIN', 'http://localhost:9000', '${api.url}'],
    ['BILLING_URL', 'http://localhost:9100', '${billing.internal_url}'],
    ['BILLING_URL', 'http://billing:9100', '${billing.internal_url}'],
    ['APP_URL', 'http://localhost:8000', '${front.url}'],
    ['SENTRY_URL', 'https://sentry.test', undefined],
  ])('on an API %s=%s gets %s', (name, value, text) => {
    expect(wire('api', name, value)).toBe(text);
  });

  it.each([
    ['SERVER_HOST', '0.0.0.0', '${bind}'],
    ['HTTP_ADDR', '0.0.0.0:9000', '${bind}:${port.http}'],
    ['API_HOST', '0.0.0.0:9100', '${billing.internal_host}:${billing.internal_port}'],
  ])('on an API %s=%s, where something listens, gets %s', (name, value, text) => {
    expect(wire('api', name, value)).toBe(text);
  });

  it('gives all origins where the code takes a list, and one where it takes JSON', () => {
    expect(wire('api', 'CORS_ORIGIN', '', { form: 'list' })).toBe('${tickets.front.urls}');
    expect(wire('api', 'CORS_ORIGINS', '', { form: 'json' })).toBe('["${front.url}"]');
  });
});

describe('planPorts', () => {
  const plan = (...services: [Role, number][]) =>
    planPorts(services.map(([role, value]) => ({ role, project: { port: { value, variable: 'PORT' } } }))).map(
      (port) => [port?.baseline, port?.from],
    );

  it('leaves the main checkout what its programs have', () => {
    expect(plan(['front', 5173], ['api', 4000], ['other', 9000])).toEqual([
      [5173, 3001],
      [4000, 4001],
      [9000, 5001],
    ]);
  });

  it('prefers the API where two have the same, and gives one that cannot have its own another', () => {
    expect(plan(['front', 3000], ['api', 3000])).toEqual([
      [undefined, 3001],
      [3000, 4001],
    ]);
    expect(plan(['front', 5173], ['api', 80])).toEqual([
      [5173, 3001],
      [3000, 4001],
    ]);
  });

  it('keeps tickets off the baseline’s ports', () => {
    expect(plan(['front', 3000], ['api', 3001])).toEqual([
      [3000, 3101],
      [3001, 4001],
    ]);
  });
});
