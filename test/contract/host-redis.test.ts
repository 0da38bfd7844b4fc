import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHostRedis } from '../../src/adapters/servers/host-redis.ts';
import type { HostServer } from '../../src/adapters/servers/host-server.ts';
import { findRedisProgram } from '../../src/adapters/servers/redis-programs.ts';
import { freePorts } from '../support/ports.ts';
import { isRunning } from '../support/process-world.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;
const password = 'a "secret" \\ word';
let root: string;
let cacheFolder: string;
let server: HostServer;
let port: number;

const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-redis-')));
const search = { env: process.env, cacheFolder: path.join(folder, 'cache'), signal: never };
const missing = await failure(findRedisProgram(search));
if (missing) console.warn(`\n!!! SKIPPED: ${missing.message}\n`);

async function ask<Answer>(
  work: (client: ReturnType<typeof createClient>) => Promise<Answer>,
  secret = password,
): Promise<Answer> {
  const client = createClient({
    url: `redis://localhost:${port}`,
    password: secret,
    socket: { reconnectStrategy: false },
  });
  client.on('error', () => {});
  await client.connect();
  return work(client).finally(() => client.destroy());
}

beforeAll(async () => {
  root = path.join(folder, 'root');
  mkdirSync(root);
  cacheFolder = search.cacheFolder;
  server = createHostRedis({ folder: path.join(root, '.stack/shared/redis'), cacheFolder, env: process.env });
  port = freePorts();
});

