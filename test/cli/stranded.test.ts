import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

/** Puts a call of the file system in place of the real one that never comes back, and that Node does not wait for. */
const NEVER = `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const real = fs.promises[process.env.NEVER_CALL];
fs.promises[process.env.NEVER_CALL] = (...args) =>
  String(args[0]).endsWith(process.env.NEVER_FILE) ? new Promise(() => {}) : real(...args);
syncBuiltinESMExports();
`;

describe('a command that waits for what will never come', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
    writeFileSync(path.join(shop.folder, 'never.mjs'), NEVER);
  });
  afterEach(() => shop.dispose());

  const without = (call: string, file: string): Record<string, string> => ({
    NODE_OPTIONS: `--import ${path.join(shop.folder, 'never.mjs')}`,
    ...{ NEVER_CALL: call, NEVER_FILE: file },
  });

  it('is an error, and what it began in a step is unwound', async () => {
    const before = shop.photograph().replace(/^records: .*$/m, '');
    const run = await shop.stack(['create', 'feat-01', '--no-start', '--json'], {
      env: without('mkdir', 'feat-01/front'),
    });
    expect(run.code).toBe(1);
    expect(JSON.parse(run.stdout).error).toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/never come/),
    });
    expect(shop.state()?.instances).toEqual({});
    expect(shop.photograph().replace(/^records: .*$/m, '')).toBe(before);
  });

  it.each([[['--json']], [[]]])('is an error between the steps too %j', async (flags) => {
    const run = await shop.stack(['ps', ...flags], { env: without('realpath', '/shop') });
    expect(run.code).toBe(1);
    const told = flags.length > 0 ? JSON.parse(run.stdout).error.message : run.stderr.split('\n')[0];
    expect(told).toContain('stack waits for an answer that will never come');
  });
});
