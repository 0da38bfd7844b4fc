import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findAddresses } from '../../../src/domain/check/address.ts';
import { readFrontConfig } from '../../../src/orchestrator/check/front-config.ts';

describe('what the settings of a dev server say', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'stack-front-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = async (text: string, name = 'vite.config.ts') => {
    writeFileSync(path.join(folder, name), text);
    const { literals, proxied } = await readFrontConfig(folder);
    const addresses = literals.map(({ place, text: line }) => [place, findAddresses('', line)[0]?.port]);
    return { addresses: addresses.filter(([, port]) => port !== undefined), proxied };
  };

  it('is seen behind keys that are expressions, and in functions', async () => {
    const found = await read(`export default defineConfig(() => ({ server: { port: 5173, proxy: {
  '^/api/v[12]/.*': { target: 'http://localhost:4000', rewrite: (at) => at.replace(/^\\/api/, '') },
  '^/auth': 'http://localhost:4001',
  "/files": {
    configure: (proxy, options) => { options.target = \`http://127.0.0.1:4002\`; },
  },
  '/jobs': passOn('http://localhost:4003'),
  [\`^/more/\`]: { router: () => 'http://localhost:4004' },
} } }));\n`);
    expect(found.addresses).toEqual([
      ['vite.config.ts:2', 4000],
      ['vite.config.ts:3', 4001],
      ['vite.config.ts:5', 4002],
      ['vite.config.ts:7', 4003],
      ['vite.config.ts:8', 4004],
    ]);
    expect(found.proxied).toEqual(['/api', '/auth', '/files', '/jobs', '/more']);
  });

  it('is seen where the port stands apart', async () => {
    const found = await read(`const API_PORT = 4000;
const host = 'localhost';
export default { server: { host: 'localhost', port: 5173, proxy: {
  '/one': \`http://\${host}:\${API_PORT}\`,
  '/two': 'http://localhost:' + API_PORT,
  '/three': { target: { host: 'localhost', port: 4001 } },
  '/four': { target: {
    protocol: 'http:',
    port: API_PORT,
    host,
  } },
} } };\n`);
    expect(found.addresses).toEqual([
      ['vite.config.ts:4', 4000],
      ['vite.config.ts:5', 4000],
      ['vite.config.ts:6', 4001],
      ['vite.config.ts:7', 4000],
    ]);
    expect(found.proxied).toEqual(['/one', '/two', '/three', '/four']);
  });

  it('is nothing where a variable has the first word, and in comments', async () => {
    const found = await read(`// proxy: 'http://localhost:4000'
const target = process.env.API ?? 'http://localhost:4000';
export default { resolve: { alias: { '/@': '/src' } }, server: { proxy: { '/api': { target } } } };\n`);
    expect(found).toEqual({ addresses: [], proxied: ['/api'] });
  });
});