afterAll(async () => {
  await server.destroyData();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

// Each test goes on from the data the one before left, as a team's does over days.
describe.skipIf(missing)('the Redis of this machine', { sequential: true }, () => {
  it('starts from nothing and wants its password', async () => {
    await server.start({ port, password }, never);
    expect(await server.status()).toMatchObject({ state: 'running', port });
    await ask((client) => client.set('kept', '42'));
    expect(await failure(ask((client) => client.ping(), 'wrong'))).toBeDefined();
    expect(statSync(path.join(root, '.stack/shared/redis/redis.conf')).mode & 0o777).toBe(0o600);
  });

  it('is left alone by a second start, and restarted on another port', async () => {
    const before = await server.status();
    await server.start({ port, password }, never);
    expect(await server.status()).toEqual(before);
    port = freePorts();
    await server.start({ port, password }, never);
    expect(isRunning(before.pid!)).toBe(false);
    expect(await ask((client) => client.get('kept'))).toBe('42');
  });

  it('keeps its data over stop and kill', async () => {
    const { pid } = await server.status();
    await server.stop();
    await server.stop();
    expect(isRunning(pid!)).toBe(false);
    await server.start({ port, password }, never);
    expect(await ask((client) => client.incr('kept'))).toBe(43);
    await ask((client) => client.sendCommand(['WAITAOF', '1', '0', '5000'])).catch(() => undefined);
    process.kill((await server.status()).pid!, 'SIGKILL');
    await until('it is gone', async () => (await server.status()).state === 'stopped');
    await server.start({ port, password }, never);
    expect(await ask((client) => client.get('kept'))).toBe('43');
  });

  it('has started once its data is loaded', async () => {
    const fill = 'for one = 1, 300000 do redis.call("SET", "many:" .. one, one) end';
    await ask((client) => client.eval(fill));
    await server.stop();
    await server.start({ port, password }, never);
    expect(await ask((client) => client.get('many:300000'))).toBe('300000');
    await ask((client) => client.eval('for one = 1, 300000 do redis.call("DEL", "many:" .. one) end'));
  });

  it('takes no other program for itself when its pid was given out again', async () => {
    await server.stop();
    const stranger = spawn('sleep', ['1000'], { cwd: root });
    await once(stranger, 'spawn');
    try {
      writeFileSync(path.join(root, '.stack/shared/redis/redis.pid'), `${stranger.pid}\n`);
      expect(await server.status()).toMatchObject({ state: 'stopped' });
      await server.stop();
      await server.start({ port, password }, never);
      expect(isRunning(stranger.pid!)).toBe(true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  it('ends also one that has not noted its pid yet, and no shell of a person in its folder', async () => {
    const { pid } = await server.status();
    rmSync(path.join(root, '.stack/shared/redis/redis.pid'));
    const shell = spawn('sleep', ['1000'], { cwd: server.dataFolder });
    await once(shell, 'spawn');
    try {
      await server.start({ port, password }, never);
      expect(isRunning(pid!)).toBe(false);
      expect(isRunning(shell.pid!)).toBe(true);
      expect(await ask((client) => client.get('kept'))).toBe('43');
    } finally {
      shell.kill('SIGKILL');
    }
  });

  it('starts although somebody opens its port for just a moment', async () => {
    await server.stop();
    const { program, env } = await findRedisProgram(search);
    const bin = path.join(folder, 'crowded');
    mkdirSync(bin);
    // The first time somebody has the port while Redis starts, and is gone once Redis is.
    const hold = `require('net').createServer().listen(process.argv[1], '127.0.0.1', () => require('child_process').spawnSync(process.argv[2], [process.argv[3]], { stdio: 'inherit' }) && process.exit(1))`;
    const lines = [
      '#!/bin/sh',
      ...Object.entries(env).map(([name, value]) => `export ${name}='${value}'`),
      `[ -e ${bin}/held ] && exec ${program} "$1"`,
      `: > ${bin}/held`,
      `exec ${process.execPath} -e "${hold}" ${port} ${program} "$1"`,
    ];
    writeFileSync(path.join(bin, 'redis-server'), lines.join('\n'), { mode: 0o755 });
    const crowded = createHostRedis({
      ...search,
      folder: path.join(root, '.stack/shared/redis'),
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    });
    await crowded.start({ port, password }, never);
    expect(existsSync(path.join(bin, 'held'))).toBe(true);
    expect(await crowded.status()).toMatchObject({ state: 'running', port });
    rmSync(bin, { recursive: true });
  });

  it('says that its port is taken, or that its data is of a newer version', async () => {
    await server.stop();
    const other = net.createServer().listen(port, '::1');
    await once(other, 'listening');
    expect(await failure(server.start({ port, password }, never))).toMatchObject({ code: 'port', details: { port } });
    other.close();
    const folder = path.join(server.dataFolder, 'appendonlydir');
    const base = path.join(folder, readdirSync(folder).find((name) => name.endsWith('.base.rdb'))!);
    writeFileSync(base, readFileSync(base, 'latin1').replace(/^REDIS\d{4}/, 'REDIS9999'), 'latin1');
    const error = await failure(server.start({ port, password }, never));
    expect(error).toMatchObject({ code: 'process', message: expect.stringContaining('newer version') });
    expect(error.lines.length).toBeGreaterThan(0);
  });

  it('deletes its data when told so', async () => {
    await server.destroyData();
    await server.destroyData();
    expect(existsSync(path.dirname(server.dataFolder))).toBe(false);
  });
});

describe('where Redis is found', () => {
  it('is the PATH first, by either name', async () => {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    symlinkSync('/bin/true', path.join(bin, 'valkey-server'));
    expect(await findRedisProgram({ ...search, env: { PATH: bin } })).toEqual({
      program: path.join(bin, 'valkey-server'),
      env: {},
    });
    symlinkSync('/bin/true', path.join(bin, 'redis-server'));
    expect((await findRedisProgram({ ...search, env: { PATH: bin } })).program).toBe(path.join(bin, 'redis-server'));
    rmSync(bin, { recursive: true });
  });

  it('is nowhere, said with what to do, on a machine without it and without apt', async () => {
    const cache = path.join(folder, 'empty');
    const error = await failure(findRedisProgram({ ...search, cacheFolder: cache, env: { PATH: '/nonexistent' } }));
    expect(error).toMatchObject({ code: 'process', hint: expect.stringContaining('redis') });
    expect(existsSync(cache)).toBe(false);
  });

  it('is not fetched into a home that is not there, which is not made', async () => {
    const bin = path.join(folder, 'bin');
    const home = path.join(folder, 'nowhere');
    mkdirSync(bin);
    symlinkSync('/bin/true', path.join(bin, 'apt-get'));
    const cache = path.join(home, '.cache/stack');
    const error = await failure(findRedisProgram({ ...search, cacheFolder: cache, env: { PATH: bin, HOME: home } }));
    expect(existsSync(home)).toBe(false);
    expect(error).toMatchObject({ code: 'files', message: expect.stringContaining(`no home folder ${home}`) });
    rmSync(bin, { recursive: true });
  });
});
