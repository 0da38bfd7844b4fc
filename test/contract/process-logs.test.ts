import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findTail, readLines } from '../../src/adapters/process/log-lines.ts';
import { limitLog } from '../../src/adapters/process/logs.ts';
import { filesOf } from '../../src/adapters/process/record.ts';
import { makeProcessWorld, type ProcessWorld } from '../support/process-world.ts';
import { until } from '../support/until.ts';

let world: ProcessWorld;
const never = new AbortController().signal;

beforeEach(() => {
  world = makeProcessWorld();
});

afterEach(() => world.end());

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

  it('has the run before, unless it is asked since the newest start', async () => {
    const spec = world.spec('echo $$');
    await world.runtime.start(spec, never);
    await ended();
    const between = Date.now();
    const first = await world.log(spec);
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

describe('a log that grows', () => {
  it('is put aside while the workload writes on, and is followed across that', async () => {
    const [first, second] = ['first', 'second'].map((name) => path.join(world.source, name));
    const wait = (file: string | undefined) => `while ! test -e ${file}; do sleep 0.02; done`;
    const spec = world.spec(`echo 1; ${wait(first)}; echo 2; ${wait(second)}; echo 3`);
    const files = filesOf(world.root, spec);
    await world.runtime.start(spec, never);
    const seen: string[] = [];
    for await (const { text } of world.runtime.logs(spec, { follow: true })) {
      seen.push(text);
      if (text === '1') {
        await limitLog(files, 1);
        writeFileSync(first!, '');
      }
      if (text === '2') writeFileSync(second!, '');
    }
    expect(seen).toEqual(['1', '2', '3']);
    expect(readFileSync(files.log, 'utf8')).toBe('2\n3\n');
    expect(readFileSync(files.oldLog, 'utf8')).toBe('1\n');
    expect(await world.log(spec)).toEqual(['1', '2', '3']);
    expect(await world.log(spec, { since: 1 })).toEqual(['1', '2', '3']);
  });

  it('is left alone below the limit, and while another command puts it aside', async () => {
    const files = filesOf(world.root, { instance: 'feat-01', service: 'api' });
    mkdirSync(path.dirname(files.log), { recursive: true });
    writeFileSync(files.log, 'text\n');
    await limitLog(files, 5);
    expect(existsSync(files.oldLog)).toBe(false);
    writeFileSync(`${files.log}.guard`, '');
    await limitLog(files, 4);
    expect(statSync(files.log).size).toBe(5);
  });
});

describe('the end of a long file', () => {
  it.each([0, 1, 2, 999, 1000, 5000])('is found for %i lines', async (count) => {
    const file = path.join(world.root, 'long.log');
    const all = Array.from({ length: 1000 }, (_, index) => `${index} ${'x'.repeat(index % 400)}`);
    for (const last of ['\n', '']) {
      writeFileSync(file, all.join('\n'));
      appendFileSync(file, last);
      const { start, lines } = await findTail(file, count);
      const read: string[] = [];
      for await (const line of readLines(file, start)) read.push(line);
      expect(read).toEqual(count === 0 ? [] : all.slice(-count));
      expect(lines).toBe(read.length);
    }
  });
});
