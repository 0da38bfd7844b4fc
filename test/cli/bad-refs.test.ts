import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('a repo, base or branch that will not do', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  it.each([
    ['--from-frnt=main', /--from-frnt: stack\.yml has no repo "frnt"/, /did you mean front\? its repos: front, api/],
    ['--on-x=main', /--on-x: stack\.yml has no repo "x"/, /its repos: front, api/],
    ['--with=x', /--with x: stack\.yml has no repo "x"/, /its repos: front, api/],
    ['--from=main', /--from needs the name of a repo/, /--from-REPO=REF/],
    ['--on=front=main', /--on needs the name of a repo/, /--on-REPO=BRANCH/],
    ['--from-front=a b', /"a b" is not a ref/, /a branch, a tag or a commit/],
  ])('%s is refused', async (flag, message, hint) => {
    await expectRefusal(shop, ['create', 'feat-02', flag, '--no-start'], { code: 'usage', message, hint });
  });

  it('--from and --on for one repo exclude each other', async () => {
    const args = ['create', 'feat-02', '--from-front=main', '--on-front=feat/ui', '--no-start'];
    await expectRefusal(shop, args, {
      code: 'usage',
      message: /exclude each other/,
      hint: /--from makes a new branch/,
    });
  });

  it.each([
    ['--from-front=feat/iu', /front has no base "feat\/iu"/, /did you mean feat\/ui\?/],
    ['--from-front=ui', /front has no base "ui"/, /did you mean feat\/ui\?/],
    ['--from-api=quite-another', /api has no base "quite-another"/, /it has .*feat\/endpoint, main/],
    ['--from-front=@{upstream}', /front has no base "@\{upstream\}"/, /it has .*main/],
    ['--from-front=--all', /front has no base "--all"/, /it has .*main/],
    ['--on-front=feat/iu', /front has no branch "feat\/iu"/, /did you mean feat\/ui\?/],
  ])('%s is refused with the names there are', async (flag, message, hint) => {
    await expectRefusal(shop, ['create', 'feat-02', flag, '--no-start'], { code: 'not-found', message, hint });
  });

  it('a branch that is there already is refused, with the flag that works on it', async () => {
    shop.git('front', 'branch', 'feat-02', 'main');
    const expected = { message: /front has a branch feat-02 already/, hint: /--on-front=feat-02/ };
    await expectRefusal(shop, ['create', 'feat-02', '--no-start'], { code: 'exists', ...expected });
    shop.git('front', 'branch', '-d', 'feat-02');
  });

  it.each([
    ['feat', 'feat/ui'],
    ['feat/ui/more', 'feat/ui'],
    ['feat-01/more', 'feat-01'],
  ])('a branch %s beside %s is refused, since git cannot keep both', async (name, other) => {
    const message = new RegExp(`front has a branch ${other}, and git cannot keep ${name} beside it`);
    await expectRefusal(shop, ['create', name, '--no-start'], { code: 'exists', message, hint: /another name/ });
  });

  it.each([
    ['feat-01', 'tickets/feat-01/front'],
    ['main', 'front'],
  ])('--on-front=%s is refused, since it is checked out in %s', async (branch, folder) => {
    const message = new RegExp(`front: ${branch} is checked out at ${shop.at(folder)}`);
    const args = ['create', 'feat-02', `--on-front=${branch}`, '--no-start'];
    await expectRefusal(shop, args, { code: 'exists', message, hint: new RegExp(`--from-front=${branch}`) });
  });

  it('what one repo refuses keeps the others from being touched', async () => {
    shop.git('api', 'branch', 'feat-02', 'main');
    const expected = { message: /api has a branch feat-02 already/, hint: /--on-api=feat-02/ };
    await expectRefusal(shop, ['create', 'feat-02', '--with', 'api', '--no-start'], { code: 'exists', ...expected });
    shop.git('api', 'branch', '-d', 'feat-02');
  });

  describe('when the remote has it', () => {
    beforeAll(() => {
      shop.git('.', 'clone', '--quiet', '--bare', 'front', '../front.git');
      shop.git('front', 'remote', 'add', 'origin', '../../front.git');
      shop.git('front', 'push', '--quiet', 'origin', 'feat/ui:feat/far', 'feat/ui:feat/further');
      shop.git('front', 'update-ref', '-d', 'refs/remotes/origin/feat/far');
      shop.git('front', 'update-ref', '-d', 'refs/remotes/origin/feat/further');
    });

    it('a base is fetched, which is said', async () => {
      const run = await shop.stack(['create', 'far-1', '--from-front=feat/far', '--no-start']);
      expect(run).toMatchObject({ code: 0 });
      expect(run.stderr).toContain('front: feat/far was only on the remote; fetched it');
      expect(run.stdout).toContain('[feat/far]');
      expect(shop.git('tickets/far-1/front', 'rev-parse', 'HEAD')).toBe(shop.git('front', 'rev-parse', 'feat/ui'));
    });

    it('`origin/…` names it too, and a push of the new branch goes to its own name', async () => {
      const run = await shop.stack(['create', 'far-2', '--from-front=origin/feat/further', '--no-start']);
      expect(run).toMatchObject({ code: 0 });
      expect(shop.git('front', 'for-each-ref', '--format=%(upstream)', 'refs/heads/far-2')).toBe(
        'refs/remotes/origin/far-2',
      );
    });

    it('--dry-run names it and fetches nothing', async () => {
      shop.git('front', 'update-ref', '-d', 'refs/remotes/origin/feat/far');
      const before = shop.photograph();
      const run = await shop.stack(['create', 'far-3', '--from-front=feat/far', '--no-start', '--dry-run']);
      expect(run).toMatchObject({ code: 0 });
      expect(run.stdout).toContain('worktree on far-3, from feat/far');
      expect(shop.photograph()).toBe(before);
    });

    it('a pull or merge request is fetched each time, and there is a base from then on', async () => {
      const bare = shop.at('../front.git');
      const show = (ref: string, commit: string): string => shop.git(bare, 'update-ref', `refs/${ref}/head`, commit);
      show('pull/7', 'feat/ui');
      show('merge-requests/8', 'feat/ui');
      const run = await shop.stack(['create', 'pr-7', '--from-front=pr:7', '--no-start']);
      expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('[pull/7/head]') });
      expect(run.stderr).toContain('front: fetched pr:7');
      show('pull/7', 'main');
      const later = await shop.stack(['recreate', 'pr-7', '--from-front=pr:7', '--no-start']);
      expect(later).toMatchObject({ code: 0, stderr: expect.stringContaining('fetched pr:7') });
      const other = ['create', 'mr-8', '--from-front=mr:8', '--no-start', '--json'];
      expect(JSON.parse((await shop.stack(other)).stdout).repos.front.base).toBe('merge-requests/8/head');
      for (const [ticket, commit] of Object.entries({ 'pr-7': 'main', 'mr-8': 'feat/ui' }))
        expect(shop.git(`tickets/${ticket}/front`, 'rev-parse', 'HEAD')).toBe(shop.git('front', 'rev-parse', commit));
    });

    it('one that no remote has is refused, and so is work on its branch', async () => {
      const code = 'not-found';
      const args = (flag: string): string[] => ['create', 'pr-9', flag, '--no-start'];
      const message = /^no remote of front has pull request 9/;
      await expectRefusal(shop, args('--from-front=pr:9'), { code, message, hint: /refs\/pull\/\*\/head/ });
      const onIt = { code, message: /front has no branch "pr:7"/, hint: /--from-front=pr:7.* pull request 7/ } as const;
      await expectRefusal(shop, args('--on-front=pr:7'), onIt);
    });

    it('a remote that does not answer is named beside what is missing', async () => {
      shop.git('front', 'remote', 'set-url', 'origin', '../../gone.git');
      const expected = { message: /front has no base "feat\/new".*origin/, hint: /./ };
      await expectRefusal(shop, ['create', 'far-4', '--from-front=feat/new', '--no-start'], {
        code: 'not-found',
        ...expected,
      });
    });
  });
});
