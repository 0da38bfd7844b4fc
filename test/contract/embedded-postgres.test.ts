import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedPostgres } from '../../src/adapters/servers/embedded-postgres.ts';
import type { HostServer } from '../../src/adapters/servers/host-server.ts';
import { CACHE_FOLDER } from '../support/cache.ts';
import { freePorts } from '../support/ports.ts';
import { isRunning } from '../support/process-world.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;
const settings = { user: 'shop "owner"', password: `it's`, database: 'shop-1' };
let root: string;
let server: HostServer;
let port: number;
const notes: string[] = [];

beforeAll(async () => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-postgres-')));
  server = createEmbeddedPostgres({
    root,
    cacheFolder: CACHE_FOLDER,
    env: process.env,
    note: (text) => notes.push(text),
  });
  port = freePorts();
});

afterAll(async () => {
  await server.destroyData();
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
});

/** Postgres passes over a number that is another user's. */
function asServer(): { cwd: string; uid: number; stdio: ['ignore', 'pipe', 'ignore'] } {
  return { cwd: '/', uid: statSync(server.dataFolder).uid, stdio: ['ignore', 'pipe', 'ignore'] };
}

/** Leaves what a server that was killed leaves, as though its number were this one's now. */
function leaveLocks(pid: number | undefined): void {
  const lines = [pid, server.dataFolder, 1, port, '', 'localhost', '', 'ready'];
  writeFileSync(path.join(server.dataFolder, 'postmaster.pid'), `${lines.join('\n')}\n`);
  const socket = path.join(path.dirname(server.dataFolder), 'socket', `.s.PGSQL.${port}.lock`);
  writeFileSync(socket, `${lines.slice(0, 5).join('\n')}\n`);
}

async function query(
  text: string,
  login: Partial<typeof settings> = {},
  onPort = port,
): Promise<Record<string, unknown>[]> {
  const { user, password, database } = { ...settings, ...login };
  const client = new pg.Client({ host: 'localhost', port: onPort, user, password, database });
  await client.connect();
  return (await client.query(text).finally(() => client.end())).rows;
}

