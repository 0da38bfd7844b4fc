import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canBeMac, macEnv } from '../support/mac.ts';
import { canMount, MOUNTING } from '../support/mounting.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const CANNOT_LOCK = 'chattr locks no files here: that needs root, and a file system that can';

/** Locks a file as `chflags uchg` does on a Mac: here `chattr +i` of root. Returns false where that cannot be done. */
function lock(file: string, how: '+i' | '-i' = '+i'): boolean {
  return spawnSync('chattr', [how, file]).status === 0;
}

describe.skipIf(!canBeMac)('files on a Mac', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop({ env: macEnv() });
  });
  afterEach(() => shop.dispose());

  // One folder is two names there where case alone tells them apart; here it is where it is mounted.
  it.runIf(canMount)('two repos of stack.yml that are one folder by two names are refused', async () => {
    mkdirSync(shop.at('FRONT'));
    shop.configure((text) => text.replace('repos:\n', 'repos:\n  twin: { path: ./FRONT, base: main }\n'));
    const mount = `mount --bind ${shop.at('front')} ${shop.at('FRONT')} && exec "$@"`;
    const expected = {
      code: 'config',
      message: /^the repos twin and front of stack.yml are one git repo/,
      hint: /name it once/,
    } as const;
    await expectRefusal(shop, ['create', 'feat-01'], expected, { through: [...MOUNTING, 'sh', '-c', mount, 'sh'] });
  });

  it('a locked file that cannot be deleted is named, with what unlocks it', async ({ skip }) => {
    const trash = shop.at('.stack/trash');
    const left = path.join(trash, 'front-0123abcd.0');
    const file = path.join(left, 'src/locked.txt');
    shop.write('.stack/trash/front-0123abcd/src/locked.txt', 'x');
    shop.write('.stack/trash/front-0123abcd/src/other.txt', 'x');
    const before = path.join(trash, 'front-0123abcd/src/locked.txt');
    if (!lock(before)) return skip(CANNOT_LOCK);
    try {
      await shop.stack(['ps']);
      await until('it is given up', () => existsSync(left));
      const cure = `\`chflags -R nouchg ${left} && rm -rf ${left}\` does where it is locked, else \`sudo rm -rf ${left}\` does`;
      expect(await shop.stack(['ps'])).toMatchObject({
        code: 0,
        stderr: `! ${left} could not be deleted, since ${file} stays: ${cure}`,
      });
    } finally {
      for (const one of [before, file]) lock(one, '-i');
    }
  });

  it('a locked folder is said to be that', async ({ skip }) => {
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    const folder = shop.at('tickets/feat-01/front');
    if (!lock(folder)) return skip(CANNOT_LOCK);
    try {
      const run = await shop.stack(['destroy', 'feat-01']);
      expect(run.code).toBe(4);
      expect(run.stderr).toContain(
        `${folder} is locked, so that it cannot be moved: \`chflags nouchg ${folder}\` allows that`,
      );
    } finally {
      lock(folder, '-i');
    }
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });
});
