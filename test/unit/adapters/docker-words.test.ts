import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { explainEngineError, findTakenPort, readReason, readTakenPort } from '../../../src/adapters/docker/error.ts';
import { createMeter } from '../../../src/adapters/docker/image.ts';
import { readLines } from '../../../src/adapters/docker/lines.ts';
import { readProjectState } from '../../../src/adapters/docker/project.ts';
import type { StackError } from '../../../src/domain/errors.ts';

describe('a taken port', () => {
  it.each([
    [
      'driver failed programming external connectivity on endpoint x (0a1b): Bind for 127.0.0.1:4001 failed: port is already allocated',
    ],
    [
      'driver failed programming external connectivity on endpoint x (0a1b): Error starting userland proxy: listen tcp4 127.0.0.1:4001: bind: address already in use',
    ],
    [
      'failed to set up container networking: driver failed programming external connectivity on endpoint x (0a1b): failed to bind host port 127.0.0.1:4001/tcp: address already in use',
    ],
    [
      'Ports are not available: exposing port TCP 127.0.0.1:4001 -> 127.0.0.1:0: listen tcp 127.0.0.1:4001: bind: address already in use',
    ],
    ['rootlessport listen tcp 127.0.0.1:4001: bind: address already in use'],
    [
      'driver failed programming external connectivity on endpoint x (0a1b): failed to bind host port for 127.0.0.1:4001:172.18.0.2:3000/tcp: address already in use',
    ],
    [
      'ports are not available: exposing port TCP 127.0.0.1:4001 -> 127.0.0.1:0: /forwards/expose returned unexpected status: 500',
    ],
    ['Bind for :::4001 failed: port is already allocated'],
    ['failed to bind host port [::1]:4001/tcp: address already in use'],
  ])('is told by: %s', (message) => {
    expect(findTakenPort({ statusCode: 500, json: { message } }, [3000, 4001])).toBe(4001);
    // As compose passes it on, which knows of no ports that were asked for.
    expect(readTakenPort(`Error response from daemon: ${message}`)).toBe(4001);
  });

  it('is the first one where the engine names none', () => {
    expect(findTakenPort(new Error('address already in use'), [4001, 4002])).toBe(4001);
  });

  it('is not what other failures are about', () => {
    expect(findTakenPort(new Error('no such image: x:4001'), [4001])).toBeUndefined();
    expect(findTakenPort(new Error('address already in use'), [])).toBeUndefined();
    expect(readTakenPort('Error response from daemon: no such image: 127.0.0.1:4001/x')).toBeUndefined();
  });
});

describe('an engine’s error', () => {
  it('is told in the engine’s own words', () => {
    expect(readReason(new Error('(HTTP code 500) server error - it broke '))).toBe('it broke');
    expect(readReason({ json: { message: 'it broke' }, message: 'x' })).toBe('it broke');
  });

  it('says that something else answers where that is no HTTP', () => {
    const error = Object.assign(new Error('Parse Error: Expected HTTP/'), { code: 'HPE_INVALID_CONSTANT' });
    expect(explainEngineError(error, 'tcp://127.0.0.1:22')).toMatchObject({
      code: 'engine',
      message: 'no Docker engine answers at tcp://127.0.0.1:22, but something else: it does not speak HTTP',
    });
  });

  it.each(['ENOENT', 'ECONNREFUSED', 'ENOTFOUND'])('says for %s that no engine answers', (code) => {
    const error = explainEngineError(Object.assign(new Error('connect'), { code }), 'unix:///x');
    expect(error).toMatchObject({ code: 'engine', message: 'no Docker engine answers at unix:///x' });
  });

  it('says for a socket that may not be used how to get leave', () => {
    const error = explainEngineError(Object.assign(new Error('connect'), { code: 'EACCES' }), 'unix:///x');
    expect(error).toMatchObject({ code: 'engine', hint: expect.stringContaining('usermod') });
  });

  it('says what helps on macOS', () => {
    const hintOf = (code: string): string | undefined =>
      (explainEngineError(Object.assign(new Error('connect'), { code }), 'unix:///x', 'darwin') as StackError).hint;
    for (const code of ['EACCES', 'EPERM']) {
      expect(hintOf(code)).toContain('sandbox');
      expect(hintOf(code)).not.toContain('usermod');
    }
    expect(hintOf('ECONNREFUSED')).toMatch(/^start Docker Desktop, OrbStack or Colima .*DOCKER_HOST/);
  });

  it('is an interruption where it was aborted', () => {
    expect(explainEngineError(new DOMException('aborted', 'AbortError'), 'x')).toMatchObject({ code: 'interrupted' });
  });
});

describe('the lines of a container', () => {
  const frame = (stream: number, text: string): Buffer => {
    const bytes = Buffer.from(text);
    const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(bytes.length, 4);
    return Buffer.concat([header, bytes]);
  };
  const read = async (chunks: Buffer[], multiplexed: boolean) => {
    const lines = [];
    for await (const { stream, text } of readLines(Readable.from(chunks), { multiplexed }))
      lines.push(`${stream} ${text}`);
    return lines;
  };

  it('are whole, wherever chunks, frames and characters are cut', async () => {
    const all = Buffer.concat([frame(1, 'žlu'), frame(2, 'err one\nerr'), frame(1, 'ť🐎\n\nlast'), frame(2, ' two\n')]);
    const expected = ['stderr err one', 'stdout žluť🐎', 'stdout ', 'stderr err two', 'stdout last'];
    for (const size of [1, 2, 3, 7, 1000]) {
      const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
        all.subarray(i * size, (i + 1) * size),
      );
      expect(await read(chunks, true)).toEqual(expected);
    }
  });

  it('are one stream where there is a terminal, without its carriage returns', async () => {
    expect(await read([Buffer.from('one\r\ntw'), Buffer.from('o\r\n')], false)).toEqual(['stdout one', 'stdout two']);
  });
});

describe('a pull', () => {
  it('adds up its layers', () => {
    const meter = createMeter();
    const at = (id: string, current: number, total: number) =>
      meter({ id, status: 'Downloading', progressDetail: { current, total } });
    expect(meter({ status: 'Pulling from library/node' })).toBeUndefined();
    expect(at('a', 2_000_000, 10_000_000)).toBe('pulling 2/10 MB');
    expect(at('a', 2_000_001, 10_000_000)).toBeUndefined();
    expect(at('b', 10_000_000, 30_000_000)).toBe('pulling 12/40 MB');
    expect(meter({ id: 'a', status: 'Download complete' })).toBe('pulling 20/40 MB');
    expect(meter({ id: 'c', status: 'Already exists' })).toBeUndefined();
  });
});

describe('the state of a shared service', () => {
  it.each([
    ['running', 'Up 3 seconds', 'running'],
    ['running', 'Up 3 seconds (health: starting)', 'starting'],
    ['running', 'Up 2 minutes (healthy)', 'healthy'],
    ['running', 'Up 2 minutes (unhealthy)', 'unhealthy'],
    ['created', 'Created', 'starting'],
    ['restarting', 'Restarting (1) 2 seconds ago', 'starting'],
    ['paused', 'Up 2 minutes (Paused)', 'stopped'],
    ['exited', 'Exited (0) 2 minutes ago', 'stopped'],
    ['exited', 'Exited (143) 2 minutes ago', 'stopped'],
    ['exited', 'Exited (1) 2 minutes ago', 'exited'],
    ['dead', 'Dead', 'exited'],
  ])('%s, %s: %s', (state, status, expected) => {
    expect(readProjectState(state, status)).toBe(expected);
  });
});
