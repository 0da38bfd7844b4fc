import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listPortHolders } from '../../src/adapters/process/ports.ts';
import { exitFileOf, filesOf, readRecord, writeRecord } from '../../src/adapters/process/record.ts';
import { untilItBeginsLater } from '../support/mac.ts';
import { freePorts } from '../support/ports.ts';
import { isRunning, makeProcessWorld, type ProcessWorld } from '../support/process-world.ts';
import { until } from '../support/until.ts';

let world: ProcessWorld;
const never = new AbortController().signal;

beforeEach(() => {
  world = makeProcessWorld();
});

afterEach(() => world.end());

const sleeper = 'setInterval(() => {}, 1000); console.log("up", process.pid);';
const listens = (port: number, host?: string) =>
  `import net from 'node:net'; net.createServer().listen(${JSON.stringify({ port, host })}, () => console.log('up'));`;

async function lineOf(spec: Parameters<ProcessWorld['log']>[0], pattern: RegExp): Promise<RegExpExecArray> {
  let match: RegExpExecArray | null | undefined;
  await until(`a line that matches ${pattern}`, async () => {
    match = (await world.log(spec)).map((line) => pattern.exec(line)).find(Boolean);
    return Boolean(match);
  });
  return match!;
}

describe('a workload that runs', () => {
  it('has the env of its spec, a base from the person, and nothing else of them', async () => {
    mkdirSync(path.join(world.source, 'apps/web'), { recursive: true });
    const argv = world.script('console.log(JSON.stringify([process.cwd(), process.env]));');
    const spec = world.spec(argv, { dir: 'apps/web', env: { PORT: '4001', QUOTED: `a "b" 'c' $d` } });
    await world.runtime.start(spec, never);
    const [, text = ''] = await lineOf(spec, /^(\[.*\])$/);
    const [cwd, env] = JSON.parse(text);
    expect(cwd).toBe(path.join(world.source, 'apps/web'));
    expect(env).toMatchObject({ PORT: '4001', QUOTED: `a "b" 'c' $d`, PATH: process.env.PATH });
    expect(Object.keys(env)).not.toContain('VITEST');
  });

  it.each(['list', 'line'])('has the libraries that its env names for macOS, its command being a %s', async (form) => {
    const argv = world.script('console.log(JSON.stringify([process.env.DYLD_LIBRARY_PATH]));');
    const command = form === 'list' ? argv : `  ${argv.join(' ')}`;
    const spec = world.spec(command, { env: { DYLD_LIBRARY_PATH: `/opt/it's here/$lib` } });
    await world.runtime.start(spec, never);
    const expected = JSON.stringify([spec.env.DYLD_LIBRARY_PATH]);
    expect((await lineOf(spec, /^(\[.*\])$/))[1]).toBe(expected);
    const lines: string[] = [];
    await world.runtime.run(spec, command, ({ text }) => lines.push(text), never);
    expect(lines).toEqual([expected]);
  });

  it('leads a group of its own, without a terminal, and keeps its files private', async () => {
    const spec = world.spec(world.script(sleeper));
    await world.runtime.start(spec, never);
    const record = await readRecord(world.root, spec);
    const fields = readFileSync(`/proc/${record?.pid}/stat`, 'utf8').split(') ')[1]?.split(' ');
    expect(fields?.slice(2, 5)).toEqual([String(record?.pid), String(record?.pid), '0']);
    const mode = (file: string) => (statSync(path.join(world.root, '.stack', file)).mode & 0o777).toString(8);
    expect(mode('run/feat-01/api.json')).toBe('600');
    expect(mode('logs/feat-01/api.log')).toBe('600');
    expect(mode('logs/feat-01')).toBe('700');
  });

  it('is killed when it does not end on SIGTERM', async () => {
    const spec = world.spec(world.script(`process.on('SIGTERM', () => console.log('no')); ${sleeper}`));
    await world.runtime.start(spec, never);
    const pid = Number((await lineOf(spec, /^up (\d+)$/))[1]);
    await world.runtime.stop(spec);
    expect(isRunning(pid)).toBe(false);
    expect(await world.log(spec)).toContain('no');
    expect(await world.state()).toBe('stopped');
  });

  it('ends at once when it is told so just after its start', async () => {
    for (let round = 0; round < 10; round++) {
      const spec = world.spec(world.script(sleeper));
      await world.runtime.start(spec, never);
      const began = performance.now();
      await world.runtime.stop(spec);
      // Had it not heard, it would be killed after ten seconds.
      expect(performance.now() - began).toBeLessThan(9000);
      expect(await world.state()).toBe('stopped');
    }
  });

  it('counts as running while any of its group lives, and stops with all of it', async () => {
    const child = world.script(sleeper).join(' ');
    const spec = world.spec(`${child} & exit 0`);
    await world.runtime.start(spec, never);
    const pid = Number((await lineOf(spec, /^up (\d+)$/))[1]);
    const record = await readRecord(world.root, spec);
    await until('the leader is gone', () => !isRunning(record?.pid ?? 0));
    expect(await world.state()).toBe('running');
    await world.runtime.stop(spec);
    expect(isRunning(pid)).toBe(false);
    expect(await world.state()).toBe('stopped');
  });
});

