import { chmodSync, existsSync, renameSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

/** The ticket's api has a commit of its own, and so has its base; nothing is asked of a remote. */
describe('a ticket in repos that cannot take its change', () => {
  let shop: Shop;
  let number = 0;
  let ticket = '';
  const own = (repo = 'api'): string => `tickets/${ticket}/${repo}`;
  const result = async (...args: string[]) => {
    const { code, stdout, stderr } = await shop.stack([...args, '--json']);
    const document = JSON.parse(stdout === '' ? stderr : stdout);
    return { ...(document.repos?.api ?? document.error), code };
  };
  /** Runs a verb that is to be refused, and to leave all as it was. */
  const refused = async (...args: string[]) => {
    const before = shop.photograph();
    const found = await result(...args);
    expect(shop.photograph()).toBe(before);
    return found;
  };

  beforeAll(() => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
  });
  beforeEach(async () => {
    number += 1;
    shop.git('api', 'config', 'commit.gpgsign', 'false');
    ticket = `feat-${number}`;
    expect((await shop.stack(['create', ticket, '--no-start'])).code).toBe(0);
    shop.commit(own(), `mine-${ticket}.txt`, 'mine\n');
    shop.commit('api', `news-${ticket}.txt`, 'news\n');
  });
  afterAll(() => shop.dispose());

  it('says what would help where git has no key to sign with', async () => {
    shop.git('api', 'config', 'gpg.program', 'false');
    shop.git('api', 'config', 'commit.gpgsign', 'true');
    shop.write(`${own()}/more.txt`, 'more\n');
    shop.git(own(), 'add', 'more.txt');
    const hint = expect.stringContaining('user.signingKey');
    expect(await result('commit', ticket, '-m', 'more')).toMatchObject({ code: 1, result: 'failed', hint });
    expect(await refused('sync', ticket)).toMatchObject({ code: 1, result: 'failed', hint });
    expect(await refused('merge', ticket, '--committed')).toMatchObject({ code: 1, hint });
  });

  it('is refused before any file goes where a filter fails to write its files', async () => {
    for (const way of ['clean', 'smudge']) shop.git('api', 'config', `filter.big.${way}`, 'cat');
    shop.git('api', 'config', 'filter.big.required', 'true');
    shop.commit('api', '.gitattributes', '*.big filter=big\n');
    shop.commit('api', 'a.big', 'one\n');
    expect((await result('sync', ticket)).result).toBe('updated');
    shop.commit(own(), 'a.big', 'two\n');
    shop.commit('api', 'b.big', 'news\n');
    shop.git('api', 'config', 'filter.big.smudge', 'no-such-program %f');
    const reason = expect.stringContaining('git cannot write the files');
    for (const verb of ['sync', 'merge'])
      expect(await refused(verb, ticket)).toMatchObject({ code: 1, result: 'failed', reason });
    expect(shop.read('api/a.big')).toBe('one\n');
    shop.git('api', 'config', 'filter.big.smudge', 'cat');
    expect((await result('merge', ticket)).result).toBe('merged');
    expect(shop.read('api/a.big')).toBe('two\n');
  });

  it('runs no hook while it is found out what would move', async () => {
    shop.write('api/.git/hooks/post-index-change', `#!/bin/sh\ntouch ${shop.at('ran')}\n`);
    chmodSync(shop.at('api/.git/hooks/post-index-change'), 0o755);
    for (const verb of ['sync', 'merge']) expect((await result(verb, ticket, '--dry-run')).result).toBe('waiting');
    expect(existsSync(shop.at('ran'))).toBe(false);
  });

  it('says that the base here is from before its remote was rewritten, where the ticket stands on what is there now', async () => {
    const [remote, other] = [`${shop.folder}/rewritten.git`, `${shop.folder}/other`];
    shop.git('.', 'clone', '--quiet', '--bare', 'api', remote);
    shop.git('api', 'remote', 'add', 'origin', remote);
    shop.git('api', 'fetch', '--quiet');
    shop.git('api', 'branch', '--quiet', '--set-upstream-to=origin/main', 'main');
    shop.git('.', 'clone', '--quiet', remote, other);
    shop.write(`../other/news-${ticket}.txt`, 'other news\n');
    shop.git(other, 'commit', '--quiet', '--all', '--amend', '--message', 'Other news');
    shop.git(other, 'push', '--quiet', '--force', 'origin', 'main');
    expect((await result('sync', ticket)).result).toBe('updated');
    const hint = expect.stringContaining('`git reset --keep origin/main`');
    expect(await refused('merge', ticket)).toMatchObject({ code: 4, result: 'refused', hint });
    shop.git('api', 'reset', '--quiet', '--keep', 'origin/main');
    expect((await result('merge', ticket)).result).toBe('merged');
    shop.git('api', 'remote', 'remove', 'origin');
  });

  it('does not blame a person’s work for what a partial clone cannot fetch', async () => {
    const [remote, away] = [`${shop.folder}/partial.git`, `${shop.folder}/away.git`];
    shop.git('.', 'clone', '--quiet', '--bare', 'api', remote);
    shop.git(remote, 'config', 'uploadpack.allowFilter', 'true');
    renameSync(shop.at('api'), shop.at('whole'));
    shop.git('.', 'clone', '--quiet', '--filter=blob:none', `file://${remote}`, 'api');
    expect((await shop.stack(['create', 'partial', '--no-start'])).code).toBe(0);
    shop.commit('whole', 'later.txt', 'later\n');
    shop.git('whole', 'push', '--quiet', remote, 'main');
    shop.git('api', 'fetch', '--quiet');
    renameSync(remote, away);
    expect(await refused('sync', 'partial')).toMatchObject({
      ...{ code: 1, result: 'failed' },
      reason: expect.stringContaining('git cannot bring the files'),
    });
    renameSync(away, remote);
    expect((await result('sync', 'partial')).result).toBe('updated');
  });
});
