import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/domain/config/text.ts';
import { layValues } from '../../../src/domain/values.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import { listSharedPorts } from '../../../src/orchestrator/shared/ports.ts';
import { makeTemp } from '../../support/temp.ts';

async function wish(port: unknown, more = '', env: Record<string, string> = {}): Promise<number | undefined> {
  const text = `name: shop\nshared: { postgres: { ${more} } }\nrepos: { front: { path: front } }\nservices: { front: { repo: front, command: x } }\n`;
  const values = layValues(env);
  const config = parseConfig({ files: [{ path: 'stack.yml', text }], values });
  const readCompose = async () => ({ services: { postgres: { ports: [port] } }, unseen: [] });
  const stack = { root: '/root', packageRoot: '/package', values, readCompose } as unknown as Stack;
  return (await listSharedPorts(stack, config, 'postgres'))[0]?.wished;
}

describe('the port wished for a shared service', () => {
  const byVariable = '127.0.0.1:${DB_PORT:-15432}:5432';
  const long = { target: 5432, published: '${DB_PORT:-15432}', host_ip: '127.0.0.1' };

  it.each([byVariable, long])(
    'is what the compose file takes by default, unless a person says another: %j',
    async (port) => {
      expect(await wish(port)).toBe(15432);
      expect(await wish(port, 'port: 16000')).toBe(16000);
      expect(await wish(port, '', { STACK_POSTGRES_PORT: '16001' })).toBe(16001);
      expect(await wish(port, 'port: 16000', { DB_PORT: '16002' })).toBe(16002);
    },
  );

  it('is not to be known where the compose file cannot be read, and that is said', async () => {
    const root = makeTemp();
    const file = path.join(root, 'services.yml');
    execFileSync('mkfifo', [file]);
    const text = 'name: shop\nshared: { compose: services.yml, search: {} }\n';
    const repos = 'repos: { front: { path: front } }\nservices: { front: { repo: front, command: x } }\n';
    const values = layValues({});
    const config = parseConfig({ files: [{ path: 'stack.yml', text: text + repos }], values });
    const readCompose = async () => ({ services: {}, unseen: [file] });
    const stack = { root, packageRoot: '/package', values, readCompose } as unknown as Stack;
    const told = { code: 'files', message: `cannot read ${file}: it is a named pipe` };
    await expect(listSharedPorts(stack, config, 'search')).rejects.toMatchObject(told);
  });

  it('is the usual one where the compose file says none, and its own where that cannot be another', async () => {
    expect(await wish('127.0.0.1:${DB_PORT}:5432')).toBe(5432);
    expect(await wish('127.0.0.1:15432:5432', 'port: 16000')).toBe(15432);
  });
});
