import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

const REPOS = ['front', 'api'] as const;

describe('a merge as objects', () => {
  let shop: Shop;
  const git = (repo: string, ...args: string[]): string => shop.git(repo, ...args);
  const merge = async (...args: string[]) => {
    const { code, stdout } = await shop.stack(['merge', '--json', ...args]);
    return { code, ...JSON.parse(stdout) };
  };
  /** All of the checkouts, git's index, heads, refs and logs with them: what is in each file, and the last time that anybody touched it. */
  const look = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => !(path.basename(folder) === '.git' && name === 'objects'))
      .flatMap((entry) => {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) return look(file);
        const { ino, mtimeNs, ctimeNs } = lstatSync(file, { bigint: true });
        return [`${file} ${ino} ${mtimeNs} ${ctimeNs} ${entry.isFile() ? readFileSync(file, 'base64') : ''}`];
      });
  const everything = (): string[] => [...REPOS, 'tickets'].flatMap((folder) => look(shop.at(folder)));

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
    for (const repo of REPOS) {
      shop.commit(repo, 'shared.txt', 'one\n');
      git(repo, 'branch', '--quiet', 'develop');
    }
    for (const ticket of ['feat-01', 'feat-02']) await shop.stack(['create', ticket, '--no-start']);
    for (const repo of REPOS) shop.commit(`tickets/feat-01/${repo}`, 'new.txt', 'new\n');
    shop.commit('tickets/feat-01/api', 'shared.txt', 'ticket\n');
    shop.commit('tickets/feat-02/api', 'shared.txt', 'another\n');
    shop.commit('tickets/feat-02/front', 'other.txt', 'other\n');
    // An index that git would write again, if it were asked to.
    for (const repo of REPOS) shop.write(`${repo}/server.mjs`, shop.read(`${repo}/server.mjs`));
  });
  afterAll(() => shop.dispose());

  it('touches no file of any checkout, no index and no ref where it stops at a conflict, or only says what would come', async () => {
    const before = everything();
    expect(before.some((line) => line.includes('/index '))).toBe(true);
    for (const way of ['--no-ff', '--squash', '--rebase']) {
      expect((await merge('feat-01', way, '--dry-run')).repos.api.result).toBe('waiting');
      expect(everything()).toEqual(before);
      const run = await merge('feat-01', 'feat-02', way);
      expect(run).toMatchObject({
        code: 4,
        repos: { front: { result: 'waiting' }, api: { conflicts: ['shared.txt'] } },
      });
      expect(run.repos.api.hint).toBe('merge feat-01 first');
      expect(everything()).toEqual(before);
    }
  });

  it('moves just the branch that --into names, wherever nobody is on it, and names the ticket in its message', async () => {
    const before = REPOS.map((repo) => [git(repo, 'rev-parse', 'main'), git(repo, 'status', '--porcelain')]);
    expect(await merge('feat-01', '--into', 'develop')).toMatchObject({ code: 0, repos: { api: { base: 'develop' } } });
    expect(git('api', 'log', '-1', '--format=%s', 'develop')).toBe("Merge branch 'feat-01' into develop");
    expect(git('api', 'show', 'develop:shared.txt')).toBe('ticket');
    expect(REPOS.map((repo) => [git(repo, 'rev-parse', 'main'), git(repo, 'status', '--porcelain')])).toEqual(before);
    expect(await merge('feat-01', '--into', 'develpo')).toMatchObject({
      ...{ code: 4, repos: { api: { result: 'refused', reason: 'there is no branch develpo to merge into' } } },
    });
  });
});
