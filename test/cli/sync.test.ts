import { appendFileSync, chmodSync, existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hangOnceMoved } from '../support/hanging-filter.ts';
import { pushNews } from '../support/news.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const REPOS = ['front', 'api'] as const;

describe('the news of the bases in a ticket', () => {
  let shop: Shop;
  let number = 0;
  let ticket = '';
  const folder = (repo: string): string => `tickets/${ticket}/${repo}`;
  const git = (repo: string, ...args: string[]): string => shop.git(folder(repo), ...args);
  const tip = (repo: string): string => git(repo, 'rev-parse', 'HEAD');
  const sync = async (...args: string[]) => {
    const run = await shop.stack(['sync', ticket, '--json', ...args]);
    return { ...run, repos: run.stdout === '' ? {} : JSON.parse(run.stdout).repos };
  };
  const news = (repo: string, file: string, text: string): string => pushNews(shop, repo, file, text);
  /** Branches, index and what git sees of the files. */
  const look = (): string[] =>
    REPOS.flatMap((repo) => [
      git(repo, 'for-each-ref', 'refs/heads'),
      git(repo, 'ls-files', '--stage'),
      git(repo, 'status', '--porcelain=v2', '--branch', '--ignored'),
    ]);

  beforeAll(async () => {
    shop = makeShop();
    // A ticket a test, and none is destroyed.
    shop.configure((text) => text.replace(', shared: true', '').replaceAll(/, to: \d+/g, ''));
    for (const repo of REPOS) {
      const remote = `${shop.folder}/${repo}.git`;
      shop.git('.', 'clone', '--quiet', '--bare', repo, remote);
      shop.git(repo, 'remote', 'add', 'origin', remote);
      shop.git(repo, 'fetch', '--quiet');
      shop.git(repo, 'branch', '--quiet', '--set-upstream-to=origin/main', 'main');
      shop.git('.', 'clone', '--quiet', remote, `${shop.folder}/other-${repo}`);
    }
  });
  beforeEach(async () => {
    number += 1;
    ticket = `feat-${number}`;
    const { code, stderr } = await shop.stack(['create', ticket, '--no-start', '--fetch']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  });
  afterAll(() => shop.dispose());

  it('come under its own commits while nothing is pushed, with a merge once something is; bases stay', async () => {
    const main = shop.git('front', 'rev-parse', 'main');
    shop.commit(folder('front'), 'mine.txt', 'mine\n');
    git(
      'front',
      'commit',
      '--quiet',
      '--amend',
      '--date=2020-01-02T03:04:05+0500',
      '--author=Ann <a@x.y>',
      '-m',
      'Mïne',
      '-m',
      'Body',
    );
    const front = news('front', 'a.txt', 'a\n');
    const api = news('api', 'a.txt', 'a\n');
    const dry = await sync('--dry-run');
    expect(dry).toMatchObject({
      code: 0,
      repos: { front: { result: 'waiting' }, api: { result: 'waiting', to: api } },
    });
    expect(git('front', 'rev-parse', 'HEAD~1')).not.toBe(front);
    const first = await sync();
    expect(first).toMatchObject({
      code: 0,
      repos: {
        front: { result: 'updated', way: 'rebase', base: 'origin/main', news: 1, made: 1, to: tip('front') },
        api: { result: 'updated', way: 'forward', to: api },
      },
    });
    expect(git('front', 'rev-parse', 'HEAD~1')).toBe(front);
    expect(git('front', 'log', '-1', '--format=%an %ae %ad %B', '--date=iso')).toBe(
      'Ann a@x.y 2020-01-02 03:04:05 +0500 Mïne\n\nBody',
    );
    expect(git('front', 'status', '--porcelain')).toBe('');
    expect(git('front', 'show', ':a.txt')).toBe('a');
    expect(shop.git('front', 'rev-parse', 'main')).toBe(main);
    expect((await sync()).repos).toMatchObject({ front: { result: 'unchanged' }, api: { result: 'unchanged' } });

    await shop.stack(['push', ticket]);
    const pushed = tip('front');
    const more = news('front', 'b.txt', 'b\n');
    const second = await sync();
    expect(second.repos.front).toMatchObject({ result: 'updated', way: 'merge' });
    expect(git('front', 'log', '-1', '--format=%P')).toBe(`${pushed} ${more}`);
    const third = news('front', 'c.txt', 'c\n');
    const flat = await shop.stack(['sync', ticket, '--rebase']);
    expect(flat.stdout).toMatch(/front +[0-9a-f]{7}\.\.[0-9a-f]{7} 1 commit of origin\/main, and 1 of its own on top/);
    expect(flat.stdout).toMatch(/merges are left out/);
    expect(git('front', 'rev-parse', 'HEAD~1')).toBe(third);
  });

  it('move nothing anywhere where one repo would conflict, and name its files', async () => {
    shop.commit(folder('api'), 'same.txt', 'mine\n');
    news('api', 'same.txt', 'theirs\n');
    news('front', 'more.txt', 'more\n');
    const before = look();
    for (const way of ['--rebase', '--merge']) {
      const run = await sync(way);
      expect(run).toMatchObject({
        code: 4,
        repos: { api: { result: 'conflict', conflicts: ['same.txt'] }, front: { result: 'waiting' } },
      });
      expect(run.repos.front.to).toBe(run.repos.front.from);
    }
    expect(look()).toEqual(before);
    expect(existsSync(shop.at('.stack/changes'))).toBe(false);
    const told = await shop.stack(['sync', ticket]);
    expect(told.stdout).toMatch(/api +conflict: would conflict with origin\/main, at [0-9a-f]{7} “Write same.txt”/);
    expect(told.stdout).toMatch(/^feat-\d: nothing has moved, because of api$/m);
  });

  it('move nothing where git fails at them in one repo, as where nobody can sign: exit code 1', async () => {
    for (const repo of REPOS) news(repo, `signed-${number}.txt`, 'news\n');
    shop.commit(folder('api'), 'mine.txt', 'mine\n');
    const before = look();
    shop.git('api', 'config', 'commit.gpgsign', 'true');
    shop.git('api', 'config', 'gpg.program', 'false');
    const run = await sync();
    for (const name of ['commit.gpgsign', 'gpg.program']) shop.git('api', 'config', '--unset', name);
    expect(run).toMatchObject({ code: 1, repos: { api: { result: 'failed' }, front: { result: 'waiting' } } });
    expect(look()).toEqual(before);
    // Its ports are needed.
    expect(await shop.stack(['destroy', ticket, '--force', '--yes'])).toMatchObject({ code: 0 });
  });

  it('leave work that is not committed as it is, staged or not, and refuse where it is in the same files', async () => {
    const before = `${folder('front')}/before.txt`;
    shop.write(before, 'staged\n');
    git('front', 'add', 'before.txt');
    shop.write(before, 'changed since\n');
    shop.write(`${folder('front')}/new.txt`, 'unknown\n');
    const staged = git('front', 'ls-files', '--stage', 'before.txt');
    news('front', 'later.txt', 'later\n');
    expect((await sync()).repos.front.result).toBe('updated');
    expect(git('front', 'ls-files', '--stage', 'before.txt')).toBe(staged);
    expect(git('front', 'status', '--porcelain')).toBe('AM before.txt\n?? new.txt');
    expect(shop.read(before)).toBe('changed since\n');

    news('front', 'new.txt', 'of the base\n');
    news('api', 'else.txt', 'else\n');
    const all = look();
    const refused = await sync();
    expect(refused).toMatchObject({ code: 4, repos: { front: { result: 'refused' }, api: { result: 'waiting' } } });
    expect(refused.repos.front.reason).toContain('new.txt');
    expect(look()).toEqual(all);
    expect(shop.read(`${folder('front')}/new.txt`)).toBe('unknown\n');
    rmSync(shop.at(folder('front'), 'new.txt'));
    expect((await sync()).repos.front.result).toBe('updated');
  });

  it('are resolved in the worktrees that conflict while the others wait, and then all is finished, or put back', async () => {
    shop.commit(folder('api'), 'clash.txt', 'mine\n');
    shop.commit(folder('api'), 'second.txt', 'second\n');
    const theirs = news('api', 'clash.txt', 'theirs\n');
    const front = news('front', `${ticket}.txt`, 'news\n');
    const before = look();
    for (const way of ['--merge', '--rebase']) {
      const begun = await sync('--resolve', way);
      expect(begun).toMatchObject({
        code: 4,
        repos: { api: { result: 'conflict', conflicts: ['clash.txt'] }, front: { result: 'waiting' } },
      });
      expect(git('api', 'status', '--porcelain', 'clash.txt')).toBe('AA clash.txt');
      expect((await shop.stack(['sync', ticket])).stderr).toMatch(/conflicts of feat-\d are being resolved/);
      expect((await sync('--continue')).code).toBe(4);
      const aborted = await sync('--abort');
      expect(aborted).toMatchObject({ code: 0, repos: { api: { result: 'undone' } } });
      expect(look()).toEqual(before);
    }
    await sync('--resolve');
    git('api', 'add', 'clash.txt');
    expect((await sync('--continue')).repos.api).toMatchObject({ result: 'conflict', conflicts: ['clash.txt'] });
    shop.write(`${folder('api')}/clash.txt`, 'both\n');
    git('api', 'add', 'clash.txt');
    expect(await sync('--continue')).toMatchObject({
      code: 0,
      repos: { api: { result: 'updated', to: tip('api') }, front: { result: 'updated', to: front } },
    });
    expect(git('api', 'rev-parse', 'HEAD~2')).toBe(theirs);
    expect(git('api', 'show', 'HEAD:clash.txt')).toBe('both');
    expect(git('api', 'branch', '--show-current')).toBe(ticket);
    expect((await sync('--continue')).code).toBe(2);
  });

  it('are put back with --abort in all repos or in none: a refusal, a hook that fails, kill -9 in the second', async () => {
    for (const repo of REPOS) {
      shop.commit(folder(repo), `clash-${number}.slow`, 'mine\n');
      news(repo, `clash-${number}.slow`, 'theirs\n');
    }
    const before = look();
    await sync('--resolve', '--merge');
    const conflicted = look();
    const hold = (repo: string, lines: string): string => {
      const hook = path.join(git(repo, 'rev-parse', '--path-format=absolute', '--git-common-dir'), 'hooks');
      shop.write(path.join(hook, 'reference-transaction'), `#!/bin/sh\n${lines}\n`);
      chmodSync(path.join(hook, 'reference-transaction'), 0o755);
      return path.join(hook, 'reference-transaction');
    };
    // A merge of somebody's own is none of ours to give up.
    git('api', 'merge', '--abort');
    git('api', 'checkout', '--quiet', '-b', `aside-${number}`, 'HEAD~1');
    shop.commit(folder('api'), 'aside.txt', 'x\n');
    git('api', 'checkout', '--quiet', ticket);
    git('api', 'merge', '--quiet', '--no-commit', '--no-ff', `aside-${number}`);
    const refused = await sync('--abort');
    expect(refused).toMatchObject({
      code: 4,
      repos: {
        front: { result: 'waiting' },
        api: { result: 'refused', reason: expect.stringMatching(/stack did not begin/) },
      },
    });
    expect(git('front', 'status', '--porcelain')).toMatch(/^AA clash/m);
    git('api', 'merge', '--abort');
    git('api', 'branch', '--quiet', '-D', `aside-${number}`);

    expect(await sync('--abort')).toMatchObject({ code: 0 });
    expect(look()).toEqual(before);
    await sync('--resolve', '--merge');
    expect(look()).toEqual(conflicted);
    for (const repo of REPOS) {
      shop.write(`${folder(repo)}/clash-${number}.slow`, 'both\n');
      git(repo, 'add', '.');
      git(repo, 'commit', '--quiet', '--no-edit');
    }
    const resolved = look();
    const hook = hold('api', 'exit 1');
    const failed = await sync('--abort');
    rmSync(hook);
    expect(failed.code).toBe(1);
    expect(look()).toEqual(resolved);

    shop.write('api/.git/info/attributes', '*.slow filter=hang\n');
    const place = { gitDir: shop.at('front/.git'), branch: ticket, at: tip('front') };
    shop.git('api', 'config', 'filter.hang.smudge', hangOnceMoved(`${shop.folder}/aborts`, place));
    const running = shop.start(['sync', ticket, '--abort']);
    await until('the second repo is at it', () => existsSync(`${shop.folder}/aborts`));
    running.kill('SIGKILL');
    await running.ended;
    shop.git('api', 'config', '--remove-section', 'filter.hang');
    rmSync(shop.at('api/.git/info/attributes'));
    expect((await shop.stack(['doctor', '--fix', '--yes'])).code).toBe(0);
    expect(look()).toEqual(resolved);
    expect(await sync('--abort')).toMatchObject({ code: 0, repos: { front: { result: 'undone' } } });
    expect(look()).toEqual(before);
    expect(shop.state()?.instances[ticket]).not.toHaveProperty('resolving');
    // Its ports are needed.
    expect(await shop.stack(['destroy', ticket, '--force', '--yes'])).toMatchObject({ code: 0 });
  });

  it('that cannot come in are the first that is told of, when another repo cannot be taken back either', async () => {
    for (const repo of REPOS) news(repo, `hooked-${number}.txt`, 'news\n');
    const before = look();
    const once = `${shop.folder}/once-${number}`;
    const refuse = (repo: string, lines: string): string => {
      const hook = shop.at(repo, '.git/hooks/reference-transaction');
      shop.write(hook, `#!/bin/sh\n[ $1 = prepared ] && grep -q refs/heads/${ticket} || exit 0\n${lines}\n`);
      chmodSync(hook, 0o755);
      return hook;
    };
    const hooks = [refuse('front', `[ -e ${once} ] && exit 1; touch ${once}`), refuse('api', 'exit 1')];
    const { code, stdout } = await shop.stack(['sync', ticket, '--json']);
    for (const hook of hooks) rmSync(hook);
    expect([code, JSON.parse(stdout).error.message]).toEqual([
      3,
      expect.stringMatching(new RegExp(`^cannot move ${ticket}: .*; and this could not be cleaned up: front$`)),
    ]);
    expect((await shop.stack(['doctor', '--fix', '--yes'])).code).toBe(0);
    expect(look()).toEqual(before);
    // Its ports are needed.
    expect(await shop.stack(['destroy', ticket, '--force', '--yes'])).toMatchObject({ code: 0 });
  });

  it('come in the way that --resolve was told, in the repos that waited as well', async () => {
    for (const repo of REPOS) shop.commit(folder(repo), `clash-${number}.txt`, 'mine\n');
    const own = tip('front');
    news('api', `clash-${number}.txt`, 'theirs\n');
    const front = news('front', `for-${ticket}.txt`, 'news\n');
    expect((await sync('--resolve', '--merge')).code).toBe(4);
    shop.write(`${folder('api')}/clash-${number}.txt`, 'both\n');
    git('api', 'add', '--all');
    expect(await sync('--continue')).toMatchObject({ code: 0, repos: { front: { result: 'updated', way: 'merge' } } });
    expect(git('front', 'log', '-1', '--format=%P')).toBe(`${own} ${front}`);
    expect(shop.state()?.instances[ticket]).not.toHaveProperty('resolvingFor');
    // Its ports are needed.
    expect(await shop.stack(['destroy', ticket, '--force', '--yes'])).toMatchObject({ code: 0 });
  });

  it('are those of another ticket with --onto, and of the base again once that is merged, without its commits', async () => {
    const below = ticket;
    shop.commit(folder('front'), 'below.txt', 'below\n');
    const under = tip('front');
    ticket = `${ticket}-top`;
    await shop.stack(['create', ticket, '--no-start']);
    shop.commit(folder('front'), 'top.txt', 'top\n');
    expect((await sync('--onto', below)).repos.front).toMatchObject({ result: 'updated', base: below });
    expect(git('front', 'rev-parse', 'HEAD~1')).toBe(under);
    expect((await sync()).repos.front).toMatchObject({ result: 'unchanged', base: below });
    expect((await shop.stack(['sync', below, '--onto', ticket])).code).toBe(2);
    // Squashed, and changed again since: its own commits would conflict.
    news('front', 'below.txt', 'below\n');
    const base = news('front', 'below.txt', 'changed since\n');
    news('front', 'package-lock.json', '{}\n');
    const next = await sync();
    expect(next.repos.front).toMatchObject({
      result: 'updated',
      base: 'origin/main',
      changed: { lockfiles: ['package-lock.json'], migrations: [] },
    });
    expect(git('front', 'rev-parse', 'HEAD~2')).toBe(base);
    expect(shop.state()?.instances[ticket]?.repos.front).toMatchObject({ base: 'main' });
  });

  it('keep all commits of a branch that was there before its ticket', async () => {
    shop.git('front', 'branch', '--quiet', `old-${number}`, 'main');
    shop.git('front', 'worktree', 'add', '--quiet', `${shop.folder}/old`, `old-${number}`);
    shop.commit('../old', 'old.txt', 'old\n');
    shop.git('front', 'worktree', 'remove', `${shop.folder}/old`);
    // Its ports are needed.
    expect(await shop.stack(['destroy', ticket, '--yes'])).toMatchObject({ code: 0 });
    ticket = `on-${number}`;
    expect(await shop.stack(['create', ticket, `--on-front=old-${number}`, '--no-start'])).toMatchObject({ code: 0 });
    news('front', `for-on-${number}.txt`, 'x\n');
    for (const [file, text] of [
      [`own-${number}.txt`, 'own\n'],
      [`more-${number}.txt`, 'more\n'],
    ] as const) {
      expect((await sync()).repos.front.result).toMatch(/updated|unchanged/);
      expect(shop.read(`${folder('front')}/old.txt`)).toBe('old\n');
      expect(existsSync(shop.at(folder('front'), `for-on-${number}.txt`))).toBe(true);
      shop.commit(folder('front'), file, text);
      news('front', `after-${file}`, 'x\n');
    }
  });

  it('come from a base that only a remote has, too', async () => {
    shop.git(`${shop.folder}/other-front`, 'push', '--quiet', 'origin', `main:far-${number}`);
    expect(await shop.stack(['destroy', ticket, '--yes'])).toMatchObject({ code: 0 });
    ticket = `far-ticket-${number}`;
    const args = ['create', ticket, `--from-front=far-${number}`, '--no-start'];
    expect(await shop.stack(args)).toMatchObject({ code: 0 });
    const other = `${shop.folder}/other-front`;
    shop.git(other, 'checkout', '--quiet', '-B', `far-${number}`);
    shop.commit(other, `far-${number}.txt`, 'far\n');
    shop.git(other, 'push', '--quiet', 'origin', `far-${number}`);
    shop.git(other, 'checkout', '--quiet', 'main');
    expect((await sync()).repos.front).toMatchObject({ result: 'updated' });
    expect(shop.read(`${folder('front')}/far-${number}.txt`)).toBe('far\n');
    expect(await shop.stack(['destroy', ticket, '--yes'])).toMatchObject({ code: 0 });
  });

  it('take no ignored file away, whatever comes in its place', async () => {
    shop.write(`${folder('front')}/.git-exclude`, '');
    const exclude = git('front', 'rev-parse', '--path-format=absolute', '--git-path', 'info/exclude');
    const names = ['kept/.env', 'data', `plain-${number}.json`];
    appendFileSync(exclude, ['', 'kept', 'data', '*.json', '.git-exclude', ''].join('\n'));
    for (const name of names) shop.write(`${folder('front')}/${name}`, 'precious\n');
    const other = `${shop.folder}/other-front`;
    shop.git(other, 'pull', '--quiet', '--rebase');
    shop.write(path.relative(shop.root, `${other}/data/new.txt`), 'news\n');
    for (const name of ['kept', `plain-${number}.json`])
      shop.write(path.relative(shop.root, `${other}/${name}`), 'news\n');
    shop.git(other, 'add', '--all', '--force');
    shop.git(other, 'commit', '--quiet', '--message', 'News in the way');
    shop.git(other, 'push', '--quiet');
    const run = await sync();
    expect(run).toMatchObject({ code: 4, repos: { front: { result: 'refused' } } });
    for (const name of names) expect(run.repos.front.reason).toContain(name);
    for (const name of names) expect(shop.read(`${folder('front')}/${name}`)).toBe('precious\n');
    // A conflict beside it is not made over it either.
    shop.commit(folder('front'), 'own.txt', 'ours\n');
    news('front', 'own.txt', 'theirs\n');
    expect((await sync('--resolve')).code).toBe(4);
    for (const name of names) expect(shop.read(`${folder('front')}/${name}`)).toBe('precious\n');
    expect((await shop.stack(['sync', ticket, '--abort', '--dry-run'])).code).toBe(2);
    expect(shop.state()?.instances[ticket]).not.toHaveProperty('resolving');
  });

  it('take no ignored file away that came while conflicts were resolved', async () => {
    const exclude = git('front', 'rev-parse', '--path-format=absolute', '--git-path', 'info/exclude');
    appendFileSync(exclude, '\n*.made\n');
    shop.commit(folder('front'), 'clashes.txt', 'ours\n');
    shop.commit(folder('front'), 'late.made', 'committed\n');
    news('front', 'clashes.txt', 'theirs\n');
    const told = await shop.stack(['sync', ticket]);
    expect(told.stdout).toContain(`\`stack sync ${ticket} --resolve\` makes it in the worktree`);
    expect((await sync('--resolve')).code).toBe(4);
    shop.write(`${folder('front')}/clashes.txt`, 'both\n');
    git('front', 'add', 'clashes.txt');
    shop.write(`${folder('front')}/late.made`, 'precious\n');
    const held = await sync('--continue');
    expect(held).toMatchObject({ code: 4, repos: { front: { result: 'refused' } } });
    expect(held.repos.front.reason).toContain('late.made');
    expect(shop.read(`${folder('front')}/late.made`)).toBe('precious\n');
    rmSync(shop.at(folder('front'), 'late.made'));
    expect(await sync('--continue')).toMatchObject({ code: 0, repos: { front: { result: 'updated' } } });
    expect(shop.read(`${folder('front')}/late.made`)).toBe('committed\n');
  });

  it('are a refusal where a resolved file is edited once more, and not staged', async () => {
    shop.commit(folder('front'), 'twice.txt', 'ours\n');
    news('front', 'twice.txt', 'theirs\n');
    expect((await sync('--resolve')).code).toBe(4);
    shop.write(`${folder('front')}/twice.txt`, 'both\n');
    git('front', 'add', 'twice.txt');
    shop.write(`${folder('front')}/twice.txt`, 'later\n');
    const held = await sync('--continue');
    expect(held).toMatchObject({ code: 4, repos: { front: { result: 'refused' } } });
    expect(held.repos.front.reason).toBe('changes are not staged: twice.txt');
    git('front', 'add', 'twice.txt');
    expect(await sync('--continue')).toMatchObject({ code: 0, repos: { front: { result: 'updated' } } });
    expect(git('front', 'show', 'HEAD:twice.txt')).toBe('later');
  });

  it('are taken back by the next command after kill -9 in the second repo', async () => {
    const [first, second] = REPOS;
    news(second, '.gitattributes', '*.slow filter=hang\n');
    expect((await sync()).code).toBe(0);
    news(first, `${ticket}.txt`, 'news\n');
    news(second, 'one.slow', 'slow\n');
    news(second, 'z.txt', 'z\n');
    shop.write(`${folder(first)}/mine.txt`, 'mine\n');
    git(first, 'add', 'mine.txt');
    const before = look();
    const place = { gitDir: shop.at(first, '.git'), branch: ticket, at: tip(first) };
    shop.git(second, 'config', 'filter.hang.smudge', hangOnceMoved(`${shop.folder}/hangs`, place));
    const running = shop.start(['sync', ticket]);
    await until('the second repo is at it', () => existsSync(`${shop.folder}/hangs`));
    expect(git(first, 'show', `HEAD:${ticket}.txt`)).toBe('news');
    running.kill('SIGKILL');
    await running.ended;
    shop.git(second, 'config', '--remove-section', 'filter.hang');
    const doctor = await shop.stack(['doctor']);
    expect(doctor.stdout).toMatch(/`stack sync` in front, api was cut off/);
    const fixed = await shop.stack(['doctor', '--fix', '--yes']);
    expect(fixed.stdout + fixed.stderr).toMatch(/taken back/);
    expect(look()).toEqual(before);
    expect((await sync()).code).toBe(0);
    expect(git(first, 'status', '--porcelain')).toBe('A  mine.txt');
  });
});
