import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identifyProcess } from '../../src/adapters/process/identity.ts';
import type { StackView } from '../../src/domain/view.ts';
import { BIN, listProcesses, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const FILE = '.stack/state.json';
const BACKUP = '.stack/state.json.bak';

interface Answer {
  ok: boolean;
  findings: { subject: string; ok: boolean; text: string; hint?: string; fix?: string }[];
  mended?: { subject: string; question: string; ok: boolean; text: string }[];
}

/** util-linux gives a command a terminal, and passes on what it reads itself. */
function hasTerminal(): boolean {
  const possible = process.platform === 'linux' && spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
  if (!possible) console.warn('\n!!! SKIPPED: without `script` of util-linux there is no terminal to answer in\n');
  return possible;
}

let shop: Shop;
let before: StackView;

/** One that borrows the API and one with an API of its own, both running; the branch of one was there before. */
async function makeTickets(): Promise<void> {
  shop = makeShop();
  shop.git('front', 'branch', 'theirs', 'feat/ui');
  expect(await shop.stack(['create', 'fix/login', '--on-front=theirs'])).toMatchObject({ code: 0 });
  expect(await shop.stack(['create', 'feat-02', '--from-api=feat/endpoint'])).toMatchObject({ code: 0 });
  before = await shop.ps();
  expect(before.instances.map(({ status }) => status)).toEqual(['running', 'running']);
}

async function doctor(...flags: string[]): Promise<Answer & { code: number }> {
  const run = await shop.stack(['doctor', '--json', ...flags]);
  return { code: run.code, ...JSON.parse(run.stdout) };
}

/** Takes away what git keeps of the records beside the worktrees. */
function forgetCopies(): void {
  for (const repo of ['front', 'api']) {
    const home = shop.at(repo, '.git/worktrees');
    for (const id of existsSync(home) ? readdirSync(home) : []) rmSync(path.join(home, id, 'stack-record.json'));
  }
}

describe('doctor --fix on a state that is lost', () => {
  beforeEach(makeTickets);
  afterEach(() => shop.dispose());

  async function expectDestroyed(): Promise<void> {
    expect(await shop.stack(['destroy', 'fix-login', 'feat-02'])).toMatchObject({ code: 0 });
    expect(shop.git('front', 'branch', '--format=%(refname:short)').split('\n')).toEqual(['feat/ui', 'main', 'theirs']);
    expect(shop.git('api', 'branch', '--format=%(refname:short)').split('\n')).toEqual(['feat/endpoint', 'main']);
    expect(existsSync(shop.at('tickets'))).toBe(false);
  }

  it('says what it would do, and does nothing, where nobody is there to ask', async () => {
    rmSync(shop.at(FILE));
    const seen = await doctor();
    expect(seen.code).toBe(1);
    expect(seen.findings.find(({ subject }) => subject === 'state')).toMatchObject({
      ok: false,
      hint: expect.stringContaining('`stack doctor --fix`'),
      fix: 'Rebuild the state: fix-login, feat-02 from its backup?',
    });
    const run = await shop.stack(['doctor', '--fix']);
    expect(run).toMatchObject({ code: 4, stdout: '' });
    expect(run.stderr).toMatch(/Rebuild the state: fix-login, feat-02 from its backup\?.*\nhint: --yes/);
    expect(existsSync(shop.at(FILE))).toBe(false);
    await doctor('--fix', '--yes');
  });

  it.each([
    ['deleted', () => rmSync(shop.at(FILE)), 'backup'],
    ['cut short', () => shop.write(FILE, shop.read(FILE).slice(0, 300)), 'backup'],
    ['deleted with its backup', () => [FILE, BACKUP].map((file) => rmSync(shop.at(file))), 'git'],
    ['cut short with its backup', () => [FILE, BACKUP].map((file) => shop.write(file, '{"version":')), 'git'],
  ])('%s: brings all back as it was', async (how, spoil, source) => {
    spoil();
    const { code, mended, findings } = await doctor('--fix', '--yes');
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(code).toBe(0);
    expect(mended).toMatchObject([{ subject: 'state', ok: true, text: expect.stringContaining(source) }]);
    const aside = readdirSync(shop.at('.stack')).filter((name) => name.startsWith('state.json.damaged'));
    expect(aside).toHaveLength(how.startsWith('cut') ? 1 : 0);
    expect(await shop.ps()).toEqual(before);
    await expectDestroyed();
  });

  it('takes what git keeps where the backup is behind, also after the clock was set back', async () => {
    const old = shop.read(BACKUP);
    expect(await shop.stack(['add', 'fix-login', 'api'])).toMatchObject({ code: 0 });
    before = await shop.ps();
    shop.write(BACKUP, old);
    const later = new Date(Date.now() + 86_400_000);
    utimesSync(shop.at(BACKUP), later, later);
    rmSync(shop.at(FILE));
    const { mended } = await doctor('--fix', '--yes');
    expect(mended).toMatchObject([
      { text: expect.stringMatching(/feat-02 from its backup; fix-login from what git keeps/) },
    ]);
    expect(await shop.ps()).toEqual(before);
    await expectDestroyed();
  });

  // Nowhere else does the system tell which processes were whose.
  it.skipIf(process.platform !== 'linux')(
    'lost with all of .stack: brings the tickets back, and ends what nobody can tell of any more',
    async () => {
      rmSync(shop.at('.stack'), { recursive: true, maxRetries: 3 });
      const { code, mended = [] } = await doctor('--fix', '--yes');
      expect(mended.map(({ subject }) => subject)).toEqual(['state', 'orphans', 'orphans', 'orphans', 'orphans']);
      expect(code).toBe(0);
      expect(listProcesses(shop.root)).toEqual([]);
      const stopped = await shop.ps();
      expect(stopped.instances).toMatchObject([
        { ticket: 'fix-login', status: 'stopped' },
        { ticket: 'feat-02', status: 'stopped' },
      ]);
      for (const ticket of ['fix-login', 'feat-02'])
        expect(await shop.stack(['start', ticket])).toMatchObject({ code: 0 });
      expect(await shop.ps()).toEqual(before);
      await expectDestroyed();
    },
  );

  it('lost with all copies: makes records from worktrees and processes, and takes no branch for stack’s own', async () => {
    for (const file of [FILE, BACKUP]) rmSync(shop.at(file));
    forgetCopies();
    const { code, mended } = await doctor('--fix', '--yes');
    expect(mended).toMatchObject([{ text: expect.stringMatching(/feat-02, fix-login from the worktrees alone/) }]);
    expect(code).toBe(0);
    const after = await shop.ps();
    expect(after.baseline).toEqual(before.baseline);
    for (const was of before.instances) {
      const is = after.instances.find(({ ticket }) => ticket === was.ticket);
      expect(is).toMatchObject({ status: 'running', services: was.services });
      for (const [repo, view] of Object.entries(was.repos)) {
        const { mode, url, status } = view;
        expect(is?.repos[repo]).toMatchObject({
          mode,
          url,
          status,
          ...('worktree' in view && { worktree: view.worktree, branch: view.branch }),
        });
      }
    }
    expect(await shop.stack(['destroy', 'fix-login', 'feat-02'])).toMatchObject({ code: 0 });
    expect(shop.git('front', 'branch', '--list', 'feat-02', 'theirs')).toMatch(/feat-02\n.*theirs/);
  });

  it('lost with all copies: finds the ports of a ticket that never ran in its env files', async () => {
    await shop.stack(['create', 'feat-03', '--no-start']);
    const ports = shop.state()?.instances['feat-03']?.services.front?.ports;
    for (const file of [FILE, BACKUP]) rmSync(shop.at(file));
    forgetCopies();
    expect(await doctor('--fix', '--yes')).toMatchObject({ code: 0 });
    expect(shop.state()?.instances['feat-03']?.services.front?.ports).toEqual(ports);
    await shop.stack(['destroy', 'feat-03']);
  });

  it('does not begin without a repo in which tickets may be', async () => {
    for (const file of [FILE, BACKUP]) rmSync(shop.at(file));
    const config = shop.read('stack.yml');
    shop.configure((text) => text.replace('path: ./api', 'path: ./elsewhere'));
    const { code, mended, findings } = await doctor('--fix', '--yes');
    expect(code).toBe(1);
    expect(mended).toEqual([]);
    expect(findings.find(({ subject }) => subject === 'state')?.hint).toMatch(/^look at api first/);
    shop.write('stack.yml', config);
    await doctor('--fix', '--yes');
  });
});

describe('doctor --fix', () => {
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const bad = ({ findings }: Answer) => findings.filter(({ ok }) => !ok);

  it('finds nothing to do where all is well', async () => {
    expect(await doctor('--fix')).toMatchObject({ code: 0, mended: [] });
    await shop.stack(['create', 'feat-01', '--no-start']);
    expect(await doctor('--fix')).toMatchObject({ code: 0, mended: [] });
  });

  it('takes back a ticket that an old state file does not tell of, with other leases where its own are given away', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const old = shop.read(FILE);
    await shop.stack(['create', 'feat-02', '--from-front=feat/ui']);
    const record = shop.state()?.instances['feat-02'];
    shop.write(FILE, old);
    const seen = await doctor();
    expect(bad(seen)).toMatchObject([
      { subject: 'feat-02', fix: 'Take feat-02 back into the state file, as git keeps it?' },
    ]);
    expect(await doctor('--fix', '--yes')).toMatchObject({
      code: 0,
      ok: true,
      mended: [{ subject: 'feat-02', ok: true }],
    });
    expect(shop.state()?.instances['feat-02']).toEqual(record);

    const taken = {
      ...JSON.parse(old),
      shared: { redis: { port: record?.services.front?.ports.http?.host, provider: 'compose' } },
    };
    shop.write(FILE, JSON.stringify(taken));
    await doctor('--fix', '--yes');
    expect(shop.state()?.instances['feat-02']?.services.front?.ports).toEqual({});
    shop.write(FILE, JSON.stringify({ ...shop.state(), shared: {} }));
    expect(await shop.stack(['start', 'feat-02'])).toMatchObject({ code: 0 });
  });

  it('takes a ticket back without the database of Redis that another has by now', async () => {
    for (const ticket of ['feat-01', 'feat-02']) await shop.stack(['create', ticket, '--no-start']);
    const withNumber = (ticket: string, { instances, ...state } = JSON.parse(shop.read(FILE))) => ({
      ...state,
      instances: { ...instances, [ticket]: { ...instances[ticket], own: { redis: { as: 'number', number: 3 } } } },
    });
    const first = withNumber('feat-01');
    shop.write(FILE, JSON.stringify(withNumber('feat-02')));
    await shop.stack(['stop', 'feat-02']);
    delete first.instances['feat-02'];
    shop.write(FILE, JSON.stringify(first));
    expect(await doctor('--fix', '--yes')).toMatchObject({ code: 0, mended: [{ subject: 'feat-02' }] });
    expect(shop.state()?.instances).toMatchObject({
      'feat-01': { own: { redis: { number: 3 } } },
      'feat-02': { own: { redis: { as: 'number' } } },
    });
  });

  it('ends what runs of a ticket of which nothing else is left', async () => {
    await shop.stack(['create', 'feat-01']);
    const file = JSON.parse(shop.read(FILE));
    shop.git('front', 'worktree', 'remove', '--force', shop.at('tickets/feat-01/front'));
    rmSync(shop.at('tickets'), { recursive: true });
    shop.write(FILE, JSON.stringify({ ...file, instances: {} }));
    const seen = await doctor();
    expect(bad(seen).map(({ fix }) => fix)).toEqual([
      expect.stringMatching(/^Remove the process stack-shop-.*-feat-01-front, which/),
    ]);
    expect(await doctor('--fix', '--yes')).toMatchObject({ code: 0, mended: [{ ok: true }] });
    expect((await shop.ps()).baseline.repos.api?.status).toBe('running');
    expect(existsSync(shop.at('.stack/run/feat-01'))).toBe(false);
    // Nobody knows whose it is: it stays.
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('  feat-01');
  });

  it('takes away the folder of a ticket of which nothing else is left, but nothing that a person put there', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    for (const name of ['empty', 'full']) {
      shop.write(`tickets/${name}/.stack-ticket`, JSON.stringify({ root: shop.root, ticket: name }));
    }
    shop.write('tickets/full/notes.md', 'mine');
    const { code, mended } = await doctor('--fix', '--yes');
    expect(mended).toMatchObject([{ subject: 'empty' }, { subject: 'full', text: expect.stringContaining('stays') }]);
    expect(code).toBe(0);
    expect(readdirSync(shop.at('tickets'))).toEqual(['feat-01', 'full']);
    expect(readdirSync(shop.at('tickets/full'))).toEqual(['notes.md']);
  });

  it.each([
    ['create', 'creating'],
    ['destroy', 'destroying'],
  ])('clears what a %s that was killed left', async (verb, phase) => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const state = JSON.parse(shop.read(FILE));
    Object.assign(state.instances['feat-01'], {
      phase,
      owner: { pid: 2 ** 22 - 1, startTime: 'never', command: 'stack' },
    });
    shop.write(FILE, JSON.stringify(state));
    expect(bad(await doctor())).toMatchObject([{ subject: 'feat-01', text: `a ${verb} did not finish` }]);
    expect(await doctor('--fix', '--yes')).toMatchObject({ code: 0, mended: [{ subject: 'feat-01', ok: true }] });
    expect((await shop.ps()).instances).toEqual([]);
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
  });

  it('leaves a half-destroyed ticket with work in it, and says why', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    shop.commit('tickets/feat-01/front', 'done.txt', 'done');
    const state = JSON.parse(shop.read(FILE));
    Object.assign(state.instances['feat-01'], { phase: 'destroying' });
    shop.write(FILE, JSON.stringify(state));
    const { code, mended } = await doctor('--fix', '--yes');
    expect(code).toBe(1);
    expect(mended).toMatchObject([{ ok: false, text: expect.stringMatching(/would lose work; .*--force/) }]);
    expect(existsSync(shop.at('tickets/feat-01/front/done.txt'))).toBe(true);
  });

  it('gives back ports of services that stack.yml has no more', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    shop.configure((text) => text.replace('\n  front:\n    repo', '\n  web:\n    repo'));
    const seen = await doctor();
    expect(seen).toMatchObject({ code: 0 });
    const port = shop.state()?.instances['feat-01']?.services.front?.ports.http?.host;
    expect(await doctor('--fix', '--yes')).toMatchObject({
      code: 0,
      mended: [{ subject: 'feat-01', text: `port ${port} is free` }],
    });
    expect(shop.state()?.instances['feat-01']?.services.front?.ports).toEqual({});
  });

  it('removes half-written files and dead locks, and what is in the place of a lock', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const temporary = shop.at(`.stack/.stack-${spawnSync('true').pid}-01234567.tmp`);
    shop.write(temporary, '{"version"');
    const dead = {
      token: '0123456789abcdef',
      pid: 2 ** 22 - 1,
      startTime: 'never',
      space: existsSync('/proc/self/ns/pid') ? readlinkSync('/proc/self/ns/pid') : '',
      at: 0,
      helpers: [],
    };
    const locks = ['.stack/up.lock', '.stack/change-verify-feat-09.lock'];
    for (const lock of locks) symlinkSync(JSON.stringify(dead), shop.at(lock));
    shop.write('front/.git/stack.lock', 'what is this?');
    expect(bad(await doctor())).toMatchObject([
      { subject: 'leftovers', text: expect.stringContaining('front/.git/stack.lock') },
    ]);
    const { code, mended } = await doctor('--fix', '--yes');
    expect(code).toBe(0);
    expect(mended?.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    for (const file of [temporary, ...locks, 'front/.git/stack.lock']) expect(existsSync(shop.at(file))).toBe(false);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('leaves alone what a command is at, and says so', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const state = JSON.parse(shop.read(FILE));
    const owner = { ...identifyProcess(process.pid), command: 'stack create feat-01' };
    Object.assign(state.instances['feat-01'], { phase: 'creating', owner });
    shop.write(FILE, JSON.stringify(state));
    const { code, findings, mended } = await doctor('--fix', '--yes');
    expect({ code, mended }).toEqual({ code: 0, mended: [] });
    expect(findings.find(({ subject }) => subject === 'feat-01')?.text).toMatch(
      /^`stack create feat-01` \(pid \d+\) is at work on it$/,
    );
    Object.assign(state.instances['feat-01'], { phase: 'ready', owner: undefined });
    shop.write(FILE, JSON.stringify(state));
  });

  it('does not touch the state of a newer stack', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const good = shop.read(FILE);
    shop.write(FILE, '{"version":99,"writtenBy":"7.0.0"}');
    const { code, findings, mended } = await doctor('--fix', '--yes');
    expect({ code, mended }).toEqual({ code: 1, mended: [] });
    expect(findings.at(-1)).toMatchObject({
      subject: 'state',
      ok: false,
      hint: expect.stringMatching(/^upgrade stack/),
    });
    expect(shop.read(FILE)).toBe('{"version":99,"writtenBy":"7.0.0"}');
    shop.write(FILE, good);
  });

  it('puts a folder in the place of the state aside', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const good = shop.state();
    rmSync(shop.at(FILE));
    shop.write(`${FILE}/what`, 'is this?');
    expect(await doctor('--fix', '--yes')).toMatchObject({ code: 0, mended: [{ ok: true }] });
    expect(shop.state()).toEqual({ ...good, sequence: expect.any(Number) });
    const [aside = ''] = readdirSync(shop.at('.stack')).filter((name) => name.startsWith('state.json.damaged'));
    expect(shop.read(`.stack/${aside}/what`)).toBe('is this?');
  });

  it.skipIf(!hasTerminal())('asks about each thing, and leaves what it is not told to mend', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const empty = { ...JSON.parse(shop.read(FILE)), instances: {} };
    await shop.stack(['create', 'feat-02', '--no-start']);
    shop.write(FILE, JSON.stringify(empty));
    const { told } = await atTerminal([
      [/Take feat-01 back .*\? \[y\/N\] /, 'n\n'],
      [/Take feat-02 back .*\? \[y\/N\] /, 'y\n'],
    ]);
    expect(told).toMatch(/feat-02: it is back/);
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-02']);
    expect(await doctor('--fix', '--yes')).toMatchObject({ code: 0, mended: [{ subject: 'feat-01' }] });
  });

  it.skipIf(!hasTerminal()).each([
    ['Ctrl-C', '\x03', 130],
    ['Ctrl-D', '\x04', 1],
  ])('takes %s for no answer', async (_, key, code) => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const good = shop.read(FILE);
    rmSync(shop.at(FILE));
    expect(await atTerminal([[/Rebuild the state: .*\? \[y\/N\] /, key]])).toMatchObject({ code });
    expect(existsSync(shop.at(FILE))).toBe(false);
    shop.write(FILE, good);
  });

  /** Runs `doctor --fix` at a terminal, and types each answer once its question stands there. */
  async function atTerminal(answers: readonly (readonly [question: RegExp, answer: string])[]) {
    const line = [process.execPath, BIN, 'doctor', '--fix'].join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], { cwd: shop.root, env: shop.env });
    let told = '';
    child.stdout.on('data', (text) => {
      told += text;
    });
    const ended = once(child, 'close');
    for (const [question, answer] of answers) {
      await until(`it asks ${question}`, () => question.test(told));
      child.stdin.write(answer);
    }
    const [code] = await ended;
    return { told, code };
  }

  it('says to a person what it did, and how things are then', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    rmSync(shop.at(FILE));
    const { code, stdout, stderr } = await shop.stack(['doctor', '--fix', '--yes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^repaired:\nok +state +the state is back: feat-01 from its backup\nnow:\nok +git/);
    expect(stderr).toMatch(/state: the state is back: feat-01 from its backup/);
  });
});
