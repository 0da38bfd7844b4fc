import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listInside } from '../../src/adapters/process/inside.ts';
import { type LogFiles, logFilesOf } from '../../src/adapters/process/log-files.ts';
import { isKept, keeperFileOf, readKeeper } from '../../src/adapters/process/log-keeper.ts';
import { readNewestLines } from '../../src/adapters/process/read-log.ts';
import { filesOf } from '../../src/adapters/process/record.ts';
import type { LogOptions, WorkloadRef, WorkloadSpec } from '../../src/domain/runtime.ts';
import { isOnMac, onLinuxAlone } from '../support/mac.ts';
import { isRunning, makeProcessWorld, type ProcessWorld } from '../support/process-world.ts';
import { until } from '../support/until.ts';

let world: ProcessWorld;
const never = new AbortController().signal;

beforeEach(() => {
  world = makeProcessWorld();
});

afterEach(() => world.end());

/** Returns a folder with these programs alone. */
function makeBin(programs: readonly string[]): string {
  const bin = path.join(world.source, 'bin');
  mkdirSync(bin);
  for (const program of programs) {
    symlinkSync(execFileSync('which', [program], { encoding: 'utf8' }).trim(), path.join(bin, program));
  }
  return bin;
}

const ended = () => until('it has ended', async () => (await world.state()) !== 'running');

describe('the log of a workload', () => {
  it('has both streams in order, and all characters', async () => {
    const spec = world.spec('echo one; echo two >&2; printf "dräi\\r\\n"; printf last');
    await world.runtime.start(spec, never);
    await ended();
    expect(await world.log(spec)).toEqual(['one', 'two', 'dräi', 'last']);
    expect(await world.log(spec, { tail: 2 })).toEqual(['dräi', 'last']);
    expect(await world.log(spec, { tail: 0 })).toEqual([]);
    expect(await world.log(spec, { tail: 99 })).toHaveLength(4);
  });

  it('keeps a program waiting that writes at once, whatever it does with its other stream', async () => {
    // Node makes the pipe of a stream that it has opened one that never waits.
    const lines =
      'process.stderr.write("begun\\n"); for (let n = 0; n < 20_000; n++) fs.writeSync(1, "x".repeat(99) + "\\n")';
    await world.runtime.start(world.spec([process.execPath, '-e', lines]), never);
    await ended();
    expect((await world.runtime.status(world.rootId))[0]).toMatchObject({ state: 'exited', exitCode: 0 });
  });

  it('has the run before, unless it is asked since the newest start', async () => {
    const spec = world.spec('echo $$');
    await world.runtime.start(spec, never);
    await ended();
    const first = await world.log(spec);
    const between = Date.now();
    await world.runtime.start(spec, never);
    await ended();
    const both = await world.log(spec);
    expect(both.slice(0, 1)).toEqual(first);
    expect(both).toHaveLength(2);
    expect(await world.log(spec, { since: between })).toEqual(both.slice(1));
    expect(await world.log(spec, { since: 1 })).toEqual(both);
    expect(await world.log(spec, { tail: 1 })).toEqual(both.slice(1));
    expect(await world.log(spec, { since: Date.now() + 60_000 })).toEqual([]);
  });

  it('is followed until the workload ends', async () => {
    const go = path.join(world.source, 'go');
    const spec = world.spec(`echo early; while ! test -e ${go}; do sleep 0.02; done; echo late; printf end`);
    await world.runtime.start(spec, never);
    const lines: string[] = [];
    for await (const { text } of world.runtime.logs(spec, { follow: true })) {
      lines.push(text);
      writeFileSync(go, '');
    }
    expect(lines).toEqual(['early', 'late', 'end']);
  });

  it('is followed to what there is of an unfinished line, for who asks for that', async () => {
    const go = path.join(world.source, 'go');
    const spec = world.spec(`printf up; while ! test -e ${go}; do sleep 0.02; done; echo ' and well'; exec sleep 1000`);
    await world.runtime.start(spec, never);
    const lines: string[] = [];
    for await (const { text } of world.runtime.logs(spec, { follow: true, partial: true })) {
      // Given once, however long nothing more comes.
      if (lines.push(text) === 1) setTimeout(() => writeFileSync(go, ''), 500);
      else break;
    }
    expect(lines).toEqual(['up', 'up and well']);
  });

  it('is followed until the caller has enough', async () => {
    const spec = world.spec('echo up; exec sleep 1000');
    await world.runtime.start(spec, never);
    const enough = new AbortController();
    const lines: string[] = [];
    for await (const { text } of world.runtime.logs(spec, { follow: true, signal: enough.signal })) {
      lines.push(text);
      enough.abort();
    }
    expect(lines).toEqual(['up']);
    expect(await world.state()).toBe('running');
  });

  it('is not found for a workload that never was', async () => {
    await expect(world.log(world.spec('true'))).rejects.toMatchObject({ code: 'not-found' });
  });
});

