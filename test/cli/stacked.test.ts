import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

const REPOS = ['front', 'api'] as const;

describe('a ticket that stands on another one', () => {
  let shop: Shop;
  let number = 0;
  const tip = (repo: string, ref: string): string => shop.git(repo, 'rev-parse', ref);
  const repos = (stdout: string) => JSON.parse(stdout).repos;
  /** Returns the names of two tickets; the second stands on the first, which has work in front alone. */
  const makeTwo = async (): Promise<[string, string]> => {
    number += 1;
    const [lower, upper] = [`low-${number}`, `up-${number}`] as const;
    for (const one of [lower, upper])
      expect(await shop.stack(['create', one, '--with', 'api', '--no-start'])).toMatchObject({ code: 0 });
    shop.commit(`tickets/${lower}/front`, `${lower}.txt`, 'low\n');
    expect(await shop.stack(['sync', upper, '--onto', lower])).toMatchObject({ code: 0 });
    for (const repo of REPOS) shop.commit(`tickets/${upper}/${repo}`, `${upper}.txt`, 'up\n');
    return [lower, upper];
  };

  beforeAll(() => {
    shop = makeShop();
    // Two tickets a test, and none is destroyed.
    shop.configure((text) => text.replaceAll(/, to: \d+/g, ''));
  });
  afterAll(() => shop.dispose());

  it('stands on the base again in all repos once that one is merged, also where that one has done nothing', async () => {
    const [lower, upper] = await makeTwo();
    const dry = repos((await shop.stack(['sync', upper, '--dry-run', '--json'])).stdout);
    for (const repo of REPOS) expect(dry[repo]).toMatchObject({ base: lower });
    expect(await shop.stack(['merge', lower])).toMatchObject({ code: 0 });
    const synced = repos((await shop.stack(['sync', upper, '--json'])).stdout);
    for (const repo of REPOS)
      expect(synced[repo]).toMatchObject({ base: 'main', notes: [`${lower} is merged, so it stands on main again`] });
    const before = tip('api', lower);
    expect(await shop.stack(['merge', upper])).toMatchObject({ code: 0 });
    expect(tip('api', lower)).toBe(before);
    for (const repo of REPOS) expect(shop.git(repo, 'show', `main:${upper}.txt`)).toBe('up');
  });

  it('goes where that one went without a sync, too', async () => {
    const [lower, upper] = await makeTwo();
    expect(await shop.stack(['merge', lower])).toMatchObject({ code: 0 });
    const before = REPOS.map((repo) => tip(repo, lower));
    const dry = repos((await shop.stack(['merge', upper, '--dry-run', '--json'])).stdout);
    for (const repo of REPOS) expect(dry[repo]).toMatchObject({ result: 'waiting', base: 'main', commits: 1 });
    expect(await shop.stack(['merge', upper])).toMatchObject({ code: 0 });
    expect(REPOS.map((repo) => tip(repo, lower))).toEqual(before);
  });

  it('is proposed for the base once that one is squashed into it, and not before a sync, however it came to stand on it', async () => {
    const [lower, upper] = await makeTwo();
    const made = `made-${number}`;
    expect(await shop.stack(['create', made, `--from-front=${lower}`, '--no-start'])).toMatchObject({ code: 0 });
    shop.commit(`tickets/${made}/front`, `${made}.txt`, 'made\n');
    shop.commit(`tickets/${lower}/front`, `${lower}.txt`, 'more\n');
    for (const one of [upper, made]) expect(await shop.stack(['sync', one])).toMatchObject({ code: 0 });
    expect(await shop.stack(['merge', lower, '--squash'])).toMatchObject({ code: 0 });
    shop.git('front', 'remote', 'add', 'origin', shop.at('api'));
    for (const one of [upper, made]) {
      const held = repos((await shop.stack(['pr', one, '--dry-run', '--json'])).stdout);
      expect(held.front).toMatchObject({ result: 'refused', hint: `\`stack sync ${one}\` puts it on main first` });
      expect(await shop.stack(['sync', one])).toMatchObject({ code: 0 });
      expect(shop.git('front', 'rev-list', '--count', `main..${one}`)).toBe('1');
      const after = repos((await shop.stack(['pr', one, '--dry-run', '--json'])).stdout);
      expect(after.front.reason).toMatch(/is no forge’s$/);
    }
    shop.git('front', 'remote', 'remove', 'origin');
  });

  it('moves no branch of one that is not merged, but where --into names it', async () => {
    const [lower, upper] = await makeTwo();
    const before = REPOS.map((repo) => tip(repo, lower));
    const run = await shop.stack(['merge', upper]);
    expect(run.code).toBe(4);
    expect(run.stdout).toContain(`it stands on ${lower}, of ${lower}, which is not merged`);
    expect(run.stdout).toContain(`\`stack merge ${lower} ${upper}\` merges both`);
    const added = await shop.stack(['queue', 'add', upper]);
    expect([added.code, added.stderr]).toEqual([4, expect.stringContaining(`\`stack queue add ${lower} ${upper}\``)]);
    expect(REPOS.map((repo) => tip(repo, lower))).toEqual(before);
    expect(await shop.stack(['queue', 'add', upper, lower])).toMatchObject({ code: 0 });
    expect(await shop.stack(['queue', 'run', '--verify', 'true'])).toMatchObject({ code: 0 });
    expect(REPOS.map((repo) => tip(repo, lower))).toEqual(before);
    for (const repo of REPOS) expect(shop.git(repo, 'show', `main:${upper}.txt`)).toBe('up');
    shop.commit(`tickets/${upper}/api`, `${upper}.txt`, 'more\n');
    expect(await shop.stack(['merge', upper, '--into', lower])).toMatchObject({ code: 0 });
    expect(tip('api', lower)).not.toBe(before[1]);
  });

  it('made from its branch goes into the base once that one is merged', async () => {
    const [lower] = await makeTwo();
    const from = `--from-front=${lower}`;
    expect(await shop.stack(['create', `from-${lower}`, from, '--no-start'])).toMatchObject({ code: 0 });
    shop.commit(`tickets/from-${lower}/front`, `from-${lower}.txt`, 'from\n');
    expect(await shop.stack(['merge', `from-${lower}`])).toMatchObject({ code: 4 });
    expect(await shop.stack(['merge', lower])).toMatchObject({ code: 0 });
    const before = tip('front', lower);
    expect(await shop.stack(['merge', `from-${lower}`])).toMatchObject({ code: 0 });
    expect(tip('front', lower)).toBe(before);
    expect(shop.git('front', 'show', `main:from-${lower}.txt`)).toBe('from');
  });

  it('made from its branch stands on the base again once that ticket is destroyed', async () => {
    const [lower, upper] = await makeTwo();
    const made = `made-${number}`;
    expect(await shop.stack(['create', made, `--from-front=${lower}`, '--no-start'])).toMatchObject({ code: 0 });
    shop.commit(`tickets/${made}/front`, `${made}.txt`, 'made\n');
    expect(await shop.stack(['destroy', upper, lower, '--force', '--yes'])).toMatchObject({ code: 0 });
    expect((await shop.stack(['status', made])).stdout).toContain('`stack sync` puts it on main');
    const refused = repos((await shop.stack(['merge', made, '--json'])).stdout);
    const hint = expect.stringContaining(`\`stack sync ${made}\` puts it on main without them`);
    expect(refused.front).toMatchObject({ result: 'refused', hint });
    const synced = repos((await shop.stack(['sync', made, '--json'])).stdout);
    expect(synced.front.notes).toEqual([`${lower} is gone, so it stands on main again`]);
    expect(shop.git('front', 'log', '--format=%s', `main..${made}`).split('\n')).toHaveLength(1);
    expect(await shop.stack(['merge', made])).toMatchObject({ code: 0 });
  });

  it('keeps pushed commits of one that was thrown away, and goes into no base with them', async () => {
    const [lower] = await makeTwo();
    const made = `made-${number}`;
    expect(await shop.stack(['create', made, `--from-front=${lower}`, '--no-start'])).toMatchObject({ code: 0 });
    shop.commit(`tickets/${made}/front`, `${made}.txt`, 'made\n');
    const remote = `${shop.folder}/front.git`;
    shop.git('.', 'clone', '--quiet', '--bare', 'front', remote);
    shop.git('front', 'remote', 'add', 'origin', remote);
    shop.git(`tickets/${made}/front`, 'push', '--quiet', 'origin', made);
    expect(await shop.stack(['destroy', `up-${number}`, lower, '--force', '--yes'])).toMatchObject({ code: 0 });
    const hint = expect.stringContaining(`\`stack sync ${made} --rebase\` puts it on main without them`);
    const note = 'it keeps the commits of what it stood on, which are pushed; --rebase leaves them out';
    const syncAndMerge = async (): Promise<void> => {
      const synced = repos((await shop.stack(['sync', made, '--json'])).stdout);
      expect(synced.front.notes).toEqual([note]);
      const refused = repos((await shop.stack(['merge', made, '--json'])).stdout);
      expect(refused.front).toMatchObject({ result: 'refused', hint });
    };
    await syncAndMerge();
    // What is new in the base comes in by a merge, and they stay.
    shop.commit('front', `base-${number}.txt`, 'base\n');
    await syncAndMerge();
    expect(shop.git('front', 'show', `${made}:base-${number}.txt`)).toBe('base');
    expect(await shop.stack(['sync', made, '--rebase'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['merge', made])).toMatchObject({ code: 0 });
    expect(shop.git('front', 'ls-tree', '--name-only', 'main', `${made}.txt`, `${lower}.txt`)).toBe(`${made}.txt`);
  });
});
