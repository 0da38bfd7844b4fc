import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderNote } from '../../src/domain/note.ts';
import { onLinuxAlone } from '../support/mac.ts';
import { isRunning } from '../support/process-world.ts';
import { DAEMON, kill } from '../support/processes.ts';
import { expectRefusal } from '../support/refusal.ts';
import { listProcesses, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('destroy', () => {
  let shop: Shop;
  let before: string;
  beforeEach(async () => {
    shop = makeShop();
    before = withoutRecords(shop.photograph());
    await create('feat-01');
  });
  afterEach(() => shop.dispose());

  const create = (ticket: string) => shop.stack(['create', ticket, '--with', 'api', '--no-start', '--quiet']);
  const front = 'tickets/feat-01/front';
  const api = 'tickets/feat-01/api';

  it('leaves both repos and the root exactly as they were', async () => {
    await create('feat-02');
    expect(await shop.stack(['destroy', 'feat-01', 'feat-02'])).toMatchObject({
      code: 0,
      stdout: 'feat-01 is gone\nfeat-02 is gone',
    });
    expect(withoutRecords(shop.photograph())).toBe(before);
  });

  it('refuses work that would be lost, with a list per repo, before any ticket is touched', async () => {
    shop.write(`${front}/server.mjs`, 'changed\n');
    shop.write(`${front}/new.txt`, 'new\n');
    shop.commit(api, 'done.txt', 'done\n');
    await create('feat-02');
    const expected = { message: /^destroying feat-01 would lose work$/, hint: /stack destroy feat-01 --force/ };
    const run = await expectRefusal(shop, ['destroy', 'feat-02', 'feat-01'], { code: 'dirty', ...expected });
    expect(run.stderr.split('\n').slice(2)).toEqual([
      '  feat-01 front:',
      '    1 uncommitted change: server.mjs',
      '    1 untracked file: new.txt',
      '  feat-01 api:',
      expect.stringMatching(/^ {4}1 commit on feat-01 that no other branch, tag or remote has: .*Write done\.txt/),
    ]);
  });

  it('takes what only tickets have that go together for unsafe, and --force saves it', async () => {
    shop.commit(front, 'done.txt', 'done\n');
    await shop.stack(['create', 'feat-02', '--from-front=feat-01', '--no-start', '--quiet']);
    const both = ['destroy', 'feat-01', 'feat-02'];
    const message = /^destroying feat-01, feat-02 would lose work$/;
    await expectRefusal(shop, both, { code: 'unpushed', message, hint: /--keep-branch/ });
    const { destroyed } = JSON.parse((await shop.stack([...both, '--force', '--json'])).stdout);
    for (const { rescued } of destroyed) {
      const ref = rescued.find(({ repo }: { repo: string }) => repo === 'front')?.ref;
      expect(shop.git('front', 'show', `${ref}:done.txt`)).toBe('done');
    }
    expect(destroyed).toHaveLength(2);
  });

  it('does not take away, not even with --force, what cannot be saved since its repo is gone', async () => {
    shop.write(`${front}/server.mjs`, 'changed\n');
    // Git leaves the folder of its last ref.
    shop.git('api', 'update-ref', 'refs/stack/rescue/other/now', 'main');
    renameSync(shop.at('front'), shop.at('elsewhere'));
    await expectRefusal(shop, ['destroy', 'feat-01', '--force'], {
      code: 'dirty',
      message: /^the files in .*\/feat-01\/front cannot be saved: their repo is gone from .*\/front$/,
      hint: /^put the repo back, or move /,
    });
    rmSync(shop.at(front), { recursive: true });
    expect(await shop.stack(['destroy', 'feat-01', '--force'])).toMatchObject({ code: 0 });
    renameSync(shop.at('elsewhere'), shop.at('front'));
  });

  it.each([[[]], [['--force']]])(
    'looks once more when it has waited for another command in the repo %s',
    async (flags) => {
      const hook = shop.at('front/.git/hooks/post-checkout');
      shop.write(
        hook,
        `#!/bin/sh\ntouch ${shop.at('waiting')}\nwhile [ ! -e ${shop.at('go')} ]; do sleep 0.05; done\n`,
      );
      chmodSync(hook, 0o755);
      const slow = shop.start(['create', 'feat-02', '--no-start']);
      await until('the repo is locked', () => existsSync(shop.at('waiting')));
      const run = shop.start(['destroy', 'feat-01', ...flags]);
      await until('it waits', () => shop.state()?.instances['feat-01']?.phase === 'destroying');
      await until('it is at the worktree', () => !existsSync(shop.at(api)));
      shop.write(`${front}/late.txt`, 'work\n');
      shop.write('go', '');
      expect(await run.ended).toMatchObject({ code: 3, stderr: expect.stringContaining('1 untracked file: late.txt') });
      expect(await slow.ended).toMatchObject({ code: 0 });
      expect(shop.read(`${front}/late.txt`)).toBe('work\n');
    },
  );

  it('refuses commits alone as unpushed, and --keep-branch keeps them', async () => {
    shop.commit(front, 'done.txt', 'done\n');
    const tip = shop.git(front, 'rev-parse', 'HEAD');
    const expected = { message: /would lose work/, hint: /--keep-branch/ };
    await expectRefusal(shop, ['destroy', 'feat-01'], { code: 'unpushed', ...expected });
    expect(await shop.stack(['destroy', 'feat-01', '--keep-branch'])).toMatchObject({ code: 0 });
    expect(shop.git('front', 'rev-parse', 'feat-01')).toBe(tip);
    expect(existsSync(shop.at(front))).toBe(false);
  });

  it('takes what was pushed or merged for safe', async () => {
    shop.commit(front, 'done.txt', 'done\n');
    shop.git('front', 'merge', '--quiet', 'feat-01');
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('takes files that git ignores for nobody’s work', async () => {
    shop.write(`${front}/.gitignore`, '.env.local\nnode_modules\n');
    shop.git(front, 'commit', '--quiet', '--all', '--message', 'Ignore');
    shop.git('front', 'merge', '--quiet', 'feat-01');
    shop.write(`${front}/node_modules/x/index.js`, '');
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('takes notes of what became of a ticket for nobody’s work, and a person’s line among them for theirs', async () => {
    const note = renderNote(new Date(), 'put out of the queue');
    shop.write('tickets/feat-01/NOTES.md', `${note}ask Ann\n`);
    const refused = await shop.stack(['destroy', 'feat-01']);
    expect(refused).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('1 file beside the worktrees: NOTES.md'),
    });
    shop.write('tickets/feat-01/NOTES.md', note);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(withoutRecords(shop.photograph())).toBe(before);
  });

  it('of a ticket that has left nothing but notes is done by doctor, and no new ticket inherits them', async () => {
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    shop.write('tickets/feat-01/NOTES.md', renderNote(new Date(), 'put out of the queue'));
    expect(await create('feat-01')).toMatchObject({ code: 2, stderr: expect.stringContaining('holds NOTES.md') });
    shop.write('tickets/feat-01/.stack-ticket', JSON.stringify({ root: shop.root, ticket: 'feat-01' }));
    expect((await shop.stack(['doctor', '--fix', '--yes'])).stdout).toContain('feat-01 is gone');
    expect(existsSync(shop.at('tickets/feat-01'))).toBe(false);
  });

  it('--force saves the work first, says where, and what is there is all of it', async () => {
    shop.write(`${front}/server.mjs`, 'changed\n');
    shop.write(`${front}/folder/new.txt`, 'new\n');
    shop.commit(front, 'done.txt', 'done\n');
    const run = await shop.stack(['destroy', 'feat-01', '--force']);
    expect(run.code).toBe(0);
    const [, ref = ''] = /saved: git branch feat-01-rescued (refs\/stack\/rescue\/feat-01\/\S+)/.exec(run.stdout) ?? [];
    expect(existsSync(shop.at(front))).toBe(false);
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
    expect(shop.git('front', 'show', `${ref}:server.mjs`)).toBe('changed');
    expect(shop.git('front', 'show', `${ref}:folder/new.txt`)).toBe('new');
    expect(shop.git('front', 'show', `${ref}:done.txt`)).toBe('done');
    expect(shop.git('front', 'log', '--format=%s', ref)).toContain('Write done.txt');
    // Where nothing was at risk the ref keeps what was checked out, so that all can be made again.
    expect(shop.git('api', 'rev-parse', ref)).toBe(shop.git('api', 'rev-parse', 'main'));
    shop.git('front', 'branch', 'feat-01-rescued', ref);
    expect(shop.git('front', 'show', 'feat-01-rescued:folder/new.txt')).toBe('new');
  });

  it('--force saves what a service writes while it ends', async () => {
    const server = shop.read(`${front}/server.mjs`);
    const write = `for (const name of ['at-the-end', 'ignored']) writeFileSync(name, 'late')`;
    const atEnd = `process.on('SIGTERM', () => { ${write}; process.exit(); });`;
    shop.write(`${front}/.gitignore`, '.env.local\nignored\n');
    shop.write(`${front}/server.mjs`, `import { writeFileSync } from 'node:fs';\n${server}${atEnd}\n`);
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    const run = await shop.stack(['destroy', 'feat-01', '--force']);
    const [, ref = ''] = /saved: git branch feat-01-rescued (\S+)/.exec(run.stdout) ?? [];
    for (const name of ['at-the-end', 'ignored']) expect(shop.git('front', 'show', `${ref}:${name}`)).toBe('late');
  });

  it('--force saves thousands of files that git ignores, every one', async () => {
    shop.write(`${front}/.gitignore`, '.env.local\npictures\n');
    shop.git(front, 'commit', '--quiet', '--all', '--message', 'Ignore');
    const names = Array.from({ length: 6000 }, (_, index) => `pictures/${index % 60}/${index}.png`);
    for (const name of names) shop.write(`${front}/${name}`, name);
    const refusal = await shop.stack(['destroy', 'feat-01']);
    expect(refusal).toMatchObject({ code: 4, stderr: expect.stringContaining('6000 files that git ignores') });
    const run = await shop.stack(['destroy', 'feat-01', '--force']);
    const [, ref = ''] = /saved: git branch feat-01-rescued (\S+)/.exec(run.stdout) ?? [];
    const saved = shop.git('front', 'ls-tree', '-r', '--name-only', ref, 'pictures').split('\n');
    expect(saved.sort()).toEqual(names.sort());
  });

  it('refuses what a person put beside the worktrees, and names it', async () => {
    shop.write('tickets/feat-01/notes.md', 'mine\n');
    await expectRefusal(shop, ['destroy', 'feat-01'], {
      code: 'dirty',
      message: /^destroying feat-01 would lose work$/,
      hint: /^move it elsewhere; `stack destroy feat-01 --force` saves it first/,
    });
    expect(shop.read('tickets/feat-01/notes.md')).toBe('mine\n');
  });

  it('works on what somebody has deleted by hand', async () => {
    rmSync(shop.at('tickets/feat-01'), { recursive: true });
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(withoutRecords(shop.photograph())).toBe(before);
  });

  it.each([
    ['gone', () => rmSync(shop.at('stack.yml'))],
    ['broken', () => shop.write('stack.yml', 'name: [shop\n')],
    [
      'about other repos',
      () =>
        shop.write(
          'stack.yml',
          'name: new\nruntime: process\nrepos: {x: {path: x}}\nservices: {x: {repo: x, command: x}}\n',
        ),
    ],
  ])('works when stack.yml is %s', async (_, spoil) => {
    const good = shop.read('stack.yml');
    await shop.stack(['start', 'feat-01', '--no-wait']);
    expect(listProcesses(shop.root).length).toBeGreaterThan(0);
    spoil();
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0, stdout: 'feat-01 is gone' });
    expect(listProcesses(shop.root)).toEqual([]);
    shop.write('stack.yml', good);
    expect(withoutRecords(shop.photograph())).toBe(before);
  });

  it('takes away what runs, and frees its ports', async () => {
    await shop.stack(['start', 'feat-01']);
    const url = (await shop.ps()).instances[0]?.repos.front?.url ?? '';
    expect((await fetch(url)).ok).toBe(true);
    const run = await shop.stack(['destroy', 'feat-01']);
    expect(run).toMatchObject({ code: 0 });
    // Until it has ended it writes its log.
    expect(run.stderr).toMatch(/^- front +process[\s\S]*^- feat-01 +logs/m);
    await expect(fetch(url)).rejects.toThrow();
    expect(listProcesses(shop.root)).toEqual([]);
  });

  // On a Mac it is its service's child still, and ends with it.
  onLinuxAlone('names a daemon that left its session and environment, and goes once that has ended', async () => {
    shop.commit('front', 'server.mjs', DAEMON);
    expect(await shop.stack(['create', 'feat-02'])).toMatchObject({ code: 0 });
    const run = await shop.stack(['destroy', 'feat-02', '--force']);
    const pid = Number(/front has left \S+ \(pid (\d+)\), which goes on and keeps its port/.exec(run.stderr)?.[1]);
    expect(run.code).toBe(3);
    expect(pid).toBeGreaterThan(1);
    expect((await shop.stack(['destroy', 'feat-02'])).code).toBe(3);
    kill(pid);
    await until('it has ended', () => !isRunning(pid));
    expect(await shop.stack(['destroy', 'feat-02'])).toMatchObject({ code: 0 });
  });

  it('names what is there again after it was removed, keeps the record, and goes on from there', async () => {
    await create('feat-02');
    const hook = shop.at('front/.git/hooks/reference-transaction');
    shop.write(
      hook,
      `#!/bin/sh
[ "$1" = committed ] || exit 0
while read old new ref; do
  [ "$ref" = refs/heads/feat-01 ] || continue
  git rev-parse --verify --quiet "$ref" >/dev/null || git update-ref "$ref" main
done
`,
    );
    chmodSync(hook, 0o755);
    const run = await shop.stack(['destroy', 'feat-01']);
    expect(run.code).toBe(3);
    expect(run.stderr).toMatch(/^stack: feat-01: still there after it was removed: the branch feat-01 in front$/m);
    expect(run.stderr).toMatch(/^hint: .*`stack destroy feat-01` tries again$/m);
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'broken' }, { ticket: 'feat-02' }]);
    rmSync(hook);
    expect(await shop.stack(['destroy', 'feat-01', 'feat-02'])).toMatchObject({ code: 0 });
    expect(withoutRecords(shop.photograph())).toBe(before);
  });
});

function withoutRecords(photograph: string): string {
  return photograph.replace(/^records: .*$/m, '');
}
