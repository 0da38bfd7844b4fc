import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { QueueEntry } from '../../src/domain/queue.ts';
import { killHalfMerged } from '../support/half-merged.ts';
import { expectRefusal } from '../support/refusal.ts';
import { listProcesses, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const REPOS = ['front', 'api'] as const;
const TICKETS = ['feat-01', 'feat-02', 'feat-03'];

describe('the queue of tickets to be merged', () => {
  let shop: Shop;
  let first: Record<string, string>;
  const git = (repo: string, ...args: string[]): string => shop.git(repo, ...args);
  const queue = (...args: string[]) => shop.stack(['queue', ...args]);
  const entries = async (): Promise<QueueEntry[]> => JSON.parse((await queue('list', '--json')).stdout).queue;
  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await entries()).map(({ ticket, state }) => [ticket, state]));
  const work = (ticket: string, file: string, text: string, repos: readonly string[] = REPOS): void => {
    for (const repo of repos) shop.commit(`tickets/${ticket}/${repo}`, file, text);
  };
  const tip = (repo: string): string => git(repo, 'rev-parse', 'main');
  const subjects = (repo: string): string[] =>
    git(repo, 'log', '--first-parent', '--reverse', '--format=%s', `${first[repo]}..main`).split('\n');
  /** Nothing of a verification is left: no ticket, branch, saved commit or process. */
  const expectNothingLeft = (): void => {
    expect(Object.keys(shop.state()?.instances ?? {}).sort()).toEqual(TICKETS);
    for (const repo of REPOS) expect(git(repo, 'for-each-ref', 'refs/stack', 'refs/heads/verify*')).toBe('');
    expect(listProcesses(shop.root)).toEqual([]);
  };
  /** A line that says it has begun, and goes on once `count` have. Its deadline is far beyond what that takes. */
  const meet = (count: number): string => {
    const folder = `${shop.folder}/meeting`;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    return `touch ${folder}/$STACK_TICKET; for i in $(seq 1200); do [ $(ls ${folder} | wc -l) -ge ${count} ] && exit 0; sleep 0.05; done; exit 9`;
  };

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
    for (const repo of REPOS) shop.commit(repo, 'shared.txt', 'one\ntwo\nthree\n');
    first = Object.fromEntries(REPOS.map((repo) => [repo, tip(repo)]));
    for (const ticket of TICKETS) await shop.stack(['create', ticket, '--no-start']);
  });
  afterEach(() => {
    rmSync(shop.at('.stack/queue.json'), { force: true });
    for (const repo of REPOS) {
      git(repo, 'switch', '--quiet', 'main');
      git(repo, 'reset', '--quiet', '--hard', first[repo] ?? '');
      git(repo, 'clean', '--quiet', '-d', '--force');
      for (const ticket of TICKETS) {
        git(`tickets/${ticket}/${repo}`, 'reset', '--quiet', '--hard', first[repo] ?? '');
        git(`tickets/${ticket}/${repo}`, 'clean', '--quiet', '-d', '--force');
      }
    }
  });
  afterAll(() => shop.dispose());

  it('merges what passes, with the files of the bases, and keeps a log of it', async () => {
    work('feat-01', 'one.txt', '1\n');
    const added = await queue('add', 'feat-01', '--json');
    expect(JSON.parse(added.stdout).queue).toMatchObject([
      { ticket: 'feat-01', state: 'waiting', attempts: 0, log: null, after: [] },
    ]);
    expect(tip('front')).toBe(first.front);
    const run = await queue('run', '--verify', 'cat front/one.txt api/one.txt', '--json');
    expect(run.code).toBe(0);
    const [entry] = JSON.parse(run.stdout).queue;
    expect(entry).toMatchObject({ ticket: 'feat-01', state: 'merged', attempts: 1 });
    expect(shop.read(entry.log)).toMatch(/^1\n1$/m);
    for (const repo of REPOS) {
      expect(git(repo, 'log', '-1', '--format=%s %P', 'main')).toBe(
        `Merge branch 'feat-01' ${first[repo]} ${git(repo, 'rev-parse', 'feat-01')}`,
      );
      expect(git(repo, 'status', '--porcelain')).toBe('');
      expect(shop.read(`${repo}/one.txt`)).toBe('1\n');
    }
    expectNothingLeft();
    const again = await queue('run');
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^feat-01 +merged +1 +-$/m);
  });

  it('verifies independent tickets side by side, the later one on top of the earlier', async () => {
    work('feat-01', 'one.txt', '1\n', ['api']);
    work('feat-02', 'two.txt', '2\n', ['front']);
    await queue('add', 'feat-01', 'feat-02');
    const run = await queue('run', '--verify', `ls front api; ${meet(2)}`, '--json');
    expect(run.code).toBe(0);
    const [, later] = JSON.parse(run.stdout).queue;
    expect(shop.read(later.log)).toMatch(/one\.txt/);
    expect([tip('api') !== first.api, tip('front') !== first.front]).toEqual([true, true]);
    expectNothingLeft();
  });

  it('puts out what fails twice, with its log and a note, and merges the others without it', async () => {
    for (const ticket of TICKETS) work(ticket, `${ticket}.txt`, `${ticket}\n`);
    work('feat-01', 'bad.txt', 'bad\n', ['api']);
    await queue('add', ...TICKETS);
    const line = 'ls api; ! test -e api/bad.txt';
    const run = await queue('run', '--verify', line);
    expect(run.code).toBe(4);
    expect(run.stderr).toMatch(/feat-02 is verified with feat-01 below it/);
    expect(run.stdout).toMatch(/^feat-01 +evicted +2 /m);
    expect(run.stdout).toMatch(/^! feat-01: `.*` ended with exit code 1; its output is in .*; `stack queue resume/m);
    expect(await states()).toEqual({ 'feat-01': 'evicted', 'feat-02': 'merged', 'feat-03': 'merged' });
    for (const repo of REPOS) expect(subjects(repo)).toEqual(["Merge branch 'feat-02'", "Merge branch 'feat-03'"]);
    const [out] = await entries();
    expect(shop.read(out?.log ?? '')).toMatch(/^bad\.txt$/m);
    expect(shop.read('tickets/feat-01/NOTES.md')).toMatch(/put out of the queue after 2 tries: .* exit code 1/);
    expectNothingLeft();

    git('tickets/feat-01/api', 'rm', '--quiet', 'bad.txt');
    git('tickets/feat-01/api', 'commit', '--quiet', '--message', 'Mend');
    expect((await queue('resume')).stdout).toMatch(/^feat-01 +waiting +0/m);
    expect((await queue('run', '--verify', line)).code).toBe(0);
    expect(subjects('api')).toEqual(["Merge branch 'feat-02'", "Merge branch 'feat-03'", "Merge branch 'feat-01'"]);
    rmSync(shop.at('tickets/feat-01/NOTES.md'));
  });

  it('lets one that conflicts wait for what is before it, and goes on without it where it still does', async () => {
    work('feat-01', 'shared.txt', 'of feat-01\n', ['api']);
    work('feat-02', 'shared.txt', 'of feat-02\n');
    work('feat-03', 'three.txt', '3\n');
    await queue('add', ...TICKETS);
    const run = await queue('run', '--verify', 'true', '--json');
    expect(run.code).toBe(4);
    const [, conflicted] = JSON.parse(run.stdout).queue;
    expect(conflicted).toMatchObject({ state: 'conflicted', reason: expect.stringMatching(/^api: .*: shared\.txt$/) });
    expect(conflicted.hint).toMatch(/stack sync feat-02 --resolve.*stack queue resume feat-02/);
    expect(await states()).toEqual({ 'feat-01': 'merged', 'feat-02': 'conflicted', 'feat-03': 'merged' });
    expect(shop.read('front/shared.txt')).toBe('one\ntwo\nthree\n');
    expectNothingLeft();

    await shop.stack(['sync', 'feat-02', '--resolve']);
    const resolving = await queue('resume', 'feat-02');
    expect(resolving.code).toBe(0);
    const held = await queue('run');
    expect([held.code, held.stdout]).toEqual([
      4,
      expect.stringMatching(/^! feat-02: conflicts of feat-02 are being resolved; `stack sync feat-02 --continue`/m),
    ]);
    await shop.stack(['sync', 'feat-02', '--abort']);

    // Put out, what was before it is not in its way any more.
    for (const repo of REPOS) git(repo, 'reset', '--quiet', '--hard', first[repo] ?? '');
    rmSync(shop.at('.stack/queue.json'));
    await queue('add', 'feat-01', 'feat-02');
    const fails = await queue('run', '--verify', '! grep feat-01 api/shared.txt', '--tries', '1');
    expect(fails.code).toBe(4);
    expect(await states()).toEqual({ 'feat-01': 'evicted', 'feat-02': 'merged' });
    rmSync(shop.at('tickets/feat-01/NOTES.md'));
  });

  it('goes on after Ctrl-C and kill -9; of two runs at once the second says so', async () => {
    work('feat-01', 'one.txt', '1\n');
    work('feat-02', 'two.txt', '2\n');
    await queue('add', 'feat-01', 'feat-02');
    const isOn = (name: string): boolean => existsSync(`${shop.folder}/on/${name}`);
    const hang = ['run', '--verify', `touch ${shop.folder}/on/$STACK_TICKET; sleep 1000`];
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      rmSync(`${shop.folder}/on`, { recursive: true, force: true });
      mkdirSync(`${shop.folder}/on`);
      const running = shop.start(['queue', ...hang]);
      await until('both are verified', () => isOn('verify-feat-01') && isOn('verify-feat-02'));
      expect(await states()).toEqual({ 'feat-01': 'verifying', 'feat-02': 'verifying' });
      const second = await queue('run');
      expect([second.code, second.stderr]).toEqual([
        1,
        expect.stringMatching(/another run of the queue is at it \(pid/),
      ]);
      // The copies have the tickets' commits in their branches, and go in a moment.
      const destroyed = await shop.stack(['destroy', 'feat-01']);
      expect([destroyed.code, destroyed.stderr]).toEqual([
        4,
        expect.stringMatching(/destroying feat-01 would lose work/),
      ]);
      expect((await shop.stack(['status'])).stdout).not.toMatch(/verify-/);
      running.kill(signal);
      expect((await running.ended).code).toBe(signal === 'SIGINT' ? 130 : 137);
      expect(await states()).toEqual({ 'feat-01': 'waiting', 'feat-02': 'waiting' });
      expect(tip('front')).toBe(first.front);
      if (signal === 'SIGINT') expectNothingLeft();
    }
    const left = (await shop.ps()).instances.filter(({ ticket }) => ticket.startsWith('verify-'));
    expect(left.map(({ problems }) => problems)).toEqual([
      [expect.stringMatching(/^a verification of feat-01 left it: `stack destroy verify-feat-01` removes it/)],
      [expect.stringMatching(/^a verification of feat-02 left it/)],
    ]);
    expect((await shop.stack(['doctor'])).stdout).toMatch(/verify-feat-01 .*left by a verification of feat-01/);
    const gone = await shop.stack(['destroy', 'verify-feat-02']);
    expect([gone.code, gone.stderr]).toEqual([0, expect.not.stringMatching(/saved/)]);
    const next = await queue('run', '--verify', 'true');
    expect([next.code, next.stdout, next.stderr]).toEqual([0, expect.anything(), expect.anything()]);
    expectNothingLeft();
    expect(subjects('api')).toHaveLength(2);
  });

  it('takes back what kill -9 left half merged, and merges it', async () => {
    work('feat-01', 'shared.txt', 'ticket\n');
    await queue('add', 'feat-01');
    await killHalfMerged(shop, ['queue', 'run']);
    const next = await queue('run');
    expect([next.code, next.stderr]).toEqual([0, expect.stringMatching(/feat-01 was cut off, and is taken back/)]);
    for (const repo of REPOS) expect(git(repo, 'status', '--porcelain')).toBe('');
    expect(subjects('front')).toHaveLength(1);
  });

  it('merges nothing on top of a merge that is killed between two repos while it verifies', async () => {
    work('feat-01', 'shared.txt', 'ticket\n');
    work('feat-02', 'mine.txt', 'mine\n');
    await queue('add', 'feat-02');
    const [begun, go] = [`${shop.folder}/begun`, `${shop.folder}/go-on`];
    const line = `touch ${begun}; for i in $(seq 2400); do [ -e ${go} ] && exit 0; sleep 0.05; done; exit 9`;
    const running = shop.start(['queue', 'run', '--verify', line]);
    await until('it verifies', () => existsSync(begun), 60);
    await killHalfMerged(shop, ['merge', 'feat-01']);
    writeFileSync(go, '');
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([0, expect.stringMatching(/feat-01 was cut off, and is taken back/)]);
    for (const repo of REPOS) expect(subjects(repo)).toEqual([expect.stringContaining('feat-02')]);
    expect(git('front', 'status', '--porcelain')).toBe('');
  });

  it('takes what is added while it runs, leaves out what is dropped, and merges after what was said', async () => {
    for (const ticket of TICKETS) work(ticket, `${ticket}.txt`, `${ticket}\n`);
    await queue('add', 'feat-02');
    await queue('add', 'feat-01', '--after', 'feat-02');
    const go = `${shop.folder}/go`;
    const line = `for i in $(seq 1200); do test -e ${go} && exit 0; sleep 0.05; done; exit 9`;
    const running = shop.start(['queue', 'run', '--verify', line]);
    await until('both are verified', async () => Object.values(await states()).every((one) => one === 'verifying'));
    await queue('add', 'feat-03', '--after', 'feat-01');
    const kept = await queue('drop', 'feat-01');
    expect([kept.code, kept.stderr]).toEqual([4, expect.stringMatching(/feat-03 comes after feat-01/)]);
    await queue('drop', 'feat-03');
    await queue('add', 'feat-03', '--after', 'feat-02');
    await queue('drop', 'feat-01');
    work('feat-02', 'late.txt', 'late\n', ['api']);
    shop.write('../go', '');
    expect((await running.ended).code).toBe(0);
    expect(await states()).toEqual({ 'feat-02': 'merged', 'feat-03': 'merged' });
    expect(subjects('front')).toEqual(["Merge branch 'feat-02'", "Merge branch 'feat-03'"]);
    expect(shop.read('api/late.txt')).toBe('late\n');
    expectNothingLeft();
  });

  it('leaves one that something is in the way of, and says what', async () => {
    work('feat-01', 'shared.txt', 'ticket\n', ['api']);
    work('feat-02', 'two.txt', '2\n', ['front']);
    await queue('add', 'feat-01', 'feat-02');
    shop.write('api/shared.txt', 'mine\n');
    const run = await queue('run');
    expect(run.code).toBe(4);
    expect(run.stderr).toMatch(/nothing is verified: stack\.yml has no `verify:`/);
    expect(run.stdout).toMatch(/^! feat-01: api: uncommitted work in .* is in the way: shared\.txt; commit it/m);
    expect(await states()).toEqual({ 'feat-01': 'waiting', 'feat-02': 'merged' });
    expect(shop.read('api/shared.txt')).toBe('mine\n');
    git('api', 'checkout', '--quiet', 'shared.txt');
    expect((await queue('run')).code).toBe(0);
  });

  it('refuses what cannot be queued, in one line', async () => {
    const refused = (args: readonly string[], expected: Parameters<typeof expectRefusal>[2]) =>
      expectRefusal(shop, ['queue', ...args], expected);
    await refused(['add', 'feat-9'], { code: 'not-found', message: /no ticket "feat-9"/, hint: /feat-0/ });
    await refused(['add', 'feat-01'], { code: 'conflict', message: /feat-01 has nothing to merge/, hint: /status/ });
    work('feat-01', 'one.txt', '1\n');
    shop.write('tickets/feat-01/api/more.txt', 'more\n');
    await refused(['add', 'feat-01'], { code: 'dirty', message: /not committed: 1 new/, hint: /stack commit feat-01/ });
    rmSync(shop.at('tickets/feat-01/api/more.txt'));
    for (const flag of ['--jobs=7', '--tries=9', '--no-ff', '--verify=true']) {
      const hint = /queue run --/;
      await refused(['add', 'feat-01', flag], { code: 'usage', message: /queue add takes no --/, hint });
    }
    await refused(['add', 'feat-01', '--after', 'feat-01'], {
      code: 'usage',
      message: /wait for each other/,
      hint: /drop/,
    });
    await refused(['add', 'feat-01', '--after=feat-02'], {
      code: 'not-found',
      message: /feat-02 is not in/,
      hint: /add/,
    });
    await refused(['drop', 'feat-01'], { code: 'not-found', message: /feat-01 is not in/, hint: /it is empty/ });
    expect(await entries()).toEqual([]);
    expect(await queue('run')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^the queue is empty/) });
    await queue('add', 'feat-01');
    await refused(['add', 'feat-01'], { code: 'exists', message: /in the queue already/, hint: /show feat-01/ });
    await refused(['drop', 'feat-02'], { code: 'not-found', message: /feat-02 is not in the queue/, hint: /feat-01/ });
    await refused(['run', '--jobs', '0'], { code: 'usage', message: /--jobs is a number/, hint: /2/ });
    await refused(['rum'], { code: 'usage', message: /did you mean `run`/, hint: /add\|run/ });
    await refused(['list', '--verify', 'true'], {
      code: 'usage',
      message: /list takes no --verify/,
      hint: /queue run/,
    });
    await refused(['resume', 'feat-01'], {
      code: 'usage',
      message: /feat-01 is waiting: there is nothing/,
      hint: /run/,
    });
    const shown = await queue('show', 'feat-01');
    expect(shown.stdout).toBe('feat-01: waiting');

    await shop.stack(['create', 'feat-04', '--no-start']);
    work('feat-04', 'four.txt', '4\n');
    await queue('add', 'feat-04');
    await shop.stack(['destroy', 'feat-04', '--force']);
    const run = await queue('run');
    expect(run.code).toBe(4);
    expect(await states()).toEqual({ 'feat-01': 'merged', 'feat-04': 'evicted' });
    expect(run.stdout).toMatch(/^! feat-04: the ticket was destroyed, or made again, .*; `stack queue drop feat-04`/m);
  });

  it('puts out one that conflicted and was destroyed then', async () => {
    await shop.stack(['create', 'feat-05', '--no-start']);
    work('feat-05', 'shared.txt', 'mine\n', ['front']);
    shop.commit('front', 'shared.txt', 'theirs\n');
    await queue('add', 'feat-05');
    await queue('run');
    expect(await states()).toMatchObject({ 'feat-05': 'conflicted' });
    await shop.stack(['destroy', 'feat-05', '--force', '--yes']);
    const run = await queue('run');
    expect(await states()).toMatchObject({ 'feat-05': 'evicted' });
    expect(run.stdout).toMatch(/^! feat-05: the ticket was destroyed, .*; `stack queue drop feat-05`/m);
    await queue('drop', 'feat-05');
    expect(await queue('run')).toMatchObject({ code: 0 });
  });
});

describe('a queue of tickets that stand on each other', () => {
  let shop: Shop;
  const queue = (...args: string[]) => shop.stack(['queue', ...args]);
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--with', 'api', '--no-start']);
    shop.commit('tickets/feat-01/api', 'one.txt', '1\n');
    shop.commit('tickets/feat-01/front', 'one.txt', '1\n');
  });
  afterAll(() => shop.dispose());

  it('verifies what borrows a repo with what those before it have done there', async () => {
    await shop.stack(['create', 'feat-02', '--no-start']);
    shop.commit('tickets/feat-02/front', 'two.txt', '2\n');
    await queue('add', 'feat-01', 'feat-02');
    // The first one ends when the other one has been seen to have its work in both repos.
    const seen = `${shop.folder}/seen`;
    const wait = `for i in $(seq 1200); do test -e ${seen} && exit 0; sleep 0.05; done; exit 9`;
    const line = `if test -e front/two.txt; then test -e api/one.txt -a -e front/one.txt && touch ${seen}; else ${wait}; fi`;
    const run = await queue('run', '--verify', line);
    expect([run.code, run.stdout]).toEqual([0, expect.stringMatching(/^feat-02 +merged +1 +-$/m)]);
    await queue('drop', 'feat-01', 'feat-02');
  });

  it('merges one that was made from another’s branch after that, into the same base', async () => {
    await shop.stack(['create', 'feat-03', '--no-start']);
    shop.commit('tickets/feat-03/front', 'three.txt', '3\n');
    await shop.stack(['create', 'feat-04', '--from-front=feat-03', '--no-start']);
    shop.commit('tickets/feat-04/front', 'four.txt', '4\n');
    const before = shop.git('front', 'rev-parse', 'main');
    await queue('add', 'feat-03');
    const added = await queue('add', 'feat-04', '--json');
    expect(JSON.parse(added.stdout).queue[1]).toMatchObject({ ticket: 'feat-04', after: ['feat-03'] });
    const bad = await queue('run', '--verify', 'test -e front/four.txt', '--tries', '1');
    expect(bad.code).toBe(4);
    expect(bad.stdout).toMatch(/^feat-03 +evicted.*\nfeat-04 +waiting/m);
    expect(shop.git('front', 'rev-parse', 'main')).toBe(before);
    await queue('resume', 'feat-03');
    expect((await queue('run', '--verify', 'true')).code).toBe(0);
    expect(shop.git('front', 'log', '--first-parent', '--reverse', '--format=%s', `${before}..main`)).toBe(
      "Merge branch 'feat-03'\nMerge branch 'feat-04'",
    );
    expect(shop.git('front', 'rev-parse', 'feat-03')).toBe(shop.git('tickets/feat-03/front', 'rev-parse', 'HEAD'));
  });

  it('counts a set-up that fails on the merged result as a failure of it, and logs why', async () => {
    shop.configure((text) => text.replace(/(front: \{ path: [^}]*?) \}/, "$1, setup: ['test ! -e five.txt'] }"));
    await shop.stack(['create', 'feat-05', '--no-start']);
    shop.commit('tickets/feat-05/front', 'five.txt', '5\n');
    await queue('add', 'feat-05');
    const run = await queue('run', '--verify', 'true', '--json');
    expect(run.code).toBe(4);
    const entry = JSON.parse(run.stdout).queue.find(({ ticket }: { ticket: string }) => ticket === 'feat-05');
    expect(entry).toMatchObject({
      state: 'evicted',
      attempts: 2,
      reason: expect.stringMatching(/^setup of front failed/),
    });
    expect(shop.read(entry.log)).toMatch(/setup of front failed: `test ! -e five\.txt`/);
    expect(Object.keys(shop.state()?.instances ?? {}).filter((name) => name.startsWith('verify-'))).toEqual([]);
  });
});
