import { renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MacWorld, macEnv } from '../support/mac.ts';
import { listProcesses, makeShop, openShop, type Shop } from '../support/shop.ts';

/** What each world has to say, once in a command, of what it cannot look at; undefined where it can. */
const WORLDS: [title: string, world: MacWorld, env: Record<string, string>, unseen: RegExp | undefined][] = [
  ['there is all that a Mac has', 'usual', {}, undefined],
  ['`ps` says that it is not permitted', 'ps-refused', {}, /ps may not be run here/],
  ['a sandbox runs neither `ps` nor `lsof`', 'sandbox', {}, /(ps|lsof) may not be run here/],
  ['there is no `lsof`', 'no-lsof', {}, /there is no lsof/],
  ['the locale is C, and folders have letters that it lacks', 'usual', { LANG: 'C', LC_ALL: 'C' }, undefined],
];

describe.each(WORLDS)('on a Mac where %s', (_, world, more, unseen) => {
  let shop: Shop;
  beforeEach(() => {
    const made = makeShop({ env: macEnv() });
    const root = made.at('../jos\u00e9');
    renameSync(made.root, root);
    shop = openShop(made.folder, root, made.env);
  });
  afterEach(() => shop.dispose());
  // Without a start time nobody could tell later whether what has the number is still what was started.
  const canStart = !['ps-refused', 'sandbox'].includes(world);
  const here = { env: { ...macEnv(world), ...more } };

  it('what runs is not taken for ended: nothing is started a second time, and nothing goes while somebody may be at work in it', async () => {
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const running = listProcesses(shop.root);
    const { stdout, stderr } = await shop.stack(['ps'], here);
    expect(stdout).toMatch(canStart ? /^feat-01 .*running$/m : /^feat-01 .*(running|unknown)$/m);
    expect(stderr.split('\n').filter((line) => unseen?.test(line)).length).toBeLessThan(2);
    await shop.stack(['start', 'feat-01'], here);
    expect(listProcesses(shop.root)).toEqual(running);
    const gone = await shop.stack(['destroy', 'feat-01'], here);
    if (unseen) {
      expect(gone).toMatchObject({ code: 1, stderr: expect.stringMatching(unseen) });
      expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    } else expect(gone).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(listProcesses(shop.root)).toEqual([]);
  });

  it(`a ticket is ${canStart ? 'made, and run in' : 'refused, with the cure, and nothing is left of it'}`, async () => {
    const created = await shop.stack(['create', 'feat-01'], here);
    if (!canStart) {
      expect(created).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/ps may not be run here\nhint: allow \/bin\/ps/),
      });
      expect((await shop.ps()).instances).toEqual([]);
      return expect(listProcesses(shop.root)).toEqual([]);
    }
    expect(created).toMatchObject({ code: 0 });
    const run = await shop.stack(['exec', 'feat-01', 'front', '--', 'pwd'], here);
    expect(run).toMatchObject({ code: 0, stdout: shop.at('tickets/feat-01/front') });
  });
});