describe('a program that outlives the signal', () => {
  it('is told again once the program that it watched has ended', async () => {
    const child = JSON.stringify(world.script(sleeper));
    const watcher = world.script(`
      import { spawn } from 'node:child_process';
      const [program, ...args] = ${child};
      const child = spawn(program, args, { stdio: 'inherit' });
      let told = 0;
      // As watchers of Nest do it: the first is the child's, the second its own.
      process.on('SIGTERM', () => { if (told++ > 0) process.exit(0); child.kill('SIGTERM'); });
      setInterval(() => {}, 1000);
    `);
    const spec = world.spec(watcher);
    await world.runtime.start(spec, never);
    await lineOf(spec, /^up/);
    const record = (await readRecord(world.root, spec))!;
    await writeRecord(world.root, { ...record, startedAt: Date.now() - 60_000 });
    await world.runtime.stop(spec);
    // By itself, and not by SIGKILL.
    expect(await world.runtime.status(world.rootId)).toMatchObject([{ state: 'stopped', exitCode: 0 }]);
  });

  it('is told once while it finishes what it does, whatever of it has ended', async () => {
    const helper = JSON.stringify(world.script(sleeper));
    const port = freePorts();
    const server = world.script(`
      import { spawn } from 'node:child_process';
      import net from 'node:net';
      const [program, ...args] = ${helper};
      spawn(program, args, { stdio: 'ignore' });
      const server = net.createServer().listen(${port}, () => console.log('up'));
      process.on('SIGTERM', () => {
        console.log('told');
        server.close();
        setTimeout(() => process.exit(0), 1500);
      });
    `);
    const spec = world.spec(server, { ports: [{ name: 'http', host: port, container: port }] });
    await world.runtime.start(spec, never);
    await lineOf(spec, /^up/);
    const record = (await readRecord(world.root, spec))!;
    await writeRecord(world.root, { ...record, startedAt: Date.now() - 60_000 });
    await world.runtime.stop(spec);
    expect((await world.log(spec)).filter((line) => line === 'told')).toHaveLength(1);
  });
});

