import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { identifyProcess, isAlive, processStartTime, selfIdentity } from '../../../src/adapters/process/identity.ts';
import { until } from '../../support/until.ts';

function startSleeper(command = 'exec sleep 600') {
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, pid: child.pid ?? 0 };
}

describe('the identity of a process', () => {
  it('is the same each time, at once and in time', async () => {
    expect(selfIdentity()).toEqual(identifyProcess(process.pid));
    expect(await processStartTime(process.pid)).toBe(selfIdentity().startTime);
    expect(await isAlive(selfIdentity())).toBe(true);
  });

  it('ends with the process', async () => {
    const { child, pid } = startSleeper();
    const identity = identifyProcess(pid);
    expect(await isAlive(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isAlive(identity)).toBe(false);
    expect(await processStartTime(pid)).toBeUndefined();
  });

  it('is not that of another process with the number', async () => {
    expect(await isAlive({ pid: process.pid, startTime: 'another time' })).toBe(false);
  });

  it('is not that of one from before the machine was started again; who was not told of the boot goes by the start', async () => {
    const { pid, startTime } = selfIdentity();
    const [start] = startTime.split('@');
    expect(await isAlive({ pid, startTime: `${start}@another boot` })).toBe(false);
    expect(await isAlive({ pid, startTime: `${start}` })).toBe(true);
  });

  it('ends when the process is a zombie', async () => {
    // The shell starts a child, becomes a program that never asks for its exit code, and this one names it.
    const names = 'console.log(process.argv[1]); setTimeout(() => {}, 600_000);';
    const { child } = startSleeper(`sleep 600 & exec '${process.execPath}' -e '${names}' $!`);
    const [line] = await once(child.stdout, 'data');
    const zombie = identifyProcess(Number(String(line)));
    expect(await isAlive(zombie)).toBe(true);
    process.kill(zombie.pid, 'SIGKILL');
    await until('the zombie counts as ended', async () => !(await isAlive(zombie)));
    expect(() => process.kill(zombie.pid, 0)).not.toThrow();
  });

  it('is nobody’s for numbers that no process has', async () => {
    for (const pid of [0, -1, 1.5, Number.NaN]) expect(await isAlive({ pid, startTime: '' })).toBe(false);
  });

  it('is believed alive on its number alone where the system told no start time', async () => {
    expect(await isAlive({ pid: process.pid, startTime: '' })).toBe(true);
  });
});
