import { chownSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe('what checkouts of a repo share', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const tell = async (): Promise<{ problems: string; doctor: string; code: number }> => {
    const doctor = await shop.stack(['doctor', '--json']);
    const [instance] = (await shop.ps()).instances;
    return { problems: JSON.stringify(instance?.problems), doctor: doctor.stdout, code: doctor.code };
  };

  it('core.bare=true in a clone is named with its cure', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    shop.git('front', 'config', 'core.bare', 'true');
    const cure = `git -C ${shop.at('front')} config core.bare false`;
    const { problems, doctor, code } = await tell();
    expect(problems).toContain(cure);
    expect(doctor).toContain(cure);
    expect(code).toBe(1);
    shop.git('front', 'config', 'core.bare', 'false');
  });

  it('a core.hooksPath that the worktree lacks is named; it is no fault of stack’s', async () => {
    shop.git('front', 'config', 'core.hooksPath', '.husky/_');
    mkdirSync(shop.at('front/.husky/_'), { recursive: true });
    await shop.stack(['create', 'feat-01', '--no-start']);
    const { problems, doctor } = await tell();
    for (const told of [problems, doctor]) expect(told).toContain('has no .husky/_, where core.hooksPath leads');
    mkdirSync(shop.at('tickets/feat-01/front/.husky/_'), { recursive: true });
    expect((await tell()).problems).not.toContain('core.hooksPath');
  });

  it.runIf(process.getuid?.() === 0)('a worktree that was given to another user is named with its cure', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    chownSync(shop.at('tickets/feat-01/front'), 12_345, 12_345);
    const { problems, doctor, code } = await tell();
    for (const told of [problems, doctor]) expect(told).toContain('belongs to another user (uid 12345)');
    expect(code).toBe(1);
    chownSync(shop.at('tickets/feat-01/front'), 0, 0);
  });

  it.each([
    ['a filter that fails', 'f() { echo "no key for the vault" >&2; exit 1; }; f', 'no key for the vault', /./],
    [
      'a filter whose program is missing',
      'git-vault smudge',
      'git-vault',
      /git needs the program git-vault: install it/,
    ],
  ])('%s is told in its own words', async (_, filter, word, hint) => {
    shop.commit('front', '.gitattributes', '*.bin filter=vault\n');
    shop.commit('front', 'a.bin', 'content\n');
    shop.git('front', 'config', 'filter.vault.smudge', filter);
    shop.git('front', 'config', 'filter.vault.required', 'true');
    const run = await shop.stack(['create', 'feat-01', '--no-start']);
    expect(run.code).toBe(1);
    const told = run.stderr.slice(run.stderr.search(/^stack: /m));
    expect(told).toContain(word);
    expect(told).toMatch(hint);
    expect(shop.state()?.instances).toEqual({});
  });
});