async function asSuperuser(text: string): Promise<Record<string, unknown>[]> {
  const url = new URL((await server.superuser())!);
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return (await client.query(text).finally(() => client.end())).rows;
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

// Each test goes on from the data the one before left, as a team's does over days.
describe('the embedded Postgres', { sequential: true }, () => {
  it('starts from nothing, with the user, password and database it is given', async () => {
    expect(await server.status()).toMatchObject({ state: 'stopped' });
    await server.start({ port, ...settings }, never);
    expect(await server.status()).toMatchObject({ state: 'running', port });
    expect(await query('SELECT current_user AS u, current_database() AS d')).toEqual([
      { u: settings.user, d: 'shop-1' },
    ]);
    expect(await failure(query('SELECT 1', { password: 'wrong' }))).toMatchObject({ code: '28P01' });
    await query('CREATE TABLE kept AS SELECT 42 AS answer');
  });

  it('lets its user do what a product needs, and nothing on the machine', async () => {
    for (const text of [
      `COPY (SELECT 1) TO PROGRAM 'id'`,
      `SELECT pg_read_file('/etc/passwd')`,
      'CREATE EXTENSION file_fdw',
    ])
      expect(await failure(query(text))).toMatchObject({ code: '42501' });
    await query('CREATE EXTENSION pgcrypto');
    await query('CREATE EXTENSION earthdistance CASCADE');
    await query(`CREATE ROLE reader LOGIN PASSWORD 'r'`);
    await query('CREATE DATABASE more OWNER reader');
    expect(await query('SELECT 1 AS n', { user: 'reader', password: 'r', database: 'more' })).toEqual([{ n: 1 }]);
    await query('DROP DATABASE more');
    await query('DROP ROLE reader');
  });

  it('has a superuser who comes through a private socket alone', async () => {
    const url = await server.superuser();
    expect(await asSuperuser('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).toEqual([
      { rolsuper: true },
    ]);
    const [user, sockets] = [new URL(url!).username, new URL(url!).searchParams.get('host')!];
    expect(statSync(sockets).mode & 0o777).toBe(0o700);
    expect(await failure(query('SELECT 1', { user, database: 'postgres' }))).toMatchObject({ code: '28000' });
  });

  it('keeps machine crashes from corrupting it', async () => {
    expect(await query('SHOW fsync')).toEqual([{ fsync: 'on' }]);
    expect(await query('SHOW full_page_writes')).toEqual([{ full_page_writes: 'on' }]);
  });

  it('is left alone by a second start, and restarted on another port', async () => {
    const before = await server.status();
    await server.start({ port, ...settings }, never);
    expect(await server.status()).toEqual(before);
    port = freePorts();
    await server.start({ port, ...settings }, never);
    expect(await query('SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(isRunning(before.pid!)).toBe(false);
  });

  it('takes data over in which an older stack made the user a superuser', async () => {
    await asSuperuser(`ALTER ROLE "shop ""owner""" SUPERUSER; ALTER ROLE postgres PASSWORD 'old'`);
    writeFileSync(path.join(server.dataFolder, 'stack-settings'), 'a0a0a0a0a0a0');
    notes.length = 0;
    await server.start({ port, ...settings }, never);
    expect(notes.join()).toContain('is no longer a superuser');
    expect(await query('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).toEqual([{ rolsuper: false }]);
    expect(await query('SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('has its socket in a short folder of the person where the root’s path is long', async () => {
    const deep = path.join(root, ...Array(12).fill('a-long-name'));
    mkdirSync(deep, { recursive: true });
    const other = createEmbeddedPostgres({
      root: deep,
      cacheFolder: CACHE_FOLDER,
      env: { ...process.env, XDG_RUNTIME_DIR: root },
    });
    await other.start({ port: freePorts() }, never);
    const url = new URL((await other.superuser())!);
    await other.destroyData();
    expect(url.searchParams.get('host')).toMatch(new RegExp(`^${root}/stack/[0-9a-f]{12}$`));
  });

  it('stops although somebody is connected, and keeps its data', async () => {
    const { user, password, database } = settings;
    const client = new pg.Client({ host: 'localhost', port, user, password, database });
    client.on('error', () => {});
    await client.connect();
    const { pid } = await server.status();
    await server.stop();
    await server.stop();
    expect(isRunning(pid!)).toBe(false);
    expect(await server.status()).toEqual({ state: 'stopped', pid: undefined, port: undefined });
    await server.start({ port, ...settings }, never);
    expect(await query('SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('recovers after it was killed', async () => {
    await query('INSERT INTO kept VALUES (43)');
    const { pid } = await server.status();
    process.kill(pid!, 'SIGKILL');
    await until('it is gone', async () => (await server.status()).state === 'stopped');
    await server.start({ port, ...settings }, never);
    expect(await query('SELECT answer FROM kept ORDER BY answer')).toEqual([{ answer: 42 }, { answer: 43 }]);
  });

  it('takes no other program for itself when its pid was given out again', async () => {
    await server.stop();
    const stranger = spawn('sleep', ['1000'], asServer());
    await once(stranger, 'spawn');
    try {
      leaveLocks(stranger.pid);
      expect(await server.status()).toMatchObject({ state: 'stopped' });
      await server.stop();
      await server.start({ port, ...settings }, never);
      expect(await query('SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 2 }]);
      expect(isRunning(stranger.pid!)).toBe(true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  it('starts although nobody has collected what was killed', async () => {
    await server.stop();
    // Its child ends, and it never asks how.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 1000'], asServer());
    const [pid] = await once(parent.stdout, 'data');
    try {
      leaveLocks(Number(pid));
      await server.start({ port, ...settings }, never);
      await server.stop();
      leaveLocks(Number(pid));
      await server.start({ port, ...settings, database: 'other' }, never);
      await server.start({ port, ...settings }, never);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('takes over other settings without losing data', async () => {
    await server.start({ port, user: 'second', password: 'new', database: 'more' }, never);
    expect(await query('SELECT 1 AS one', { user: 'second', password: 'new', database: 'more' })).toEqual([{ one: 1 }]);
    expect(await query('SELECT count(*)::int AS n FROM kept', { user: 'second', password: 'new' })).toEqual([{ n: 2 }]);
    await server.start({ port, ...settings }, never);
  });

  it('says that its port is taken', async () => {
    await server.stop();
    const other = net.createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    expect(await failure(server.start({ port, ...settings }, never))).toMatchObject({
      code: 'port',
      details: { port },
    });
    other.close();
  });

  it('says that its data is of another version', async () => {
    const file = path.join(server.dataFolder, 'PG_VERSION');
    const version = readFileSync(file, 'utf8');
    writeFileSync(file, '9\n');
    const error = await failure(server.start({ port, ...settings }, never));
    expect(error).toMatchObject({
      code: 'process',
      message: expect.stringMatching(/of version 9, but version \d+ is/),
    });
    writeFileSync(file, version);
  });

  it('deletes its data when told so, also while it runs', async () => {
    await server.start({ port, ...settings }, never);
    await server.destroyData();
    await server.destroyData();
    expect(existsSync(path.dirname(server.dataFolder))).toBe(false);
    expect(await server.status()).toMatchObject({ state: 'stopped' });
  });

  it('says that a folder with other things in it is no data folder, and leaves it', async () => {
    mkdirSync(server.dataFolder, { recursive: true });
    writeFileSync(path.join(server.dataFolder, 'somebody’s'), '');
    expect(await failure(server.start({ port, ...settings }, never))).toMatchObject({ code: 'process' });
    expect(existsSync(path.join(server.dataFolder, 'somebody’s'))).toBe(true);
    await server.destroyData();
  });

  it('is made whole after an interrupted first start', async () => {
    const stop = new AbortController();
    const fresh = `${server.dataFolder}.new`;
    const start = failure(server.start({ port, ...settings }, stop.signal));
    await until('it is being made', () => existsSync(path.join(fresh, 'base')));
    stop.abort();
    expect(await start).toMatchObject({ code: 'interrupted' });
    expect(existsSync(server.dataFolder)).toBe(false);
    await server.start({ port, ...settings }, never);
    expect(await query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
