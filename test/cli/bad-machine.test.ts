import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyPostgres } from '../support/cache.ts';
import { openFakeEngine } from '../support/fake-engine.ts';
import { asUser, canBeOthers } from '../support/other-user.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, openShop, type Shop } from '../support/shop.ts';

/** Gives a config's services an image, to be run by the engine. */
const contained = (text: string): string =>
  text.replace('runtime: process', 'runtime: docker').replaceAll('command:', 'image: node:22-alpine\n    command:');

describe('a machine that does not do its part', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  describe('an engine that does not answer', () => {
    const expected = {
      code: 'engine',
      message: /^no Docker engine answers at unix:\/\/.*no-engine\.sock/,
      hint: /start Docker.*DOCKER_HOST.*runtime: process/,
    } as const;

    it('is said before anything is made', async () => {
      shop.configure(contained);
      await expectRefusal(shop, ['create', 'feat-01'], expected);
      await expectRefusal(shop, ['up'], expected);
      // Servers that would be embedded without an engine are not what is wrong.
      shop.configure((text) => `${text}shared: { postgres: {}, redis: {} }\n`);
      await expectRefusal(shop, ['create', 'feat-01'], expected);
    });

    it('does not keep a ticket’s files from being made, listed and taken away', async () => {
      shop.configure(contained);
      const before = shop.photograph();
      expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
      const listed = await shop.stack(['ps']);
      expect(listed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^feat-01 .*stopped$/m) });
      expect(listed.stderr).toMatch(/^! no Docker engine answers/);
      expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
      expect(withoutRecords(shop.photograph())).toBe(withoutRecords(before));
    });

    it('is not asked for shared services that stack.yml does not have any more', async () => {
      const without = shop.read('stack.yml');
      shop.write('stack.yml', `${without}shared: { postgres: { provider: compose } }\n`);
      expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
      expect(await shop.stack(['down'])).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^hint: .*`stack down` goes on from there$/m),
      });
      shop.write('stack.yml', without);
      expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    });

    it('is named with what needs it although stack.yml says `runtime: process`', async () => {
      const { hint: _, ...same } = expected;
      const plain = shop.read('stack.yml');
      shop.configure(contained);
      expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
      shop.write('stack.yml', plain);
      const kept =
        /^start Docker[^;]* or DOCKER_CONTEXT; front was made as a container and stays that way; a ticket that is destroyed and created again/;
      await expectRefusal(shop, ['start', 'feat-01'], { ...same, hint: kept });
      const examined = await shop.stack(['doctor']);
      expect(examined.stdout).toMatch(/no Docker engine answers .*\n +start Docker.* or DOCKER_CONTEXT$/m);

      shop.configure((text) => `${text}shared: { redis: {} }\n`);
      const lease = { port: shop.port + 9, provider: 'compose' };
      const note = (redis: object): void =>
        shop.write('.stack/state.json', JSON.stringify({ ...shop.state(), shared: { redis } }));
      note(lease);
      const inThere =
        /^start Docker[^;]* or DOCKER_CONTEXT; redis of this stack is in there, with all data; with `provider: embedded` for it in stack.yml an empty one runs/;
      await expectRefusal(shop, ['create', 'feat-02'], { ...same, hint: inThere });
      note({ ...lease, fresh: true });
      expect(await shop.stack(['create', 'feat-02', '--dry-run'])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/redis on this machine/),
      });
    });

    it('is found by doctor, which ends with 1', async () => {
      shop.configure(contained);
      const { code, stdout } = await shop.stack(['doctor']);
      expect(code).toBe(1);
      expect(stdout).toMatch(/^-- +engine +no Docker engine answers/m);
      expect(stdout).toMatch(/^ok +git +git 2/m);
    });
  });

  it('an engine that has nothing is not asked by processes', async () => {
    const engine = await openFakeEngine(path.join(shop.folder, 'engine.sock'));
    const env = { DOCKER_HOST: `unix://${shop.folder}/engine.sock` };
    try {
      for (const args of [
        ['create', 'feat-01'],
        ['ps'],
        ['check', 'feat-01'],
        ['stop', 'feat-01'],
        ['start', 'feat-01'],
        ['destroy', 'feat-01'],
        ['down'],
      ])
        expect(await shop.stack(args, { env })).toMatchObject({ code: 0 });
      shop.configure((text) => `${text.replace('runtime: process', 'runtime: auto')}shared: { redis: {} }\n`);
      const plan = await shop.stack(['create', 'feat-01', '--dry-run', '--runtime', 'process'], { env });
      expect(plan).toMatchObject({ code: 0, stdout: expect.stringMatching(/redis on this machine/) });
      expect(engine.asked).toEqual([]);
      shop.configure((text) => text.replace('redis: {}', 'redis: { provider: compose }'));
      const composed = await shop.stack(['create', 'feat-01', '--dry-run', '--runtime', 'process'], { env });
      expect(composed).toMatchObject({ code: 0, stdout: expect.not.stringMatching(/redis on this machine/) });
      expect(engine.asked).not.toEqual([]);
    } finally {
      await engine.close();
    }
  });

  it.each(['ssh://me@box.invalid', 'tcp://box.invalid:2375'])(
    'an engine at %s is on another machine, which is said before it is asked anything',
    async (DOCKER_HOST) => {
      shop.configure(contained);
      const other = { env: { DOCKER_HOST } };
      const expected = {
        code: 'engine',
        message: /is on another machine$/,
        hint: /on this machine.*DOCKER_HOST/,
      } as const;
      await expectRefusal(shop, ['create', 'feat-01'], expected, other);
      await expectRefusal(shop, ['up'], expected, other);
      expect((await shop.stack(['doctor'], other)).stdout).toMatch(
        /^-- +engine +the Docker engine at .* another machine/m,
      );
    },
  );

  it('ports that are all leased are said, with the range, and nothing is made', async () => {
    shop.configure((text) => text.replace(`to: ${shop.port + 19}`, `to: ${shop.port + 11}`));
    for (const ticket of ['feat-01', 'feat-02']) await shop.stack(['create', ticket, '--no-start', '--quiet']);
    const message = new RegExp(`^no port is free for front\\.http between ${shop.port + 10} and ${shop.port + 11}$`);
    await expectRefusal(shop, ['create', 'feat-03', '--no-start'], { code: 'port', message, hint: /destroy a ticket/ });
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['create', 'feat-03', '--no-start'])).toMatchObject({ code: 0 });
  });

  it.skipIf(!canBeOthers())('files of another person are said, and nothing is made', async () => {
    const through = asUser(65534);
    execFileSync('chmod', ['755', shop.folder, shop.root]);
    // Git itself refuses repos of others until it is told that they are meant.
    for (const repo of ['front', 'api']) execFileSync('chown', ['-R', '65534', shop.at(repo)]);
    const root = { message: /^cannot make the folder .*\.stack: permission denied$/, hint: /who owns the folder/ };
    await expectRefusal(shop, ['create', 'feat-01', '--no-start'], { code: 'files', ...root }, { through });
    execFileSync('chmod', ['000', shop.at('front')]);
    const repo = { message: /^cannot run git in .*front: permission denied$/, hint: /who owns the folder/ };
    await expectRefusal(shop, ['create', 'feat-01', '--no-start'], { code: 'git', ...repo }, { through });
  });

  it.skipIf(!canBeOthers())(
    'a user without an entry in passwd is said, where the embedded Postgres knows none',
    async () => {
      shop.configure((text) =>
        text
          .replace('repos:', `shared: { postgres: { port: ${shop.port + 18} } }\nrepos:`)
          .replace('env: { PORT', `env: { DATA: '\${postgres.url}', PORT`),
      );
      const own = { HOME: shop.folder, XDG_CACHE_HOME: path.join(shop.folder, 'cache') };
      await copyPostgres(own.XDG_CACHE_HOME);
      execFileSync('chown', ['-R', '54321', shop.folder]);
      const run = await shop.stack(['up'], { through: asUser(54321), env: own });
      expect(run).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/effective user ID 54321: .*\nhint: Postgres .* an entry in passwd: add one/),
      });
    },
  );

  it.skipIf(!canMount())('a read-only root is said, and nothing is made', async () => {
    const readOnly = { code: 'files', message: /the file system is read-only/, hint: /remount it/ } as const;
    await mounted(['--bind', shop.root], 'remount,bind,ro', shop.root, async () => {
      await expectRefusal(shop, ['create', 'feat-01', '--no-start'], readOnly);
      expect(await shop.stack(['ps'])).toMatchObject({ code: 0, stderr: '' });
    });
    await shop.stack(['create', 'feat-01', '--no-start']);
    await mounted(['--bind', shop.root], 'remount,bind,ro', shop.root, async () => {
      await expectRefusal(shop, ['create', 'feat-02', '--no-start'], readOnly);
      await expectRefusal(shop, ['destroy', 'feat-01'], readOnly);
      expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01' }]);
    });
  });

  it.skipIf(!canMount())('a read-only repo is said, and what was made before it goes', async () => {
    const before = shop.photograph();
    await mounted(['--bind', shop.at('front')], 'remount,bind,ro', shop.at('front'), async () => {
      const run = await shop.stack(['create', 'feat-01', '--no-start']);
      expect(run.code).toBe(1);
      expect(run.stderr).toMatch(/^stack: cannot lock .*front\/\.git\/.*: the file system is read-only$/m);
    });
    expect(withoutRecords(shop.photograph())).toBe(withoutRecords(before));
  });

  it.skipIf(!canMount())('a full disk is said, and what was made before goes', async () => {
    const disk = path.join(shop.folder, 'disk');
    mkdirSync(disk);
    await mounted(['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs'], undefined, disk, async () => {
      execFileSync('cp', ['-a', shop.root, disk]);
      const small = openShop(shop.folder, path.join(disk, 'shop'), shop.env);
      // Small for git, and more than there is room for once it is checked out: no estimate foresees that.
      writeFileSync(small.at('front/.gitattributes'), 'big filter=grow\n');
      writeFileSync(small.at('front/big'), 'seed\n');
      small.git('front', 'config', 'filter.grow.smudge', 'head -c 40000000 /dev/zero');
      small.git('front', 'add', '.gitattributes', 'big');
      small.git('front', 'commit', '--quiet', '--message', 'Grow');
      const before = small.photograph();
      const run = await small.stack(['create', 'feat-01', '--no-start']);
      expect(run.code).toBe(1);
      // Whichever writes last to the disk: git, or the note in a lock of who helps its holder.
      expect(run.stderr).toMatch(
        /^stack: cannot (make the worktree at .*feat-01\/front: |lock .*: the disk is full$)/m,
      );
      expect(run.stderr).toMatch(/^hint: (is the disk full\?|free some space)/m);
      expect(withoutRecords(small.photograph())).toBe(withoutRecords(before));
      expect(small.state()?.instances).toEqual({});

      spawnSync('dd', ['if=/dev/zero', `of=${disk}/fill`, 'bs=4k'], { stdio: 'ignore' });
      const full = { code: 'files', message: /needs about .*, and 0 B are left$/, hint: /frees it$/ } as const;
      await expectRefusal(small, ['create', 'feat-01', '--no-start'], full);
      rmSync(path.join(disk, 'fill'));
      small.git('front', 'reset', '--quiet', '--hard', 'HEAD~1');
      expect(await small.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    });
  });
});

/** A lease of the baseline may stay: it is a promise, and no trace in the world. */
function withoutRecords(photograph: string): string {
  return photograph.replace(/^records: .*$/m, '');
}

function canMount(): boolean {
  const possible = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;
  if (!possible) console.warn('\n!!! SKIPPED: only root may mount the disks that this test needs\n');
  return possible;
}

/** Runs `work` while something is mounted at a folder. */
async function mounted(
  what: readonly string[],
  then: string | undefined,
  folder: string,
  work: () => Promise<void>,
): Promise<void> {
  execFileSync('mount', [...what, folder]);
  try {
    if (then !== undefined) execFileSync('mount', ['-o', then, folder]);
    await work();
  } finally {
    execFileSync('umount', ['--lazy', folder]);
  }
}
