import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asUser, canBeOthers } from '../support/other-user.ts';
import { makeShop, type Shop, type StackOptions } from '../support/shop.ts';

const [ME, EVE] = [61_001, 61_002];

describe.skipIf(!canBeOthers())('files of another person', () => {
  let shop: Shop;
  let me: StackOptions;
  beforeEach(() => {
    shop = makeShop();
    const home = path.join(shop.folder, 'home');
    mkdirSync(home);
    give(home, ME);
    for (const folder of [shop.folder, shop.root]) chmodSync(folder, 0o755);
    me = { through: asUser(ME), env: { HOME: home, XDG_CACHE_HOME: path.join(home, '.cache') } };
    give(shop.root, ME);
    give(shop.at('stack.yml'), ME);
  });
  afterEach(() => shop.dispose());

  const give = (file: string, uid: number): void => chownSync(path.resolve(shop.root, file), uid, uid);

  const expectRefused = async (file: string, options = me): Promise<void> => {
    for (const args of [['doctor'], ['create', 'feat-01', '--yes']]) {
      const run = await shop.stack(args, options);
      expect.soft(run).toMatchObject({ code: 4, stdout: '' });
      expect.soft(run.stderr).toMatch(/^stack: .* belongs to another person \(uid 61002\), .*\nhint: .*trust --owner/);
      expect.soft(run.stderr).toContain(`stack: ${file} belongs`);
    }
  };

  it.each(['.', 'stack.yml', 'stack.local.yml', '.env', '.stack'])('are not obeyed at %s of a root', async (name) => {
    if (name === '.stack') mkdirSync(shop.at(name));
    else if (name !== '.' && name !== 'stack.yml') shop.write(name, '');
    expect(await shop.stack(['ps'], me)).toMatchObject({ code: 0 });
    give(name, EVE);
    await expectRefused(shop.at(name));
  });

  it.each(['team.yml', 'base.yml', 'more.yml', 'search.env'])(
    'are not obeyed as %s, which compose would read',
    async (name) => {
      shop.configure((text) => `${text}shared: { compose: team.yml, search: {} }\n`);
      const service = 'image: none, ports: ["127.0.0.1:7700:7700"]';
      shop.write('base.yml', `services: { search: { ${service}, env_file: search.env } }\n`);
      shop.write(
        'team.yml',
        'include: [more.yml]\nservices: { search: { extends: { file: base.yml, service: search } } }\n',
      );
      shop.write('more.yml', 'services: { mail: { image: none } }\n');
      shop.write('search.env', '');
      for (const file of ['team.yml', 'base.yml', 'more.yml', 'search.env']) give(file, ME);
      // What git brought is looked at, without an engine too.
      give('.', 0);
      shop.git('.', 'init', '--quiet');
      shop.git('.', 'add', 'stack.yml', 'team.yml');
      for (const file of ['.', '.git']) give(file, ME);
      const refused = async (): Promise<string> => (await shop.stack(['up', '--yes'], me)).stderr;
      expect(await refused()).not.toContain('belongs');
      give(name, EVE);
      expect(await refused()).toMatch(/^stack: .* belongs to another person \(uid 61002\), .*\nhint: .*trust --owner/m);
      expect(await refused()).toContain(`stack: ${shop.at(name)} belongs`);
      expect(await shop.stack(['trust', '--owner'], me)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`${shop.at(name)} (uid 61002)`),
      });
      expect(await refused()).not.toContain('belongs');
    },
  );

  it('are not obeyed in a folder above, nor where a pointer of theirs leads', async () => {
    mkdirSync(shop.at('work/mine'), { recursive: true });
    give('work/mine', ME);
    shop.write('work/stack.yml', shop.read('stack.yml'));
    give('work/stack.yml', EVE);
    const cwd = shop.at('work/mine');
    await expectRefused(shop.at('work/stack.yml'), { ...me, cwd });
    rmSync(shop.at('work/stack.yml'));
    expect(await shop.stack(['ps'], { ...me, cwd })).toMatchObject({ code: 0 });
    shop.write('work/.stack-ticket', JSON.stringify({ root: shop.root, ticket: 'feat-01' }));
    give('work/.stack-ticket', EVE);
    await expectRefused(shop.at('work/.stack-ticket'), { ...me, cwd });
    expect(await shop.stack(['trust', '--owner'], { ...me, cwd })).toMatchObject({ code: 0 });
    expect(await shop.stack(['ps'], { ...me, cwd })).toMatchObject({ code: 0 });
    expect(await shop.stack(['trust', '--revoke'], { ...me, cwd })).toMatchObject({ code: 0 });
    expect(await shop.stack(['ps'], { ...me, cwd })).toMatchObject({ code: 4 });
  });

  it('are obeyed once the person has allowed it, until it is revoked, and no third one’s', async () => {
    give('stack.yml', EVE);
    const allowed = await shop.stack(['trust', '--owner'], me);
    expect(allowed).toMatchObject({ code: 0, stdout: expect.stringContaining(`${shop.at('stack.yml')} (uid 61002)`) });
    expect(await shop.stack(['ps'], me)).toMatchObject({ code: 0 });
    expect((await shop.stack(['trust', '--list'], me)).stdout).toMatch(/shop .*uid 61002/);
    give('stack.yml', EVE + 1);
    expect(await shop.stack(['ps'], me)).toMatchObject({ code: 4 });
    give('stack.yml', EVE);
    expect(await shop.stack(['trust', '--revoke'], me)).toMatchObject({ code: 0 });
    await expectRefused(shop.at('stack.yml'));
  });

  it('are not obeyed by what another person wrote into the trust store', async () => {
    give('stack.yml', EVE);
    await shop.stack(['trust', '--owner'], me);
    const trust = path.join(me.env?.HOME ?? '', '.local/state/stack/trust');
    for (const name of readdirSync(trust)) give(path.join(trust, name), EVE);
    expect(await shop.stack(['ps'], me)).toMatchObject({ code: 4 });
  });

  it('that are root’s are obeyed, and by root under sudo those of the caller', async () => {
    for (const name of ['.', 'stack.yml']) give(name, 0);
    expect(await shop.stack(['ps'], me)).toMatchObject({ code: 0 });
    give('stack.yml', ME);
    expect(await shop.stack(['ps'])).toMatchObject({ code: 4 });
    expect(await shop.stack(['ps'], { env: { SUDO_UID: String(ME) } })).toMatchObject({ code: 0 });
    expect(await shop.stack(['ps'], { env: { SUDO_UID: String(EVE) } })).toMatchObject({ code: 4 });
  });
});