describe('a program that left its session and its environment', () => {
  it('is named as long as it keeps the port, and the record stays', async () => {
    const port = freePorts();
    const daemon = world.script(listens(port)).join(' ');
    // Who started it has ended, as with any daemon.
    const spec = world.spec(`(env -i setsid ${daemon} >/dev/null 2>&1 &); exec sleep 1000`, {
      ports: [{ name: 'http', host: port, container: port }],
    });
    await world.runtime.start(spec, never);
    const [pid] = await until('it listens', async () => {
      const holders = await listPortHolders([port]);
      return holders.length === 1 && holders;
    });
    const leftover = { code: 'leftover', details: { service: 'api', pids: [pid] } };
    await expect(world.runtime.stop(spec)).rejects.toMatchObject(leftover);
    await expect(world.runtime.start(spec, never)).rejects.toMatchObject(leftover);
    await expect(world.runtime.remove(spec)).rejects.toMatchObject(leftover);
    expect(await world.state()).toBe('stopped');
    process.kill(pid!, 'SIGKILL');
    await until('it has ended', () => !isRunning(pid!));
    await world.runtime.remove(spec);
    expect(await world.runtime.status(world.rootId)).toEqual([]);
  });

  it('is named however late it left, and not once it was killed and somebody else took the port', async () => {
    const port = freePorts();
    const go = path.join(world.source, 'go');
    const daemon = world.script(listens(port)).join(' ');
    const spec = world.spec(
      `while ! test -e ${go}; do sleep 0.02; done; (env -i setsid ${daemon} >/dev/null 2>&1 &) & exec sleep 1000`,
      { ports: [{ name: 'http', host: port, container: port }] },
    );
    await world.runtime.start(spec, never);
    const record = (await readRecord(world.root, spec))!;
    // It has run for long.
    await writeRecord(world.root, { ...record, startedAt: record.startedAt - 60_000 });
    utimesSync(filesOf(world.root, spec).record, Date.now() / 1000 - 60, Date.now() / 1000 - 60);
    writeFileSync(go, '');
    const [pid] = await until('it listens', async () => {
      const holders = await listPortHolders([port]);
      return holders.length === 1 && holders;
    });
    process.kill(-record.pid, 'SIGKILL');
    await until('the service has ended', async () => (await world.state()) === 'stopped');
    await expect(world.runtime.remove(spec)).rejects.toMatchObject({ code: 'leftover', details: { pids: [pid] } });
    process.kill(pid!, 'SIGKILL');
    await until('it has ended', () => !isRunning(pid!));
    await untilItBeginsLater();
    const own = spawn(process.execPath, ['-e', `require('node:net').createServer().listen(${port}, '127.0.0.1')`]);
    try {
      await until('it listens', async () => (await listPortHolders([port])).includes(own.pid!));
      await world.runtime.remove(spec);
      expect(await world.runtime.status(world.rootId)).toEqual([]);
    } finally {
      own.kill('SIGKILL');
    }
  });

  it('is not taken for one that has the port by right since', async () => {
    const port = freePorts();
    const spec = world.spec('exit 0', { ports: [{ name: 'http', host: port, container: port }] });
    await world.runtime.start(spec, never);
    await until('it has ended', async () => (await world.state()) === 'exited');
    // This very process began long before.
    const stranger = net.createServer().listen(port, '127.0.0.1');
    await once(stranger, 'listening');
    try {
      await world.runtime.stop(spec);
      await world.runtime.remove(spec);
    } finally {
      stranger.close();
    }
  });

  it('is not taken for one that a person started after a crash', async () => {
    const port = freePorts();
    const spec = world.spec('exit 1', { ports: [{ name: 'http', host: port, container: port }] });
    await world.runtime.start(spec, never);
    await until('it has ended', async () => (await world.state()) === 'exited');
    const record = (await readRecord(world.root, spec))!;
    await writeRecord(world.root, { ...record, startedAt: Date.now() - 120_000 });
    const crash = new Date(Date.now() - 60_000);
    utimesSync(exitFileOf(world.root, record), crash, crash);
    const [program = '', ...args] = world.script(listens(port));
    const mine = spawn(program, args, { stdio: 'ignore' });
    try {
      await until('it listens', async () => (await listPortHolders([port])).length === 1);
      await world.runtime.stop(spec);
      await world.runtime.remove(spec);
    } finally {
      mine.kill('SIGKILL');
    }
  });
});

describe('a workload that is paused', () => {
  it('says so, goes on when it is started, and ends when it is stopped', async () => {
    const spec = world.spec(world.script(sleeper));
    await world.runtime.start(spec, never);
    const pid = Number((await lineOf(spec, /^up (\d+)$/))[1]);
    process.kill(pid, 'SIGSTOP');
    await until('it is paused', async () => (await world.state()) === 'paused');
    await world.runtime.start(spec, never);
    await until('it runs', async () => (await world.state()) === 'running');
    process.kill(pid, 'SIGSTOP');
    await until('it is paused again', async () => (await world.state()) === 'paused');
    await world.runtime.stop(spec);
    expect([isRunning(pid), await world.state()]).toEqual([false, 'stopped']);
  });
});