/** The time a process and its ended children have used: fields 14 to 17 of its stat, in hundredths of a second. */
function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

describe('the times of a log', () => {
  const timesOf = async (spec: WorkloadRef, options: LogOptions = {}): Promise<[string, number | undefined][]> => {
    const lines: [string, number | undefined][] = [];
    for await (const { text, time } of world.runtime.logs(spec, { ...options, times: true })) lines.push([text, time]);
    return lines;
  };
  /** Prints a line each time that the file is made; gives when it was told to. */
  const say = async (spec: WorkloadRef, text: string): Promise<number> => {
    const at = Date.now();
    writeFileSync(path.join(world.source, 'saying'), `${text}\n`);
    renameSync(path.join(world.source, 'saying'), path.join(world.source, 'say'));
    await until(text, async () => (await world.log(spec)).includes(text));
    return at;
  };
  const makeListener = (): WorkloadSpec =>
    world.spec(
      world.script(`
        import { readFileSync, rmSync } from 'node:fs';
        import { setTimeout as wait } from 'node:timers/promises';
        process.on('SIGTERM', () => process.exit());
        for (;; await wait(20)) {
          try {
            process.stdout.write(readFileSync('say'));
            rmSync('say');
          } catch {}
        }
      `),
    );

  it('are those of the moment when each line came, over a killed keeper and a start, and choose lines', async () => {
    const spec = makeListener();
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    const begun = await say(spec, 'one');
    const between = Date.now();
    // Elsewhere nobody can start another.
    if (!isOnMac) {
      const { pid } = (await readKeeper(files))!;
      process.kill(-pid, 'SIGKILL');
      await until('it has ended', () => !isRunning(pid));
    }
    expect(await world.state()).toBe('running');
    await say(spec, 'two');
    const [one, two] = (await timesOf(spec)).map(([, time]) => time) as [number, number];
    expect([begun - 10 <= one, one <= between, between <= two + 10, two <= Date.now()]).toEqual(Array(4).fill(true));
    expect(await world.log(spec, { since: two })).toEqual(['two']);
    expect(await world.log(spec, { since: two + 1 })).toEqual([]);
    await world.runtime.stop(spec);
    await world.runtime.start(spec, never);
    await say(spec, 'three');
    const all = await timesOf(spec);
    expect(all.slice(0, 2)).toEqual([
      ['one', one],
      ['two', two],
    ]);
    expect(all[2]?.[1]).toBeGreaterThan(two);
    expect(await world.log(spec, { since: two })).toEqual(['two', 'three']);
    expect(await timesOf(spec, { since: one, tail: 2 })).toEqual(all.slice(1));
    expect(Object.values(files).map((file) => (statSync(file).mode & 0o777).toString(8))).toEqual(
      Object.values(files).map((file) => (file === files.record ? expect.anything() : '600')),
    );
    await world.runtime.remove(spec);
    expect(existsSync(path.dirname(files.log))).toBe(false);
  });

  it('are known of a line that is followed as soon as it comes, also in the file that is put aside meanwhile', async () => {
    // As much as a file of the log holds twice: it goes on once that has been read, however long that takes.
    const batch = 10_000;
    const go = (count: number): string => path.join(world.source, `go-${count}`);
    const batches = [1, 2, 3, 4, 5, 6].map((count) => {
      return `seq 1 ${batch}; while ! test -e ${go(count * batch)}; do sleep 0.02; done; sleep 0.05`;
    });
    const spec = world.spec(`${batches.join('; ')}; echo end`, { logBytes: MAX });
    const begun = Date.now();
    await world.runtime.start(spec, never);
    const lines: [string, number | undefined][] = [];
    for await (const { text, time } of world.runtime.logs(spec, { follow: true, times: true })) {
      if (lines.push([text, time]) % batch === 0) writeFileSync(go(lines.length), '');
    }
    expect(lines).toHaveLength(60_001);
    expect(lines.filter(([, time]) => time === undefined || time < begun - 10 || time > Date.now())).toEqual([]);
    expect(lines.map(([, time]) => time)).toEqual(lines.map(([, time]) => time).sort());
    const kept = await timesOf(spec);
    expect(kept.slice(1)).toEqual(lines.slice(1 - kept.length));
    expect(await world.log(spec, { since: lines.at(-1)![1]! })).toEqual(['end']);
    const files = filesOf(world.root, spec);
    for (const [log, times] of [
      [files.log, files.times],
      [files.oldLog, files.oldTimes],
    ] as const)
      expect(statSync(log).size + statSync(times).size).toBeLessThanOrEqual(MAX / 2);
  });

  it('are within the log’s limit too, where lines are short and come one by one', async () => {
    const max = 4 * 1024;
    const spec = world.spec('while :; do echo; sleep 0.01; done', { logBytes: max });
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    await until('it is put aside', () => existsSync(files.oldTimes));
    expect(statSync(files.oldLog).size).toBeLessThan(max / 4);
    expect(statSync(files.oldLog).size + statSync(files.oldTimes).size).toBeLessThanOrEqual(max / 2);
    expect((await timesOf(spec)).filter(([, time]) => time === undefined)).toEqual([]);
  });

  it('are left out where nobody noted them: all that may be as new is given', async () => {
    const spec = makeListener();
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    await say(spec, 'one');
    await world.runtime.stop(spec);
    // As an older version leaves it, or a copy.
    rmSync(files.times);
    const between = Date.now();
    expect(await timesOf(spec)).toEqual([['one', undefined]]);
    expect(await world.log(spec, { since: between + 1000 })).toEqual([]);
    await world.runtime.start(spec, never);
    await say(spec, 'two');
    expect(await timesOf(spec)).toEqual([
      ['one', undefined],
      ['two', expect.any(Number)],
    ]);
    expect(await world.log(spec, { since: between })).toEqual(['two']);
  });

  it('go on from where somebody has emptied the log, and with a clock that was set back', async () => {
    const spec = makeListener();
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    await say(spec, 'one');
    writeFileSync(files.log, '');
    await say(spec, 'two');
    expect(await timesOf(spec)).toEqual([['two', expect.any(Number)]]);
    // A clock that was an hour ahead until now.
    const [[, two]] = (await timesOf(spec)) as [[string, number]];
    const ahead = readFileSync(files.times, 'utf8').replaceAll(/ \d{13}/g, ` ${two + 3_600_000}`);
    writeFileSync(files.times, ahead);
    const three = await say(spec, 'three');
    const times = (await timesOf(spec)).map(([, time]) => time);
    expect(times).toEqual([two + 3_600_000, expect.any(Number)]);
    expect(times[1]).toBeLessThan(three + 60_000);
    const { startedAt } = (await world.runtime.status(world.rootId))[0]!;
    expect(await world.log(spec, { since: startedAt! })).toEqual(['two', 'three']);
  });
});

