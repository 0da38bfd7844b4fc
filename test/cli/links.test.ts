import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('a symbolic link', () => {
  let shop: Shop;
  let outside: string;
  let before: string;
  beforeEach(() => {
    shop = makeShop();
    outside = path.join(shop.folder, 'outside');
    for (const name of [
      'precious.txt',
      'api.json',
      'feat-01/precious.txt',
      'front/precious.txt',
      '.git/precious.txt',
    ]) {
      mkdirSync(path.dirname(path.join(outside, name)), { recursive: true });
      writeFileSync(path.join(outside, name), 'mine');
    }
    before = listAll(outside);
  });
  afterEach(async () => {
    // Whatever the test put in the way, what runs has to be found again.
    for (const name of readdirSync(shop.root)) {
      if (lstatSync(shop.at(name)).isSymbolicLink()) rmSync(shop.at(name));
    }
    await shop.dispose();
  });

  const verbs = [
    ['ps'],
    ['create', 'feat-01', '--no-start'],
    ['destroy', 'feat-01', '--force'],
    ['up'],
    ['down', '--volumes', '--yes'],
    ['doctor', '--fix', '--yes'],
  ];

  /** Background deletes have had their chance once a delete that was begun later is through. */
  async function settle(): Promise<void> {
    const other = makeShop();
    try {
      mkdirSync(other.at('.stack/trash/old-00000000'), { recursive: true });
      await other.stack(['ps']);
      await until('a later delete is done', () => !existsSync(other.at('.stack/trash')));
    } finally {
      await other.dispose();
    }
  }

  async function expectHarmless(verbList: readonly string[][] = verbs): Promise<void> {
    for (const args of verbList) {
      const run = await shop.stack(args);
      expect({ args, ...run, trace: /^\s+at /m.test(run.stderr) }).toMatchObject({ trace: false });
      expect(run.stderr).not.toContain('fault in stack');
    }
    await settle();
    expect(listAll(outside)).toBe(before);
  }

  it.each([
    ...['.stack', '.stack/trash', '.stack/logs', '.stack/run', '.stack/shared', '.stack/own', '.stack/dumps'],
    ...['tickets', 'tickets/feat-01'],
  ])('at %s leads no verb to anything outside the root', async (place) => {
    mkdirSync(path.dirname(shop.at(place)), { recursive: true });
    symlinkSync(outside, shop.at(place));
    await expectHarmless();
    expect((await shop.stack(['create', 'feat-01', '--no-start'])).stderr).toMatch(/^stack: .*is a link/m);
  });

  it('in .stack to a log or a folder of logs is not written through', async () => {
    mkdirSync(shop.at('.stack/logs/feat-01'), { recursive: true });
    symlinkSync(path.join(outside, 'precious.txt'), shop.at('.stack/logs/feat-01/front.setup.log'));
    symlinkSync(outside, shop.at('.stack/logs/baseline'));
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, setup: [echo hello],'));
    await expectHarmless();
  });

  it('beside the trash of another disk is not swept', async () => {
    shop.configure((text) => text.replace('runtime: process', 'runtime: process\nworktrees: ./elsewhere'));
    mkdirSync(shop.at('elsewhere'));
    symlinkSync(outside, shop.at('elsewhere/.stack-trash'));
    await expectHarmless();
  });

  it('in place of a ticket’s folder keeps destroy from what it leads to', async () => {
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['create', 'feat-02', '--no-start'])).toMatchObject({ code: 0 });
    renameSync(shop.at('tickets/feat-01'), shop.at('moved'));
    symlinkSync('feat-02', shop.at('tickets/feat-01'));
    const second = listAll(shop.at('tickets/feat-02'));
    await shop.stack(['destroy', 'feat-01']);
    await shop.stack(['destroy', 'feat-01', '--force']);
    await settle();
    expect(listAll(shop.at('tickets/feat-02'))).toBe(second);
    expect((await shop.ps()).instances).toContainEqual(expect.objectContaining({ ticket: 'feat-02', problems: [] }));
    rmSync(shop.at('tickets/feat-01'));
    symlinkSync(outside, shop.at('tickets/feat-01'));
    await expectHarmless([['destroy', 'feat-01', '--force'], ['start', 'feat-01'], ['ps']]);
  });

  it('in a worktree is deleted itself, never what it leads to', async () => {
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    symlinkSync(outside, shop.at('tickets/feat-01/front/outside'));
    mkdirSync(shop.at('tickets/feat-01/front/node_modules'));
    symlinkSync(outside, shop.at('tickets/feat-01/front/node_modules/outside'));
    symlinkSync(outside, shop.at('tickets/feat-01/outside'));
    expect(await shop.stack(['destroy', 'feat-01', '--force'])).toMatchObject({ code: 0 });
    await until('the trash is empty', () => !existsSync(shop.at('.stack/trash')));
    expect(existsSync(shop.at('tickets/feat-01/front'))).toBe(false);
    expect(listAll(outside)).toBe(before);
  });

  it('that a branch has in place of a service’s folder or env file is not written through', async () => {
    shop.configure((text) => text.replace('repo: front\n', 'repo: front\n    dir: app\n'));
    symlinkSync(outside, shop.at('front/app'));
    shop.git('front', 'add', 'app');
    shop.git('front', 'commit', '--quiet', '--message', 'Link');
    const run = await shop.stack(['create', 'feat-01', '--no-start']);
    expect(run.code).not.toBe(0);
    await expectHarmless();
    shop.configure((text) => text.replace('    dir: app\n', ''));
    rmSync(shop.at('front/app'));
    symlinkSync(path.join(outside, 'precious.txt'), shop.at('front/.env.local'));
    shop.git('front', 'add', '--force', '--all');
    shop.git('front', 'commit', '--quiet', '--message', 'Link the env file');
    await expectHarmless();
  });

  it('that `copy:` meets is copied as a link, and nothing is written through one', async () => {
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, copy: ["keys/**"],'));
    mkdirSync(shop.at('front/keys'));
    writeFileSync(shop.at('front/keys/a.txt'), 'a');
    symlinkSync(outside, shop.at('front/keys/out'));
    await expectHarmless();
  });
});

function listAll(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names
    .map((name) => {
      const file = path.join(folder, name);
      return `${name} ${lstatSync(file).isFile() ? readFileSync(file, 'utf8') : ''}`;
    })
    .join('\n');
}
