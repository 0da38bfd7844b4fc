import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/domain/config/resolved.ts';
import { layValues } from '../../../src/domain/values.ts';

const MAIN = `name: shop
runtime: process
shared: { postgres: { url: '\${env.DB_URL}', password: plain } }
repos:
  api: { path: ./api, setup: ['npm ci --token \${env.TOKEN}'] }
services:
  api:
    repo: api
    command: npm start
    ports: { http: { from: '\${env.FIRST:-4000}' } }
    env: { API_KEY: abc, MONGO: 'mongodb://me:pw@db/x', PORT: '\${port.http}', X: 'a \${env.X:-b}' }
`;

const resolve = (local = '') =>
  resolveConfig(
    {
      files: [
        { path: 'stack.yml', text: MAIN },
        { path: 'stack.local.yml', text: local },
      ],
      values: layValues({ TOKEN: 'hush' }, { DB_URL: 'postgres://me:pw@db/x', X: 'y' }),
    },
    (name) => name === 'TOKEN',
  );
const byKey = (local?: string) => Object.fromEntries(resolve(local).map(({ key, ...rest }) => [key, rest]));

describe('every value of a config', () => {
  it('has the file and line that it comes from, the last file’s first', () => {
    expect(byKey('runtime: docker\nservices:\n  api: { image: x }\n')).toMatchObject({
      name: { value: 'shop', from: 'stack.yml:1' },
      runtime: { value: 'docker', from: 'stack.local.yml:1' },
      'services.api.image': { value: 'x', from: 'stack.local.yml:3' },
      'services.api.command': { value: 'npm start', from: 'stack.yml:9' },
    });
  });

  it('is filled in, with the variables and what told them', () => {
    expect(byKey()['services.api.ports.http.from']).toEqual({
      ...{ value: 4000, from: 'stack.yml:10' },
      variables: [{ name: 'FIRST', from: 'default' }],
    });
  });

  it('is a default where nobody wrote it', () => {
    expect(byKey()).toMatchObject({
      'services.api.ports.http.to': { value: 4998, from: 'default' },
      'services.api.ready.timeout': { value: '60s', from: 'default' },
      'repos.api.shared': { value: false, from: 'default' },
    });
  });

  it('shows no secret: neither a literal one, nor what a variable may hold that is handed on', () => {
    expect(byKey()).toMatchObject({
      'shared.postgres.password': { value: '***' },
      'shared.postgres.url': { value: '${env.DB_URL}', variables: [{ name: 'DB_URL', from: '.env' }] },
      'services.api.env.API_KEY': { value: '***' },
      'services.api.env.MONGO': { value: 'mongodb://me:***@db/x' },
      'services.api.env.PORT': { value: '${port.http}' },
      'services.api.env.X': { value: 'a ${env.X:-b}', variables: [{ name: 'X', from: '.env' }] },
    });
    const named = 'services: { api: { env: { MYSQL_PWD: x1, DB_PW: x2, PWA: shown } } }';
    expect(byKey(named)).toMatchObject({
      'services.api.env.MYSQL_PWD': { value: '***' },
      'services.api.env.DB_PW': { value: '***' },
      'services.api.env.PWA': { value: 'shown' },
    });
    expect(JSON.stringify(resolve())).not.toMatch(/hush|pw@|plain|abc/);
  });
});
