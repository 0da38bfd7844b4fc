import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { canBeMac, type MacWorld, macEnv } from '../support/mac.ts';
import { isRunning } from '../support/process-world.ts';
import type { Run } from '../support/product.ts';
import { makeShop, type Shop } from '../support/shop.ts';

const STATE = '.stack/state.json';
const TALKER = `import { createServer } from 'node:http';
let lines = 0;
const talk = () => {
  console.log('line', ++lines);
  if (lines === 40) process.exit();
};
createServer(({ url }, answer) => {
  if (url === '/talk') setInterval(talk, 100);
  answer.end();
}).listen(process.env.PORT, '127.0.0.1');
`;
const REFUSED = 'cannot see what runs: ps may not be run here';

describe.skipIf(!canBeMac)('where ps or lsof cannot be asked', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const inWorld = (world: MacWorld, ...args: string[]): Promise<Run> => shop.stack(args, { env: macEnv(world) });
  const pidOf = (service: string): number => JSON.parse(shop.read(`.stack/run/feat-01/${service}.json`)).pid;

  it('what runs counts as running, is started by nobody again, and is neither ended nor destroyed', async () => {
    expect(await inWorld('usual', 'create', 'feat-01')).toMatchObject({ code: 0 });
    const pid = pidOf('front');
    for (const world of ['ps-refused', 'sandbox'] as const) {
      const { code, stdout, stderr } = await inWorld(world, 'ps', '--json');
      expect({ code, status: JSON.parse(stdout).instances[0].status }).toEqual({ code: 0, status: 'running' });
      expect(stderr.split('\n').filter((line) => line.includes(REFUSED))).toEqual([
        `! ${REFUSED}: allow /bin/ps in the sandbox that stack runs in, or run stack outside of it`,
      ]);
      expect(await inWorld(world, 'start', 'feat-01')).toMatchObject({ code: 0 });
      const stop = await inWorld(world, 'stop', 'feat-01');
      expect(stop).toMatchObject({ code: 1, stderr: expect.stringContaining(`stack: ${REFUSED}`) });
      const destroy = await inWorld(world, 'destroy', 'feat-01', '--json');
      expect([destroy.code, JSON.parse(destroy.stdout).error]).toEqual([
        4,
        expect.objectContaining({
          code: 'conflict',
          message: 'destroying feat-01 may get in somebody’s way',
          hint: expect.stringContaining('`--force` does not go on'),
        }),
      ]);
      const forced = await inWorld(world, 'destroy', 'feat-01', '--force');
      expect(forced).toMatchObject({ code: 1, stderr: expect.stringContaining(`stack: ${REFUSED}`) });
      expect([isRunning(pid), pidOf('front'), existsSync(shop.at('tickets/feat-01/front'))]).toEqual([true, pid, true]);
    }
    expect(await inWorld('usual', 'destroy', 'feat-01')).toMatchObject({ code: 0 });
    expect(isRunning(pid)).toBe(false);
  });

  it('what ran before the machine was started again has ended, whoever has its number now', async () => {
    expect(await inWorld('usual', 'create', 'feat-01')).toMatchObject({ code: 0 });
    const file = '.stack/run/feat-01/front.json';
    const record = shop.read(file);
    shop.write(file, record.replace(/("startTime": ".*)@.*"/, '$1@another"'));
    const { stdout } = await inWorld('ps-refused', 'ps', '--json');
    expect(JSON.parse(stdout).instances[0].status).toBe('stopped');
    shop.write(file, record);
  });

  it('no service is started that nobody could end: it says why, and undoes what was begun', async () => {
    const { code, stderr } = await inWorld('sandbox', 'create', 'feat-01');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`stack: ${REFUSED}\nhint: allow`) });
    expect(stderr).not.toContain('fault in stack');
    expect(existsSync(shop.at('tickets'))).toBe(false);
  });

  it('a ticket is another command’s, and a lock its holder’s, as long as some process has that number', async () => {
    expect(await inWorld('usual', 'create', 'feat-01', '--no-start')).toMatchObject({ code: 0 });
    const holder = { pid: process.pid, startTime: 'Sat Jan  1 00:00:00 2000' };
    const state = JSON.parse(shop.read(STATE));
    Object.assign(state.instances['feat-01'], { owner: { ...holder, command: 'stack stop feat-01' } });
    shop.write(STATE, JSON.stringify(state));
    const claim = { ...holder, token: '0123456789abcdef', space: '', at: Date.now(), helpers: [] };
    symlinkSync(JSON.stringify(claim), shop.at('.stack/up.lock'));
    expect(await inWorld('ps-refused', 'destroy', 'feat-01')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('feat-01 is being changed by `stack stop feat-01`'),
    });
    const find = async (world: MacWorld): Promise<boolean> =>
      (await inWorld(world, 'doctor', '--json')).stdout.includes('a lock whose holder is dead');
    expect(await find('ps-refused')).toBe(false);
    expect(await find('usual')).toBe(true);
    expect(await inWorld('usual', 'destroy', 'feat-01')).toMatchObject({ code: 0 });
  });

  it('destroy refuses while nobody can see who works in the ticket, and goes on with --force', async () => {
    expect(await inWorld('no-lsof', 'create', 'feat-01', '--no-start')).toMatchObject({ code: 0 });
    const text = 'cannot see who uses a folder or a port: there is no lsof';
    const { code, stderr } = await inWorld('no-lsof', 'destroy', 'feat-01');
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining(text) });
    expect(stderr).toContain('`stack destroy feat-01 --force` goes on without');
    expect(existsSync(shop.at('tickets/feat-01/front'))).toBe(true);
    expect(await inWorld('no-lsof', 'destroy', 'feat-01', '--force')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`! ${text}`),
    });
    expect(existsSync(shop.at('tickets'))).toBe(false);
  });

  it('a number that a service had hides nobody who has it now', async () => {
    expect(await inWorld('usual', 'create', 'feat-01')).toMatchObject({ code: 0 });
    const file = '.stack/run/feat-01/front.json';
    const record = JSON.parse(shop.read(file));
    expect(await inWorld('usual', 'stop', 'feat-01')).toMatchObject({ code: 0 });
    const person = spawn('sleep', ['600'], { cwd: shop.at('tickets/feat-01'), detached: true, stdio: 'ignore' });
    onTestFinished(() => void person.kill());
    shop.write(file, JSON.stringify({ ...record, pid: person.pid }));
    const { code, stderr } = await inWorld('usual', 'destroy', 'feat-01');
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining(`sleep (pid ${person.pid})`) });
    const gone = once(person, 'exit');
    person.kill();
    await gone;
    expect(await inWorld('usual', 'destroy', 'feat-01')).toMatchObject({ code: 0 });
  });

  it('git’s own lock files stay: a living git may hold them', async () => {
    const lock = shop.at('front/.git/packed-refs.lock');
    writeFileSync(lock, '');
    utimesSync(lock, new Date(0), new Date(0));
    expect(await inWorld('no-lsof', 'create', 'feat-01', '--no-start')).toMatchObject({ code: 0 });
    expect(existsSync(lock)).toBe(true);
    expect(await inWorld('usual', 'create', 'feat-02', '--no-start')).toMatchObject({ code: 0 });
    expect(existsSync(lock)).toBe(false);
    await inWorld('usual', 'destroy', '--force', 'feat-02');
  });

  it('doctor says which, and what cures it', async () => {
    const find = async (world: MacWorld): Promise<unknown> => {
      const { code, stdout } = await inWorld(world, 'doctor', '--json');
      const { findings } = JSON.parse(stdout) as { findings: { subject: string; ok: boolean; text: string }[] };
      const looks = findings.filter(({ subject }) => subject === 'ps' || subject === 'lsof');
      return { code, ...Object.fromEntries(looks.map(({ subject, ok, text }) => [subject, ok || text])) };
    };
    const unseen = 'cannot see who uses a folder or a port';
    expect(await find('usual')).toEqual({ code: 0, ps: true, lsof: true });
    expect(await find('ps-refused')).toEqual({ code: 1, ps: REFUSED, lsof: true });
    expect(await find('no-lsof')).toEqual({ code: 1, ps: true, lsof: `${unseen}: there is no lsof` });
    expect(await find('sandbox')).toEqual({ code: 1, ps: REFUSED, lsof: `${unseen}: lsof may not be run here` });
  });
});

