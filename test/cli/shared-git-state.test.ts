import { chownSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeHook } from '../support/git-repos.ts';
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
    const create = await shop.stack(['create', 'feat-02', '--no-start']);
    expect(create.stderr).toContain(cure);
    for (const told of [doctor, create.stderr]) expect(told).not.toContain('set `path:`');
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

  it('what ssh says of a remote is told, beside git’s own last words', async () => {
    shop.git('front', 'remote', 'add', 'origin', 'ssh://git.example.invalid/front');
    const ssh = "sh -c 'echo no route to the office: is the VPN up >&2; exit 255'";
    const args = ['create', 'feat-01', '--from-front=feat/theirs', '--no-start'];
    const run = await shop.stack(args, { env: { GIT_SSH_COMMAND: ssh, GIT_SSH_VARIANT: 'simple' } });
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/^stack: front has no base "feat\/theirs", and origin could not be asked \(/m);
    expect(run.stderr).toMatch(/^ {2}no route to the office: is the VPN up$/m);
  });

  it('what a promisor remote that is gone means is told, and nothing is half-made', async () => {
    shop.git('front', 'config', 'uploadpack.allowFilter', 'true');
    shop.git('front', 'switch', '--quiet', 'feat/ui');
    shop.commit('front', 'large.bin', 'large\n');
    shop.git('front', 'switch', '--quiet', 'main');
    shop.git('.', 'clone', '--quiet', '--filter=blob:none', `file://${shop.at('front')}`, 'partial');
    shop.configure((text) => text.replace('path: ./front', 'path: ./partial'));
    renameSync(shop.at('front'), shop.at('away'));
    const before = shop.photograph();
    const run = await shop.stack(['create', 'feat-01', '--from-front=origin/feat/ui', '--no-start']);
    expect(run.code).toBe(1);
    const told = run.stderr.slice(run.stderr.search(/^stack: /m));
    expect(told).toContain(`'${shop.at('front')}' does not appear to be a git repository`);
    expect(told).toMatch(/^ {2}fatal: could not fetch \w+ from promisor remote$/m);
    expect(withoutRecords(shop.photograph())).toBe(withoutRecords(before));
  });

  it('what a hook says is told in whole', async () => {
    writeHook(
      shop.at('front'),
      'post-checkout',
      'echo "husky: no node_modules" >&2; echo "run the install" >&2; exit 1',
    );
    const run = await shop.stack(['create', 'feat-01', '--no-start']);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(
      /^! front: a git hook failed, the worktree is fine: husky: no node_modules; run the install$/m,
    );
  });

  describe('a sparse main checkout', () => {
    beforeEach(() => {
      shop.commit('front', 'apps/web/server.mjs', shop.read('front/server.mjs'));
      shop.commit('front', 'docs/large.txt', 'large\n');
      shop.commit('api', 'apps/api/server.mjs', shop.read('api/server.mjs'));
      shop.configure((text) => text.replace('repo: front\n', 'repo: front\n    dir: apps/web\n'));
    });

    it.each([[['--cone', 'src']], [['--no-cone', '/*', '!/apps/', '!/docs/']]])(
      'gives a worktree that has the folders services run in, and no more (%j)',
      async (sparse) => {
        shop.git('front', 'sparse-checkout', 'set', ...sparse);
        const settings = shop.git('front', 'config', '--list', '--show-scope');
        const run = await shop.stack(['create', 'feat-01']);
        expect(run).toMatchObject({ code: 0 });
        expect(run.stderr).toContain('front: the sparse checkout leaves out apps/web; this worktree has it');
        expect(existsSync(shop.at('tickets/feat-01/front/docs'))).toBe(false);
        expect(existsSync(shop.at('front/apps'))).toBe(false);
        expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
        const left = shop.git('front', 'config', '--list', '--show-scope').split('\n');
        expect(left.filter((line) => !settings.includes(line))).toEqual([]);
      },
    );

    it('that leaves out what the baseline runs in is a refusal with its cure', async () => {
      shop.configure((text) => text.replace('repo: api\n', 'repo: api\n    dir: apps/api\n'));
      shop.git('api', 'sparse-checkout', 'set', '--cone', 'src');
      const run = await shop.stack(['create', 'feat-01']);
      expect(run).toMatchObject({ code: 2 });
      expect(run.stderr).toMatch(/^stack: api runs in apps\/api, which the sparse checkout of \S+api leaves out$/m);
      expect(run.stderr).toContain(`hint: \`git -C ${shop.at('api')} sparse-checkout add apps/api\` brings it in`);
      shop.git('api', 'sparse-checkout', 'add', 'apps/api');
      expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    });
  });
});

function withoutRecords(photograph: string): string {
  return photograph.replace(/^records: .*$/m, '');
}
