import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { findOtherHolder, listLeftHelpers, withLock } from '../../../src/adapters/lock.ts';
import { endWhole } from '../../../src/adapters/process/group.ts';
import { identifyProcess, selfIdentity } from '../../../src/adapters/process/identity.ts';
import { bundleScript, runScript } from '../../support/child-script.ts';
import { leaveMember } from '../../support/processes.ts';
import { makeScriptFolder, makeTemp } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

let script: string;
beforeAll(async () => {
  script = await bundleScript(path.resolve(import.meta.dirname, '../../support/lock-child.ts'), makeScriptFolder());
});

/** Starts a process that takes the lock and keeps it. */
async function holdLock(lock: string) {
  const run = runScript(script, [lock, '', 'hold']);
  run.child.stdout?.on('data', () => undefined);
  await until('the child holds the lock', () => readdirSync(path.dirname(lock)).includes(path.basename(lock)));
  return run;
}

function changeClaim(lock: string, change: object): { startTime: string } {
  const claim = { ...JSON.parse(readlinkSync(lock)), ...change };
  unlinkSync(lock);
  symlinkSync(JSON.stringify(claim), lock);
  return claim;
}

describe('withLock', () => {
  it('gives what the work gives and leaves no file', async () => {
    const folder = makeTemp('lock');
    expect(await withLock(path.join(folder, 'a.lock'), () => 42)).toBe(42);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('tells another holder from this process, whatever its number', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    await withLock(lock, async () => {
      expect(await findOtherHolder(lock)).toBeUndefined();
      changeClaim(lock, { space: 'pid:[1]' });
      expect(await findOtherHolder(lock)).toBe(process.pid);
    });
    expect(await findOtherHolder(lock)).toBeUndefined();
  });

  it('lets go when the work throws', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    const failing = withLock(lock, () => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await withLock(lock, () => 'again')).toBe('again');
  });

  it('keeps twenty processes apart', async () => {
    const folder = makeTemp('lock');
    const file = path.join(folder, 'number');
    writeFileSync(file, '0');
    const runs = Array.from({ length: 20 }, () => runScript(script, [path.join(folder, 'a.lock'), file, '10']));
    const ends = await Promise.all(runs.map((run) => run.ended));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(ends.map(() => [0, '']));
    expect(readFileSync(file, 'utf8')).toBe('200');
    expect(readdirSync(folder)).toEqual(['number']);
  });

  it('goes to the next, and to one at a time, when holders are killed over and over', async () => {
    const folder = makeTemp('lock');
    const lock = path.join(folder, 'a.lock');
    const file = path.join(folder, 'number');
    writeFileSync(file, '0');
    const workers = Array.from({ length: 8 }, () => runScript(script, [lock, file, '10']));
    const victims = Array.from({ length: 6 }, () => {
      const run = runScript(script, [lock, '', 'hold']);
      run.child.stdout?.on('data', () => run.child.kill('SIGKILL'));
      return run;
    });
    const ends = await Promise.all(workers.map((run) => run.ended));
    await Promise.all(victims.map((run) => run.ended));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(ends.map(() => [0, '']));
    expect(readFileSync(file, 'utf8')).toBe('80');
    // The last victim may have died with the lock: whoever comes next clears all of it away.
    await withLock(lock, () => undefined);
    expect(readdirSync(folder)).toEqual(['number']);
  });

  it('waits for a living holder, says for whom, and gives up as busy', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    const { child, ended } = await holdLock(lock);
    const told: string[] = [];
    const late = withLock(lock, () => 'never', { waitSeconds: 0.3, onWait: (holder) => told.push(holder) });
    await expect(late).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining(`process ${child.pid}`),
    });
    expect(told).toEqual([`process ${child.pid}`]);
    child.kill('SIGKILL');
    await ended;
    expect(await withLock(lock, () => 'mine')).toBe('mine');
  });

  it('stops waiting when the signal is aborted', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    const controller = new AbortController();
    const { child, ended } = await holdLock(lock);
    const late = withLock(lock, () => 'never', { signal: controller.signal, onWait: () => controller.abort() });
    await expect(late).rejects.toMatchObject({ code: 'interrupted' });
    child.kill('SIGKILL');
    await ended;
  });

  it('has no deadline for its own process, whose wishes come in order', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    const controller = new AbortController();
    const came: string[] = [];
    const come = (name: string, signal?: AbortSignal) =>
      withLock(lock, () => came.push(name), { waitSeconds: 0, signal }).catch((error) => error);
    let wishes: Promise<unknown>[] = [];
    let aborted: unknown;
    await withLock(lock, async () => {
      const late = come('never', controller.signal);
      wishes = [come('second'), come('third')];
      controller.abort();
      aborted = await late;
      expect(came).toEqual([]);
    });
    expect(aborted).toMatchObject({ code: 'interrupted' });
    await Promise.all(wishes);
    expect(came).toEqual(['second', 'third']);
  });

  it('tells a dead holder from a new process with its number', async () => {
    const folder = makeTemp('lock');
    const lock = path.join(folder, 'a.lock');
    const { child, ended } = await holdLock(lock);
    child.kill('SIGKILL');
    await ended;
    // The claim now names this very process, but as it would be had it begun at another time.
    const claim = changeClaim(lock, { pid: process.pid });
    expect(claim.startTime).not.toBe(selfIdentity().startTime);
    expect(await withLock(lock, () => 'mine')).toBe('mine');
  });

  it('says what keeps a helper from being noted', async () => {
    const folder = makeTemp();
    const working = withLock(path.join(folder, 'a.lock'), (held) => {
      rmSync(folder, { recursive: true });
      writeFileSync(folder, '');
      held.addHelper({ pid: process.pid, name: '' });
    });
    await expect(working).rejects.toMatchObject({ code: 'files', message: expect.stringMatching(/^cannot lock /) });
  });

  it('leaves nothing beside it where a helper cannot be noted', async () => {
    const folder = makeTemp();
    const file = path.join(folder, 'a.lock');
    const working = withLock(file, (held) => {
      // A link cannot take the place of a folder.
      rmSync(file);
      mkdirSync(file);
      held.addHelper({ pid: process.pid, name: '' });
    });
    await expect(working).rejects.toMatchObject({ code: 'files' });
    expect(readdirSync(folder)).toEqual(['a.lock']);
  });

  it('holds until a helper of a killed holder has ended', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    const { child, ended } = await holdLock(lock);
    const helper = runScript(script, [`${lock}.other`, '', 'hold']);
    changeClaim(lock, { helpers: [identifyProcess(helper.child.pid ?? 0)] });
    child.kill('SIGKILL');
    await ended;
    await expect(withLock(lock, () => 'never', { waitSeconds: 0.2 })).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining(`process ${helper.child.pid}`),
    });
    helper.child.kill('SIGKILL');
    await helper.ended;
    expect(await withLock(lock, () => 'mine')).toBe('mine');
  });

  it('holds while what a helper of a killed holder has started goes on, be that one dead', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    const { group } = await leaveMember();
    const { child, ended } = await holdLock(lock);
    changeClaim(lock, { helpers: [group] });
    child.kill('SIGKILL');
    await ended;
    expect(await listLeftHelpers(lock)).toEqual([group]);
    await expect(withLock(lock, () => 'never', { waitSeconds: 0.2 })).rejects.toMatchObject({ code: 'busy' });
    await endWhole(group);
    expect(await listLeftHelpers(lock)).toEqual([]);
    expect(await withLock(lock, () => 'mine')).toBe('mine');
  });

  it('names helpers until they are taken back, in what every system takes for a link', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    const read = () => JSON.parse(readlinkSync(lock)).helpers;
    const identity = identifyProcess(process.pid);
    await withLock(lock, ({ addHelper }) => {
      const [one, other] = ['one', 'other'].map((name) => ({ pid: process.pid, name, cwd: `/${'x'.repeat(300)}` }));
      const forget = addHelper(one!);
      expect(read()).toEqual([{ ...one, ...identity }]);
      addHelper(other!);
      addHelper({ ...other!, name: 'third' });
      expect(readlinkSync(lock).length).toBeLessThanOrEqual(1023);
      expect(read()).toEqual(['one', 'other', 'third'].map((name) => ({ name, ...identity })));
      forget();
      expect(read().map(({ name }: { name: string }) => name)).toEqual(['other', 'third']);
    });
  });

  it('says again and again that its holder lives, to those who cannot look at it, and only of its own lock', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const lock = path.join(makeTemp('lock'), 'a.lock');
    const read = () => JSON.parse(readlinkSync(lock)).at;
    await withLock(lock, () => {
      vi.advanceTimersByTime(60 * 60_000);
      expect(Date.now() - read()).toBeLessThan(15 * 60_000);
      changeClaim(lock, { token: 'another', at: 1 });
      vi.advanceTimersByTime(60 * 60_000);
      expect(read()).toBe(1);
    });
    expect(read()).toBe(1);
  });

  it('never takes a file that is none of its own, and names it', async () => {
    const lock = path.join(makeTemp('lock'), 'a.lock');
    writeFileSync(lock, 'somebody’s');
    const late = withLock(lock, () => 'never', { waitSeconds: 0.1 });
    await expect(late).rejects.toMatchObject({ code: 'busy', hint: expect.stringContaining(lock) });
    expect(readFileSync(lock, 'utf8')).toBe('somebody’s');
  });

  it('says clearly that the folder is gone', async () => {
    const missing = path.join(makeTemp('lock'), 'gone', 'a.lock');
    await expect(withLock(missing, () => 'never')).rejects.toMatchObject({ code: 'files' });
  });
});