describe.skipIf(!canBeMac)('ps', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  it('is asked once for all, and once a second by who waits', async () => {
    // Talks for four seconds once it is asked for more than the page, and ends.
    shop.commit('front', 'server.mjs', TALKER);
    const usual = macEnv();
    const [programs, log] = [path.join(shop.folder, 'programs'), path.join(shop.folder, 'log')];
    mkdirSync(programs);
    for (const tool of ['ps', 'lsof']) {
      const script = `#!/bin/sh\necho ${tool} >>'${log}'\nexec '${usual.STACK_TEST_MAC}/${tool}' "$@"\n`;
      writeFileSync(path.join(programs, tool), script, { mode: 0o755 });
    }
    const env = { ...usual, STACK_TEST_MAC: programs, PATH: `${programs}:${usual.PATH}` };
    const measure = async (run: () => Promise<unknown>): Promise<{ count: number; seconds: number }> => {
      writeFileSync(log, '');
      const begun = performance.now();
      await run();
      const count = readFileSync(log, 'utf8').split('\n').filter(Boolean).length;
      return { count, seconds: (performance.now() - begun) / 1000 };
    };
    const create = await measure(() => shop.stack(['create', 'feat-01'], { env }));
    // Some 28 while nothing is waited for.
    expect(create.count).toBeLessThan(38 + 1.5 * create.seconds);
    // This process itself, and everything else.
    expect((await measure(() => shop.stack(['ps'], { env }))).count).toBeLessThanOrEqual(2);
    const { url } = (await shop.ps()).instances[0]?.repos.front ?? {};
    const follow = async (): Promise<void> => {
      const logs = shop.start(['logs', 'feat-01', 'front', '--follow'], { env });
      await fetch(`${url}/talk`);
      expect((await logs.ended).stdout).toContain('line 40');
    };
    const followed = await measure(follow);
    // Some nine beside those of each second: at the start, and until the last of the log is there.
    expect(followed.count).toBeLessThan(16 + 1.5 * followed.seconds);
  });
});
