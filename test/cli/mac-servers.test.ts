import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canBeMac, type MacWorld, macEnv } from '../support/mac.ts';
import { isRunning } from '../support/process-world.ts';
import { makeShop, openShop, type Shop, shopConfig } from '../support/shop.ts';

describe.skipIf(!canBeMac)('on a Mac a server without an engine', { sequential: true }, () => {
  let shop: Shop;
  let stranger: ChildProcess;
  const PID_FILE = '.stack/shared/redis/redis.pid';
  const pid = () => Number(shop.read(PID_FILE));
  const up = (world: MacWorld = 'usual') => shop.stack(['up'], { env: macEnv(world) });
  const wish = (port: number) => shop.configure((text) => text.replace(/redis: \{[^}]*\}/, `redis: { port: ${port} }`));

  beforeAll(async () => {
    const { folder, root, env } = makeShop();
    const named = path.join(folder, 'josé');
    renameSync(root, named);
    shop = openShop(folder, named, { ...env, ...macEnv(), LANG: 'C' });
    shop.write('stack.yml', `${shopConfig(shop.port).replaceAll(/, to: \d+/g, '')}shared: { redis: {} }\n`);
    wish(shop.port + 18);
    stranger = spawn('sleep', ['1000'], { cwd: shop.root, stdio: 'ignore' });
    await once(stranger, 'spawn');
  });
  afterAll(async () => {
    stranger?.kill('SIGKILL');
    await shop?.dispose();
  });

  it.each(['usual', 'no-lsof', 'sandbox'] as const)(
    'is known in a folder with other letters, and left alone: %s',
    async (world) => {
      expect(await up()).toMatchObject({ code: 0 });
      const before = pid();
      expect(await up(world)).toMatchObject({ code: 0 });
      expect(pid()).toBe(before);
      expect(shop.state()?.shared.redis?.port).toBe(shop.port + 18);
    },
  );

  it('is ended before another is started on its data', async () => {
    const before = pid();
    wish(shop.port + 17);
    expect(await up('no-lsof')).toMatchObject({ code: 0 });
    expect([before, pid()].map(isRunning)).toEqual([false, true]);
  });

  it('keeps the port that stack.yml asks for, where the state tells of another', async () => {
    const before = pid();
    const { shared, ...state } = shop.state()!;
    const port = shop.port + 16;
    // As a command leaves it that was to move the server and could not.
    shop.write(
      '.stack/state.json',
      JSON.stringify({ ...state, shared: { redis: { ...shared.redis, port, wished: port } } }),
    );
    expect(await up()).toMatchObject({ code: 0 });
    expect({ pid: pid(), port: shop.state()?.shared.redis?.port }).toEqual({ pid: before, port: shop.port + 17 });
  });

  it('is not started where nobody can see whether one serves its data', async () => {
    expect(await shop.stack(['down', '--yes'])).toMatchObject({ code: 0 });
    shop.write(PID_FILE, `${stranger.pid}\n`);
    const { code, stderr } = await up('no-lsof');
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot see who uses a folder'),
    });
    expect(isRunning(stranger.pid ?? 0)).toBe(true);
    expect(await up()).toMatchObject({ code: 0 });
    expect(pid()).not.toBe(stranger.pid);
  });
});