const MAX = 200 * 1024;
const sizes = (files: LogFiles): number[] =>
  [files.log, files.oldLog].filter((file) => existsSync(file)).map((file) => statSync(file).size);

describe('a log that grows', () => {
  it('never holds more than its limit, while nobody looks, and keeps the newest lines whole', async () => {
    const spec = world.spec(`seq 1 100000; echo end; exec sleep 1000`, { logBytes: MAX });
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    await until('all of it has been printed', async () => (await world.log(spec, { tail: 1 }))[0] === 'end');
    expect(sizes(files)).toHaveLength(2);
    for (const size of sizes(files)) expect(size).toBeLessThanOrEqual(MAX / 2);
    const lines = await world.log(spec);
    expect(lines.slice(1, -1)).toEqual(
      lines.slice(1, -1).map((_, index) => String(100_001 - lines.length + 2 + index)),
    );
    expect(await world.log(spec, { tail: 20_000 })).toEqual(lines.slice(-20_000));
    expect(await world.log(spec, { since: 1 })).toEqual(lines);
    expect((statSync(files.oldLog).mode & 0o777).toString(8)).toBe('600');
  });

  it('is followed while it is put aside, and its last lines are there once it has ended', async () => {
    const go = path.join(world.source, 'go');
    const script = world.script(`
      import { existsSync } from 'node:fs';
      import { setTimeout as wait } from 'node:timers/promises';
      console.log('up');
      while (!existsSync(${JSON.stringify(go)})) await wait(10);
      // As much as fits into one file between two looks.
      for (let round = 0; round < 40; round++) {
        for (let line = 0; line < 1000; line++) console.log(round * 1000 + line);
        await wait(40);
      }
      console.log('end');
      process.exitCode = 1;
    `);
    const spec = world.spec(script, { logBytes: MAX });
    await world.runtime.start(spec, never);
    const seen: string[] = [];
    for await (const { text } of world.runtime.logs(spec, { follow: true })) {
      seen.push(text);
      if (text === 'up') writeFileSync(go, '');
    }
    expect(seen).toEqual(['up', ...Array.from({ length: 40_000 }, (_, index) => String(index)), 'end']);
    expect((await world.log(spec)).at(-1)).toBe('end');
  });

  it('has all that a program printed at once before it ended', async () => {
    const spec = world.spec(
      world.script(`for (let line = 0; line < 4000; line++) console.log(line, ' '.repeat(100)); process.exitCode = 3;`),
    );
    await world.runtime.start(spec, never);
    await ended();
    expect((await world.log(spec)).map(Number)).toEqual(Array.from({ length: 4000 }, (_, line) => line));
  });

  onLinuxAlone('is written on when its keeper was killed: the service neither ends nor waits', async () => {
    const spec = world.spec('while :; do echo line; sleep 0.01; done');
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    const { pid } = (await readKeeper(files))!;
    process.kill(-pid, 'SIGKILL');
    await until('it has ended', () => !isRunning(pid));
    expect(await world.state()).toBe('running');
    const before = statSync(files.log).size;
    await until('it is written again', () => statSync(files.log).size > before);
    await world.runtime.remove(spec);
    await until('the new keeper has ended', async () => !(await isKept(await readKeeper(files))));
  });

  onLinuxAlone('is written on when its keeper was stopped, once somebody looks', async () => {
    const spec = world.spec('while :; do echo line; sleep 0.01; done');
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    await until('its first line', async () => (await world.log(spec))[0]);
    const keeper = await readKeeper(files);
    process.kill(-keeper!.pid, 'SIGSTOP');
    await until('it has stopped', () => /^State:\tT/m.test(readFileSync(`/proc/${keeper!.pid}/status`, 'utf8')));
    const before = statSync(files.log).size;
    expect(await world.state()).toBe('running');
    await until('it is written again', () => statSync(files.log).size > before);
    expect(await readKeeper(files)).toEqual(keeper);
  });

  it.each([
    ['with perl', ['perl']],
    ['without perl', []],
  ])('keeps no service waiting for a FIFO in its place, %s', async (_, programs) => {
    const bin = makeBin(['sh', 'mkfifo', 'wc', 'mv', 'dd', 'grep', 'seq', 'sleep', 'touch', ...programs]);
    const [go, on] = [path.join(world.source, 'go'), path.join(world.source, 'on')];
    const spec = world.spec(
      `echo begun; while ! test -e ${go}; do sleep 0.02; done; seq 1 100000; touch ${on}; while echo later; do sleep 0.01; done`,
      { env: { PATH: bin }, logBytes: MAX },
    );
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    // From then on the keeper has the log open, and makes none.
    await until('it is kept', () => existsSync(files.log) && readFileSync(files.log, 'utf8').includes('begun'));
    rmSync(files.log);
    execFileSync('mkfifo', [files.log]);
    writeFileSync(go, '');
    await until('it went on', () => existsSync(on));
    rmSync(files.log);
    await until('it is written', () => existsSync(files.log) && readFileSync(files.log, 'utf8').includes('later'));
  });

  it('ends its keeper with the service, and also where a program that was left behind holds the output', async () => {
    // Nobody's child: on a Mac the service's children end with it, wherever they went.
    const spec = world.spec(`(env -i setsid sh -c 'echo $$; exec sleep 1000' &); exec sleep 1000`);
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    const daemon = Number(await until('its line', async () => (await world.log(spec))[0]));
    try {
      const { pid } = (await readKeeper(files))!;
      await world.runtime.remove(spec);
      expect([isRunning(pid), isRunning(daemon), existsSync(path.dirname(files.log))]).toEqual([false, true, false]);
    } finally {
      process.kill(daemon, 'SIGKILL');
    }
  });

  it('never holds more than its limit where nothing can be put aside', async () => {
    const go = path.join(world.source, 'go');
    const spec = world.spec(`while ! test -e ${go}; do sleep 0.02; done; seq 1 100000; echo end; exec sleep 1000`, {
      logBytes: MAX,
    });
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    mkdirSync(files.oldLog);
    mkdirSync(path.join(files.oldLog, path.basename(files.log)));
    writeFileSync(path.join(files.oldLog, path.basename(files.log), 'full'), '');
    writeFileSync(go, '');
    // The file itself comes with the first line.
    await until(
      'all of it has been printed',
      () => existsSync(files.log) && readFileSync(files.log, 'utf8').endsWith('end\n'),
    );
    expect(statSync(files.log).size).toBeLessThanOrEqual(MAX / 2);
    rmSync(files.oldLog, { recursive: true });
  });

  it('keeps no service waiting once its folder is gone, and is written again when that is back', async () => {
    const [go, on] = [path.join(world.source, 'go'), path.join(world.source, 'on')];
    const spec = world.spec(
      `while ! test -e ${go}; do sleep 0.02; done; seq 1 100000; touch ${on}; while echo later; do sleep 0.01; done`,
    );
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    rmSync(path.dirname(files.log), { recursive: true });
    writeFileSync(go, '');
    await until('it went on', () => existsSync(on));
    mkdirSync(path.dirname(files.log));
    await until('it is written', () => existsSync(files.log) && readFileSync(files.log, 'utf8').includes('later'));
  });

  it('is kept within its limit where there is no perl, and its end is known', async () => {
    const bin = makeBin(['sh', 'mkfifo', 'wc', 'mv', 'dd', 'grep', 'seq']);
    const spec = world.spec('seq 1 100000', { env: { PATH: bin }, logBytes: MAX });
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    await ended();
    // What was put aside may begin within a line.
    const lines = (await world.log(spec)).slice(1);
    expect(lines.at(-1)).toBe('100000');
    expect(lines.length).toBeGreaterThan(1000);
    expect(lines.map(Number)).toEqual(lines.map((_, index) => 100_001 - lines.length + index));
    expect(statSync(files.log).size + statSync(files.oldLog).size).toBeLessThanOrEqual(MAX);
    await until('its end is known', async () => readFileSync(keeperFileOf(files), 'utf8').endsWith('\n'));
  });

  it.each([
    ['where there is no dd', false],
    ['where dd always fails', true],
  ])('keeps no service waiting %s, and does not spin', async (_, fails) => {
    const bin = makeBin(['sh', 'mkfifo', 'wc', 'mv', 'seq', 'sleep', 'touch']);
    if (fails) writeFileSync(path.join(bin, 'dd'), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
    const done = path.join(world.source, 'done');
    const spec = world.spec(`seq 1 100000; touch ${done}; exec sleep 1000`, { env: { PATH: bin } });
    await world.runtime.start(spec, never);
    await until('it went on', () => existsSync(done));
    const { pid } = (await readKeeper(filesOf(world.root, spec)))!;
    await until('it waits for more', async () => {
      const before = ticksOf(pid);
      await wait(200);
      return ticksOf(pid) === before;
    });
    await world.runtime.remove(spec);
    expect(isRunning(pid)).toBe(false);
  });

  it('does not count its keeper among the programs of the service', async () => {
    const spec = world.spec('exec sleep 1000');
    await world.runtime.start(spec, never);
    const { pid } = (await readKeeper(filesOf(world.root, spec)))!;
    const names = (await world.runtime.programs(spec, {})).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith(`pid ${pid} `))).toEqual([]);
    expect(await listInside(world.root, { names: [spec.name], groups: [] })).toEqual([]);
  });
});

describe('the end of a log', () => {
  const all = Array.from({ length: 1000 }, (_, index) => `${index} ${'x'.repeat(index % 400)}`);

  it.each([0, 1, 2, 999, 1000, 5000])('is found for %i lines, wherever it was put aside', async (count) => {
    for (const [last, cut] of [
      ['\n', 0],
      ['', 0],
      ['\n', 100_000],
      ['', 100_001],
      ['\n', 1],
    ] as const) {
      const text = all.join('\n') + last;
      writeFileSync(path.join(world.root, 'long.log.1'), text.slice(0, cut));
      writeFileSync(path.join(world.root, 'long.log'), text.slice(cut));
      const read: string[] = [];
      for await (const line of readNewestLines(logFilesOf(path.join(world.root, 'long.log')), count))
        read.push(line.text);
      expect(read).toEqual(count === 0 ? [] : all.slice(-count));
    }
  });
});
