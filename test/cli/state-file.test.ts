import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openState } from '../../src/adapters/state/store.ts';
import type { StackState } from '../../src/domain/instance.ts';
import { asUser, canBeOthers } from '../support/other-user.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, openShop, type Shop } from '../support/shop.ts';

const FILE = '.stack/state.json';
const BACKUP = '.stack/state.json.bak';
const MEND = /`stack doctor --fix`/;

describe('the state file', () => {
  let shop: Shop;
  let good: string;
  beforeEach(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start', '--quiet']);
    good = shop.read(FILE);
  });
  afterEach(async () => {
    rmSync(shop.at(FILE), { recursive: true, force: true, maxRetries: 3 });
    shop.write(FILE, good);
    await shop.dispose();
  });

  /** Every verb that looks at it refuses, and none writes to it. */
  async function expectNoStart(message: RegExp, hint: RegExp): Promise<void> {
    const kept = listState();
    for (const args of [['ps'], ['create', 'feat-02', '--no-start'], ['destroy', 'feat-01', '--force']]) {
      await expectRefusal(shop, args, { code: 'state', message, hint });
    }
    expect(listState()).toEqual(kept);
  }

  const listState = (): string[] => readdirSync(shop.at('.stack')).filter((name) => name.startsWith('state'));

  /** Returns the good state with something in it changed. */
  const edited = (edit: (state: StackState) => void): string => {
    const state = JSON.parse(good);
    edit(state);
    return JSON.stringify(state);
  };

  it.each([
    ['empty', () => '', /is empty$/],
    ['truncated', () => good.slice(0, good.length / 2), /is not JSON$/],
    ['not JSON', () => 'name: shop\n', /is not JSON$/],
    ['of wrong types', () => edited((state) => Object.assign(state, { instances: [] })), /is damaged at instances/],
    [
      'leading out of the ticket’s folder',
      () => edited((state) => Object.assign(state.instances['feat-01']?.repos.front ?? {}, { worktree: '/etc' })),
      /is damaged: feat-01: its worktree of front is at "\/etc"$/,
    ],
    [
      'promising a port twice',
      () => edited((state) => Object.assign(state.shared, { postgres: { port: shop.port + 10, provider: 'compose' } })),
      /is damaged: postgres and front of feat-01 have the same port/,
    ],
    ['poisoned', () => good.replace('"feat-01": {', '"__proto__": {'), /has a key `__proto__`$/],
  ])('that is %s is refused, and left as it is', async (_, spoil, message) => {
    const spoilt = spoil();
    expect(spoilt).not.toBe(good);
    shop.write(FILE, spoilt);
    const kept = listState();
    for (const args of [['ps'], ['create', 'feat-02', '--no-start'], ['destroy', 'feat-01', '--force']]) {
      const run = await shop.stack(args);
      expect.soft(run).toMatchObject({ code: 1, stdout: '' });
      expect.soft(run.stderr.split('\n')[0]).toMatch(message);
      expect.soft(run.stderr.split('\n')[1]).toMatch(MEND);
    }
    expect(shop.read(FILE)).toBe(spoilt);
    expect(listState()).toEqual(kept);
    expect(existsSync(shop.at('tickets/feat-01/front/.git'))).toBe(true);
  });

  it('that is a folder is refused', async () => {
    rmSync(shop.at(FILE));
    mkdirSync(shop.at(FILE));
    const run = await shop.stack(['ps']);
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/state\.json is a folder\nhint: .*doctor --fix/),
    });
  });

  it.each([FILE, BACKUP])(
    'is never replaced where %s is a link: the file it leads to would fall behind',
    async (file) => {
      const target = path.join(shop.folder, 'synced.json');
      renameSync(shop.at(file), target);
      symlinkSync(target, shop.at(file));
      for (const args of [['ps'], ['create', 'feat-02', '--no-start'], ['destroy', 'feat-01', '--force']]) {
        expect(await shop.stack(args)).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/^stack: .* is a link, and .*\nhint: `mv .*synced\.json .*` puts/),
        });
      }
      expect([readlinkSync(shop.at(file)), readFileSync(target, 'utf8')]).toEqual([target, good]);
      rmSync(shop.at(file));
      renameSync(target, shop.at(file));
    },
  );

  it('of a newer stack is refused with the version that wrote it', async () => {
    const newer = JSON.stringify({ version: 99, writtenBy: '7.0.0', unknown: true });
    shop.write(FILE, newer);
    const run = await shop.stack(['create', 'feat-02', '--no-start']);
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/was written by a newer stack \(7\.0\.0\)\nhint: upgrade/),
    });
    expect(shop.read(FILE)).toBe(newer);
  });

  it('of version 1 is read, and kept beside the first that is written', async () => {
    const old = edited((state) => Object.assign(state, { version: 1, writtenBy: '0.0.9' }));
    shop.write(FILE, old);
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01' }]);
    expect(shop.read(FILE)).toBe(old);
    expect(await shop.stack(['create', 'feat-02', '--no-start'])).toMatchObject({ code: 0 });
    expect(shop.state()).toMatchObject({ version: 3, instances: { 'feat-01': {}, 'feat-02': {} } });
    expect(shop.read(`${FILE}.v1`)).toBe(old);
    good = shop.read(FILE);
  });

  it('keeps what a later version has added', async () => {
    const later = edited((state) => Object.assign(state.instances['feat-01'] ?? {}, { later: { own: 'database' } }));
    shop.write(FILE, later);
    await shop.stack(['create', 'feat-02', '--no-start']);
    expect(shop.state()?.instances['feat-01']).toMatchObject({ later: { own: 'database' } });
    good = shop.read(FILE);
  });

  describe('that is gone', () => {
    const message = /state\.json is gone, though something is left of (baseline, )?feat-01$/m;
    beforeEach(() => rmSync(shop.at(FILE)));

    it('is missed by every verb, and nothing is begun from scratch', () => expectNoStart(message, MEND));

    it('with its backup is missed by the tickets’ folders', async () => {
      rmSync(shop.at(BACKUP));
      await expectNoStart(message, MEND);
    });

    it('with all of .stack is missed too', async () => {
      const aside = path.join(shop.folder, 'aside');
      renameSync(shop.at('.stack'), aside);
      await expectRefusal(shop, ['create', 'feat-02'], { code: 'state', message, hint: MEND });
      expect(existsSync(shop.at(FILE))).toBe(false);
      rmSync(shop.at('.stack'), { recursive: true, force: true, maxRetries: 3 });
      renameSync(aside, shop.at('.stack'));
    });

    it('with stack.yml is missed too', async () => {
      renameSync(shop.at('stack.yml'), shop.at('kept.yml'));
      const run = await shop.stack(['ps']);
      expect(run).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
      renameSync(shop.at('kept.yml'), shop.at('stack.yml'));
    });
  });

  it('that is gone once all tickets are is not missed', async () => {
    const empty = edited((state) => {
      state.instances = {};
      delete state.baseline;
    });
    await shop.stack(['destroy', 'feat-01']);
    shop.write(BACKUP, empty);
    rmSync(shop.at(FILE));
    expect(await shop.stack(['create', 'feat-02', '--no-start'])).toMatchObject({ code: 0 });
    good = shop.read(FILE);
  });

  it.skipIf(!canBeOthers())('that may not be read is refused, with what opens it', async () => {
    execFileSync('chmod', ['755', shop.folder]);
    execFileSync('chown', ['-R', '65534', shop.root]);
    chmodSync(shop.at(FILE), 0o000);
    const own = await shop.stack(['ps'], { through: asUser(65534) });
    expect(own).toMatchObject({ code: 1, stderr: expect.stringMatching(/may not be read: .*\nhint: `chmod u\+rw/) });
    execFileSync('chown', ['0', shop.at(FILE)]);
    const other = await shop.stack(['ps'], { through: asUser(65534) });
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\nhint: another person wrote it: `sudo chown/),
    });
    execFileSync('chown', ['-R', '0', shop.root]);
  });

  it.skipIf(!canMount())('is as it was when the disk is full as it is written', async () => {
    const disk = path.join(shop.folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', disk]);
    try {
      execFileSync('cp', ['-a', shop.at('stack.yml'), shop.at('front'), shop.at('api'), disk]);
      const small = openShop(shop.folder, disk, shop.env);
      expect(await small.stack(['create', 'feat-09', '--no-start'])).toMatchObject({ code: 0 });
      const [before, backup] = [small.read(FILE), small.read(BACKUP)];
      spawnSync('dd', ['if=/dev/zero', `of=${disk}/fill`, 'bs=4k'], { stdio: 'ignore' });
      for (const args of [
        ['stop', 'feat-09'],
        ['destroy', 'feat-09'],
      ]) {
        const run = await small.stack(args);
        expect(run).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/the disk is full\nhint: free some space/),
        });
        expect([small.read(FILE), small.read(BACKUP)]).toEqual([before, backup]);
      }
      rmSync(`${disk}/fill`);
      expect(readdirSync(small.at('.stack')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      expect(await small.stack(['destroy', 'feat-09'])).toMatchObject({ code: 0 });
    } finally {
      execFileSync('umount', ['--lazy', disk]);
    }
  });

  it('has all that many writers write at once', async () => {
    const options = { root: shop.root, stack: 'shop', version: '1', listTraces: async () => [] };
    const stores = Array.from({ length: 4 }, () => openState(options));
    const ports = Array.from({ length: 40 }, (_, index) => 20_000 + index);
    await Promise.all(
      ports.map((port, index) =>
        stores[index % 4]?.update((draft) => {
          draft.shared[`service-${port}`] = { port, provider: 'compose' };
        }),
      ),
    );
    const { shared, instances } = await (stores[0] ?? openState(options)).read();
    expect(
      Object.values(shared)
        .map(({ port }) => port)
        .sort(),
    ).toEqual(ports);
    expect(Object.keys(instances)).toEqual(['feat-01']);
    expect(shop.read(BACKUP)).toBe(shop.read(FILE));
  });
});

function canMount(): boolean {
  const possible = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;
  if (!possible) console.warn('\n!!! SKIPPED: only root may mount the disk that this test needs\n');
  return possible;
}