describe('a workload that has ended', () => {
  it.each([
    ['by itself', 'exit 3', 3],
    ['by a signal from outside', 'kill -9 $$', 137],
  ])('%s is exited, with its code', async (_, command, exitCode) => {
    const spec = world.spec(command);
    await world.runtime.start(spec, never);
    await until('it has ended', async () => (await world.state()) !== 'running');
    expect(await world.runtime.status(world.rootId)).toMatchObject([{ state: 'exited', exitCode }]);
  });

  it('is stopped, not exited, when its whole group was killed', async () => {
    const spec = world.spec(world.script(sleeper));
    await world.runtime.start(spec, never);
    process.kill(-(await readRecord(world.root, spec))!.pid, 'SIGKILL');
    await until('it has ended', async () => (await world.state()) === 'stopped');
  });

  it('starts again with the same spec and leaves no exit code of before', async () => {
    const file = path.join(world.source, 'flag');
    const spec = world.spec(`test -e ${file} && exec ${world.script(sleeper).join(' ')}; exit 4`);
    await world.runtime.start(spec, never);
    await until('it has exited', async () => (await world.state()) === 'exited');
    writeFileSync(file, '');
    await world.runtime.start(spec, never);
    await lineOf(spec, /^up/);
    expect(await world.runtime.status(world.rootId)).toMatchObject([{ state: 'running', exitCode: undefined }]);
    expect(readdirSync(path.join(world.root, '.stack/run/feat-01'))).toEqual(['api.json']);
  });

  it('is gone without a trace once removed', async () => {
    const spec = world.spec(world.script(sleeper));
    await world.runtime.start(spec, never);
    await world.runtime.remove(spec);
    expect(existsSync(path.join(world.root, '.stack/run/feat-01'))).toBe(false);
    expect(existsSync(path.join(world.root, '.stack/logs/feat-01'))).toBe(false);
    expect(await world.runtime.status(world.rootId)).toEqual([]);
  });
});

