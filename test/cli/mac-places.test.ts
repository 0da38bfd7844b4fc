import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeEngine, leaveSockets, openFakeEngine } from '../support/fake-engine.ts';
import { canBeMac, macEnv } from '../support/mac.ts';
import { makeShop, type Shop } from '../support/shop.ts';

const hasSystemEngine = existsSync('/var/run/docker.sock');
if (hasSystemEngine) console.warn('\n!!! SKIPPED: the engine at /var/run/docker.sock would answer before others\n');

/** As an editor that was started from the Dock starts it: a short PATH, and nothing that names an engine. */
describe.skipIf(hasSystemEngine || !canBeMac)('on macOS', () => {
  let shop: Shop;
  let home: string;
  let engine: FakeEngine;
  beforeEach(async () => {
    shop = makeShop();
    home = String(shop.env.HOME);
    shop.configure((text) => `${text}shared: { redis: { provider: compose } }\n`);
    leaveSockets([path.join(home, '.docker/run/docker.sock')]);
    engine = await openFakeEngine(path.join(home, '.orbstack/run/docker.sock'));
  });
  afterEach(async () => {
    await engine.close();
    await shop.dispose();
  });

  const short = (...more: string[]): Record<string, string> => {
    mkdirSync(shop.at('short'), { recursive: true });
    for (const name of ['git', 'node', 'sh'])
      symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), shop.at(`short/${name}`));
    return { DOCKER_HOST: '', ...macEnv('usual', [shop.at('short'), ...more].join(':')) };
  };

  it('the engine, docker and what docker starts are found where they are', async () => {
    const bin = path.join(home, '.orbstack/bin');
    const answer = 'command -v docker-credential-osxkeychain >&2 || exit 1; [ "$1" = compose ] && echo v2.99.0';
    shop.write(path.relative(shop.root, path.join(bin, 'docker')), `#!/bin/sh\n${answer}\n`);
    shop.write(path.relative(shop.root, path.join(bin, 'docker-credential-osxkeychain')), '#!/bin/sh\n');
    for (const name of ['docker', 'docker-credential-osxkeychain']) chmodSync(path.join(bin, name), 0o755);
    const { stdout } = await shop.stack(['doctor'], { env: short() });
    const dead = `no engine answers at unix://${home}/.docker/run/docker.sock`;
    expect(stdout).toContain(`Docker Engine 27.3.1 at unix://${home}/.orbstack/run/docker.sock; ${dead}\n`);
    expect(stdout).toMatch(/^ok +compose +docker compose 2\.99\.0$/m);
  });

  it('the demo works below the home folder, which virtual machines share', async () => {
    const env = { ...short('/usr/bin', '/bin'), DOCKER_HOST: `unix://${home}/none.sock` };
    const { code, stderr } = await shop.stack(['demo', '--runtime', 'docker'], { env });
    expect(code).toBe(1);
    expect(stderr).toContain(`${home}/stack-demo-`);
    expect(readdirSync(home).filter((name) => name.startsWith('stack-demo-'))).toEqual([]);
  });

  it('a service finds its program there, after the PATH of the person', async () => {
    const bin = path.join(home, '.docker/bin');
    shop.write(path.relative(shop.root, path.join(bin, 'run-it')), '#!/bin/sh\nexec node server.mjs\n');
    chmodSync(path.join(bin, 'run-it'), 0o755);
    const text = shop.read('stack.yml').replace(/^shared:.*\n/m, '');
    shop.write('stack.yml', text.replaceAll(/command: .*/g, 'command: run-it'));
    const env = short('/usr/bin', '/bin');
    expect(await shop.stack(['create', 'feat-01'], { env })).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'feat-01'], { env })).toMatchObject({ code: 0 });
  });
});
