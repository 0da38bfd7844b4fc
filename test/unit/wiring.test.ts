import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/domain/config/text.ts';
import type { InstanceRecord } from '../../src/domain/instance.ts';
import type { RuntimeName } from '../../src/domain/runtime.ts';
import { layValues } from '../../src/domain/values.ts';
import { resolveName, type Wiring } from '../../src/domain/wiring.ts';

const text = `
name: shop
shared: { postgres: { user: me, password: "p@ss/word", database: shop }, redis: {} }
repos: { front: { path: front }, api: { path: api, shared: true } }
services:
  api: { repo: api, command: x, ports: { http: { baseline: 3000, from: 4001, container: 80 }, debug: { from: 9229 } } }
  front: { repo: front, command: x, ports: { http: { from: 3001, container: 8080 } } }
`;
const config = parseConfig({ files: [{ path: 'stack.yml', text }], values: layValues() });

function record(ticket: string, front: RuntimeName | undefined, api: RuntimeName | undefined): InstanceRecord {
  const service = (repo: string, runtime: RuntimeName, host: number, container: number) => ({
    repo,
    runtime,
    workload: repo,
    alias: `${repo}.${ticket}`,
    ports: { http: { host, container: runtime === 'docker' ? container : host } },
    volumes: {},
  });
  return {
    ...{ ticket, argument: ticket, createdAt: '', phase: 'ready', started: true, folder: '' },
    repos: {},
    services: {
      ...(front && { front: service('front', front, 3002, 8080) }),
      ...(api && { api: service('api', api, ticket === 'baseline' ? 3000 : 4001, 80) }),
    },
  };
}

function wire(front: RuntimeName, own: RuntimeName | undefined, baseline: RuntimeName = 'docker'): Wiring {
  return {
    ...{ config, values: layValues(), root: '/root' },
    record: record('feat-02', front, own),
    baseline: record('baseline', undefined, baseline),
    tickets: {},
    shared: { postgres: { port: 5433, provider: 'compose' }, redis: { port: 6380, provider: 'compose' } },
  };
}

describe('what ${…} stands for', () => {
  it.each([
    ['docker', 'docker', 'http://api.feat-02:80'],
    ['docker', 'process', 'http://host.docker.internal:4001'],
    ['process', 'docker', 'http://127.0.0.1:4001'],
    ['process', 'process', 'http://localhost:4001'],
  ] as const)('a %s front reaches its own %s API at %s', (front, api, url) => {
    expect(resolveName(wire(front, api), 'front', 'api.internal_url')).toBe(url);
    expect(resolveName(wire(front, api), 'front', 'api.url')).toBe('http://localhost:4001');
  });

  it.each([
    ['docker', '0.0.0.0'],
    ['process', '127.0.0.1'],
  ] as const)('a server of a %s service listens on %s', (runtime, address) => {
    expect(resolveName(wire(runtime, undefined), 'front', 'bind')).toBe(address);
  });

  it('leads to the baseline where the ticket borrows', () => {
    expect(resolveName(wire('docker', undefined), 'front', 'api.internal_url')).toBe('http://api.baseline:80');
    expect(resolveName(wire('docker', undefined), 'front', 'api.url')).toBe('http://localhost:3000');
  });

  it('names the shared services by alias inside, by lease outside, with the credentials encoded', () => {
    expect(resolveName(wire('docker', 'docker'), 'api', 'postgres.url')).toBe(
      'postgres://me:p%40ss%2Fword@postgres:5432/shop',
    );
    expect(resolveName(wire('process', 'process'), 'api', 'postgres.url')).toBe(
      'postgres://me:p%40ss%2Fword@127.0.0.1:5433/shop',
    );
    expect(resolveName(wire('process', 'process'), 'api', 'redis.url')).toBe('redis://127.0.0.1:6380');
  });

  it.each([
    ['docker', 'compose', 'redis://redis.feat-02:6379'],
    ['process', 'compose', 'redis://127.0.0.1:6391'],
    ['process', 'embedded', 'redis://127.0.0.1:6391'],
    ['docker', 'embedded', 'redis://host.docker.internal:6391'],
  ] as const)('a %s service reaches the ticket’s own %s Redis at %s', (runtime, provider, url) => {
    const wiring = wire('docker', runtime);
    const server = {
      as: 'server',
      provider,
      port: 6391,
      container: 6379,
      workload: 'x',
      alias: 'redis.feat-02',
    } as const;
    const own = { redis: server };
    const resolve = (name: string) => resolveName({ ...wiring, record: { ...wiring.record, own } }, 'api', name);
    expect(resolve('redis.url')).toBe(url);
    expect(`redis://${resolve('redis.host')}:${resolve('redis.port')}`).toBe(url);
    expect([resolve('redis.db'), resolve('redis.prefix')]).toEqual(['0', 'feat-02:']);
  });

  it('gives a service the port it listens on: its container’s, or its lease', () => {
    expect(resolveName(wire('docker', 'docker'), 'front', 'port.http')).toBe('8080');
    expect(resolveName(wire('process', 'docker'), 'front', 'port.http')).toBe('3002');
  });

  it('is nothing for names that lead nowhere', () => {
    expect(resolveName(wire('docker', 'docker'), 'front', 'worker.url')).toBeUndefined();
    expect(resolveName(wire('docker', 'docker'), 'front', 'api.colour')).toBeUndefined();
  });
});
