import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe.each(['000', '022'])('with umask %s', (umask) => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
    const shared = `shared: { postgres: { port: ${shop.port + 16} }, redis: { port: ${shop.port + 17} } }\n`;
    shop.configure((text) => shared + text.replace('path: ./front,', 'path: ./front, setup: [echo hello],'));
  });
  afterEach(() => shop.dispose());

  const through = ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh'];
  const stack = async (...args: string[]) => shop.stack(args, { through });

  it('all of .stack and every env file are the person’s alone, and the code is as git makes it', async () => {
    expect(await stack('create', 'feat-01', '--with', 'api')).toMatchObject({ code: 0 });
    expect(await stack('create', 'feat-02')).toMatchObject({ code: 0 });
    await stack('restart', 'feat-01');
    await stack('logs', 'feat-01');
    shop.write('tickets/feat-02/front/work.txt', 'work');
    expect(await stack('destroy', 'feat-02', '--force')).toMatchObject({ code: 0 });
    expect(await stack('down', '--force')).toMatchObject({ code: 0 });
    const isClosed = ({ file, kind, mode }: Entry): boolean => {
      // Postgres does not run as root: its own user has to get through, and sees nothing there.
      const passable = process.getuid?.() === 0 && [shop.at('.stack'), shop.at('.stack/shared')].includes(file);
      return mode === (kind === 'file' ? '600' : passable ? '711' : '700');
    };
    expect(listModes(shop.at('.stack')).filter((entry) => !isClosed(entry))).toEqual([]);
    for (const repo of ['front', 'api']) {
      expect(modeOf(shop.at('tickets/feat-01', repo, '.env.local'))).toBe('600');
      expect(modeOf(shop.at('tickets/feat-01', repo, 'server.mjs'))).toBe(umask === '000' ? '666' : '644');
    }
    expect(['700', '755']).toContain(modeOf(shop.at('tickets')));
  });

  it('services still make files as the person’s shell would', async () => {
    shop.configure((text) => text.replaceAll('node server.mjs', 'touch made; exec node server.mjs'));
    expect(await stack('create', 'feat-01')).toMatchObject({ code: 0 });
    expect(modeOf(shop.at('tickets/feat-01/front/made'))).toBe(umask === '000' ? '666' : '644');
  });
});

describe.runIf(process.platform === 'linux')('a port', () => {
  it('of an embedded server is open on this machine alone', async () => {
    const shop = makeShop();
    try {
      shop.configure((text) => text.replace('repos:', `shared: { redis: { port: ${shop.port + 15} } }\nrepos:`));
      const run = await shop.stack(['up', '--no-wait']);
      expect(run.code).toBe(0);
      const { port } = shop.state()?.shared.redis ?? { port: 0 };
      expect(listListeners(port)).not.toEqual([]);
      expect(
        listListeners(port).filter((address) => !/^(0100007F|00000000000000000000000001000000)$/.test(address)),
      ).toEqual([]);
    } finally {
      await shop.dispose();
    }
  });
});

interface Entry {
  file: string;
  kind: 'file' | 'folder';
  mode: string;
}

function listModes(folder: string): Entry[] {
  const names = ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })];
  return names.flatMap((name): Entry[] => {
    const file = path.join(folder, name);
    const entry = lstatSync(file, { throwIfNoEntry: false });
    // What is in the trash is code on its way out, behind a folder of 0700.
    if (!entry || entry.isSymbolicLink() || name.startsWith('trash/')) return [];
    return [{ file, kind: entry.isDirectory() ? 'folder' : 'file', mode: modeOf(file) }];
  });
}

function modeOf(file: string): string {
  return (lstatSync(file).mode & 0o777).toString(8);
}

/** Local addresses, in hex, that something listens on at a port (proc(5)). */
function listListeners(port: number): string[] {
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => state === '0A' && Number.parseInt(local?.split(':')[1] ?? '', 16) === port)
      .map(([, local]) => local?.split(':')[0] ?? ''),
  );
}