describe('identity', () => {
  it('never takes a reused pid for ours', async () => {
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true });
    await once(stranger, 'spawn');
    await untilItBeginsLater();
    try {
      const spec = world.spec('exit 0');
      await world.runtime.start(spec, never);
      await until('it has ended', async () => (await world.state()) === 'exited');
      const record = (await readRecord(world.root, spec))!;
      await writeRecord(world.root, { ...record, pid: stranger.pid! });
      expect(await world.state()).toBe('exited');
      await world.runtime.stop(spec);
      await world.runtime.remove(spec);
      expect(isRunning(stranger.pid!)).toBe(true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  it('never takes the group that a stranger’s dead leader left for ours', async () => {
    const leader = spawn('/bin/sh', ['-c', 'sleep 600 & echo $!'], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const left = Number(String((await once(leader.stdout, 'data'))[0]));
    try {
      const spec = world.spec('exit 0');
      await world.runtime.start(spec, never);
      await until('it has ended', async () => (await world.state()) === 'exited');
      const record = (await readRecord(world.root, spec))!;
      await writeRecord(world.root, { ...record, pid: leader.pid! });
      expect(await world.state()).toBe('exited');
      await world.runtime.stop(spec);
      await world.runtime.remove(spec);
      expect(isRunning(left)).toBe(true);
    } finally {
      process.kill(left, 'SIGKILL');
    }
  });

  it('finds what runs when its record was lost', async () => {
    const spec = world.spec(world.script(sleeper));
    await world.runtime.start(spec, never);
    const pid = Number((await lineOf(spec, /^up (\d+)$/))[1]);
    writeFileSync(path.join(world.root, '.stack/run/feat-01/api.json'), '{"version":1,"pi');
    expect(await world.runtime.status(world.rootId)).toEqual([]);
    await world.runtime.start(spec, never);
    expect(isRunning(pid)).toBe(false);
    expect(await world.state()).toBe('running');
  });

  it('keeps roots apart', async () => {
    await world.runtime.start(world.spec(world.script(sleeper)), never);
    expect(await world.runtime.status('00000000')).toEqual([]);
    expect(await world.runtime.status(world.rootId, 'feat-02')).toEqual([]);
  });
});

describe('a start that cannot be', () => {
  const failure = async (start: Promise<void>) =>
    start.then(
      () => undefined,
      (error) => error,
    );

  it('says what is wrong with the command', async () => {
    const start = (command: string | string[], more = {}) =>
      failure(world.runtime.start(world.spec(command, more), never));
    const plain = path.join(world.source, 'plain');
    writeFileSync(plain, '#!/bin/sh\n');
    chmodSync(plain, 0o644);
    expect(await start(['no-such-program'])).toMatchObject({
      code: 'process',
      message: 'no-such-program was not found',
    });
    expect(await start(['./no-such-file'])).toMatchObject({ code: 'process', hint: `looked in ${world.source}` });
    expect(await start(['./plain'])).toMatchObject({ code: 'process', message: './plain is not executable' });
    expect(await start('true', { dir: 'nowhere' })).toMatchObject({ code: 'process' });
    expect(await start('true', { command: undefined })).toMatchObject({ code: 'config' });
    expect(await world.runtime.status(world.rootId)).toEqual([]);
  });

  it.each(['127.0.0.1', '::1', '0.0.0.0', '::'])('says that its port is taken on %s', async (host) => {
    const server = net.createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const spec = world.spec('true', { ports: [{ name: 'http', host: port, container: port }] });
    expect(await failure(world.runtime.start(spec, never))).toMatchObject({ code: 'port', details: { port } });
    expect(await world.runtime.status(world.rootId)).toEqual([]);
    server.close();
  });

  it('says that its log cannot be written', async () => {
    mkdirSync(path.join(world.root, '.stack'));
    writeFileSync(path.join(world.root, '.stack/logs'), 'in the way');
    expect(await failure(world.runtime.start(world.spec('true'), never))).toMatchObject({ code: 'files' });
  });

  it('starts nothing once aborted', async () => {
    expect(await failure(world.runtime.start(world.spec('true'), AbortSignal.abort()))).toMatchObject({
      code: 'interrupted',
    });
    expect(await world.runtime.status(world.rootId)).toEqual([]);
  });
});

describe('why a workload is not ready', () => {
  const explain = async (command: string | string[], port: number, pattern: RegExp) => {
    const spec = world.spec(command, { ports: [{ name: 'http', host: port, container: port }] });
    await world.runtime.start(spec, never);
    await until(String(pattern), async () => pattern.test((await world.runtime.explain(spec)) ?? ''));
    return spec;
  };

  it('names the port it took instead, or that it took none', async () => {
    const [given, taken] = [freePorts(), freePorts()];
    const spec = await explain(
      world.script(listens(taken)),
      given,
      new RegExp(`listens on ${taken}, but was given ${given}`),
    );
    await world.runtime.remove(spec);
    await explain(world.script(sleeper), given, /listens on no port/);
  });

  it('names ::1 where nothing else is listened on', async () => {
    const port = freePorts();
    await explain(world.script(listens(port, '::1')), port, /listens on \[::1\]:\d+ only/);
  });

  it('says that the command was not found', async () => {
    await explain('no-such-program --flag', freePorts(), /did not find the command/);
  });

  it('says that it put itself into the background, and ends it there', async () => {
    const daemon = JSON.stringify(world.script(sleeper));
    const parent = world.script(`
      import { spawn } from 'node:child_process';
      const [program, ...args] = ${daemon};
      spawn(program, args, { detached: true, stdio: 'inherit' }).unref();
    `);
    const spec = await explain(parent, freePorts(), /left a process in the background/);
    const pid = Number((await lineOf(spec, /^up (\d+)$/))[1]);
    await world.runtime.stop(spec);
    expect(isRunning(pid)).toBe(false);
  });

  it('says nothing when all is well', async () => {
    const port = freePorts();
    const spec = world.spec(world.script(listens(port)), { ports: [{ name: 'http', host: port, container: port }] });
    await world.runtime.start(spec, never);
    await lineOf(spec, /^up$/);
    expect(await world.runtime.explain(spec)).toBeUndefined();
  });
});
