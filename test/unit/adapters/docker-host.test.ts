import { createHash } from 'node:crypto';
import { chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectEngine } from '../../../src/adapters/docker/docker.ts';
import { findEngine } from '../../../src/adapters/docker/host.ts';
import { findSocket, listSockets } from '../../../src/adapters/docker/sockets.ts';
import { leaveSockets, openFakeEngine } from '../../support/fake-engine.ts';

let home: string;
const find = (env: Record<string, string> = {}, more: { host?: string; platform?: NodeJS.Platform } = {}) =>
  findEngine({ env, home, platform: 'linux', ...more });

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'stack-home-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const idOf = (name: string): string => createHash('sha256').update(name).digest('hex');

async function makeContext(name: string, host: string, certs?: string[]): Promise<void> {
  const meta = join(home, '.docker/contexts/meta', idOf(name));
  await mkdir(meta, { recursive: true });
  await writeFile(join(meta, 'meta.json'), JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }));
  if (!certs) return;
  const tls = join(home, '.docker/contexts/tls', idOf(name), 'docker');
  await makeCerts(tls, certs);
}

async function makeCerts(folder: string, names = ['ca.pem', 'cert.pem', 'key.pem']): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of names) await writeFile(join(folder, name), name);
}

const useContext = (name: string) =>
  writeFile(join(home, '.docker/config.json'), JSON.stringify({ currentContext: name }));

describe('which engine is asked', () => {
  it('is the one asked for, then DOCKER_HOST, DOCKER_CONTEXT, the current context, the default', async () => {
    await makeContext('work', 'unix:///work.sock');
    await makeContext('play', 'unix:///play.sock');
    const all = { DOCKER_HOST: 'unix:///env.sock', DOCKER_CONTEXT: 'work' };
    expect((await find()).where).toBe('unix:///var/run/docker.sock');
    await useContext('play');
    expect((await find()).where).toBe('unix:///play.sock');
    expect((await find({ DOCKER_CONTEXT: 'work' })).where).toBe('unix:///work.sock');
    expect((await find(all)).where).toBe('unix:///env.sock');
    expect((await find(all, { host: 'unix:///asked.sock' })).where).toBe('unix:///asked.sock');
  });

  it('says what decided it', async () => {
    await makeContext('work', 'unix:///work.sock');
    expect((await find({ DOCKER_CONTEXT: 'work' })).source).toBe('the Docker context "work"');
    expect((await find({ DOCKER_HOST: 'unix:///x' })).source).toBe('DOCKER_HOST');
  });

  it('is the default socket for the context called default', async () => {
    expect((await find({ DOCKER_CONTEXT: 'default' })).where).toBe('unix:///var/run/docker.sock');
  });

  it('takes the config folder from DOCKER_CONFIG', async () => {
    await makeContext('work', 'unix:///work.sock');
    const env = { DOCKER_CONFIG: join(home, '.docker'), DOCKER_CONTEXT: 'work' };
    expect((await findEngine({ env, home: '/nowhere', platform: 'linux' })).where).toBe('unix:///work.sock');
  });

  it('looks where a rootless engine and Docker Desktop put their sockets', async () => {
    const env = { XDG_RUNTIME_DIR: home };
    await writeFile(join(home, 'docker.sock'), '');
    await mkdir(join(home, '.docker/run'), { recursive: true });
    const found = (await find(env)).where;
    // This machine may have an engine of its own at the first place.
    expect(['unix:///var/run/docker.sock', `unix://${home}/docker.sock`]).toContain(found);
    expect((await find({}, { platform: 'win32' })).options).toMatchObject({ socketPath: '//./pipe/docker_engine' });
  });

  it('has no context of that name', async () => {
    await expect(find({ DOCKER_CONTEXT: 'gone' })).rejects.toMatchObject({
      code: 'engine',
      message: 'there is no Docker context "gone"',
      hint: expect.stringContaining('docker context ls'),
    });
  });

  it('cannot read a config that is no JSON', async () => {
    await mkdir(join(home, '.docker'));
    await writeFile(join(home, '.docker/config.json'), '{');
    await expect(find()).rejects.toMatchObject({ code: 'engine', message: expect.stringContaining('config.json') });
    expect((await find({ DOCKER_HOST: 'unix:///x' })).where).toBe('unix:///x');
  });
});

describe('where nothing says which engine', () => {
  /** The places in the home folder: this machine may have an engine of its own at the others. */
  const listPlaces = (platform: NodeJS.Platform): string[] => {
    const env = { TMPDIR: join(home, 'T'), XDG_RUNTIME_DIR: join(home, 'run') };
    return listSockets({ env, home, platform }).filter((place) => place.startsWith(home));
  };

  it.each([
    ['darwin', '.docker/run/docker.sock'],
    ['darwin', '.orbstack/run/docker.sock'],
    ['darwin', '.colima/default/docker.sock'],
    ['darwin', '.config/colima/default/docker.sock'],
    ['darwin', '.rd/docker.sock'],
    ['darwin', 'T/podman/podman-machine-default-api.sock'],
    ['darwin', '.local/share/containers/podman/machine/podman.sock'],
    ['linux', 'run/docker.sock'],
    ['linux', '.docker/desktop/docker.sock'],
    ['linux', '.rd/docker.sock'],
    ['linux', '.colima/default/docker.sock'],
  ] as const)('it is found on %s at ~/%s, past sockets without an engine', async (platform, place) => {
    const places = listPlaces(platform);
    const socket = join(home, place);
    expect(places).toContain(socket);
    const engine = await openFakeEngine(socket);
    try {
      expect(await findSocket(places, {})).toEqual({ socket, silent: [], others: [] });
      leaveSockets(places.filter((one) => one !== socket));
      const [before, others] = [places.slice(0, places.indexOf(socket)), places.slice(places.indexOf(socket) + 1)];
      expect(await findSocket(places, {})).toEqual({ socket, silent: before, others });
      expect(engine.asked).toEqual([]);
      const { runtime } = await connectEngine({ env: { HOME: home }, host: `unix://${socket}` });
      expect(await runtime.check()).toMatchObject({ ok: true, version: '27.3.1', where: `unix://${socket}` });
    } finally {
      await engine.close();
    }
  });

  it('is found where COLIMA_HOME and XDG_CONFIG_HOME put Colima', () => {
    const env = { COLIMA_HOME: join(home, 'machines'), XDG_CONFIG_HOME: join(home, 'settings') };
    const places = listSockets({ env, home, platform: 'darwin' });
    expect(places).toContain(join(home, 'machines/default/docker.sock'));
    expect(places).toContain(join(home, 'settings/colima/default/docker.sock'));
  });

  it('names all sockets behind which nobody answers', async () => {
    const env = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };
    const places = [join(home, 'run/docker.sock'), join(home, '.rd/docker.sock')];
    leaveSockets(places);
    expect(await findSocket(places, {})).toEqual({ socket: places[0], silent: [places[1]], others: [] });
    const check = await (await connectEngine({ env })).runtime.check();
    // This machine may have an engine of its own at the first place, or a socket there that is dead or denied.
    expect(check.ok ? check.silent : [check.reason]).toEqual(
      check.ok ? [] : [expect.stringMatching(`${places[0]}.*no engine answers at .*unix://${places[1]}`)],
    );
  });

  it('is one alone where a link leads to it', async () => {
    const [link, own] = [join(home, 'link.sock'), join(home, 'own.sock')];
    const engine = await openFakeEngine(own);
    await symlink(own, link);
    try {
      expect(await findSocket([link, own], {})).toEqual({ socket: link, silent: [], others: [] });
    } finally {
      await engine.close();
    }
  });

  it.runIf(process.getuid?.() === 0)('is not one that another user put into a folder of ours', async () => {
    const [own, other] = [join(home, 'own.sock'), join(home, 'other.sock')];
    const engines = [await openFakeEngine(own), await openFakeEngine(other)];
    await chown(other, 65_534, 65_534);
    try {
      const places = [join(home, 'none.sock'), other, own];
      expect(await findSocket(places, {})).toEqual({ socket: own, silent: [], others: [] });
      // Who called sudo is this person too.
      expect(await findSocket(places, { SUDO_UID: '65534' })).toEqual({ socket: other, silent: [], others: [own] });
    } finally {
      for (const engine of engines) await engine.close();
    }
  });
});

describe('an address', () => {
  it('names a socket, and keeps the rest of the environment out', async () => {
    const { options, env } = await find({ DOCKER_HOST: 'unix:///x.sock' });
    expect(options).toMatchObject({ protocol: 'http', socketPath: '/x.sock' });
    expect(Object.keys(options)).toContain('host');
    expect(env).toEqual({
      DOCKER_HOST: 'unix:///x.sock',
      DOCKER_CONTEXT: undefined,
      DOCKER_TLS_VERIFY: undefined,
      DOCKER_CERT_PATH: undefined,
    });
  });

  it.each([
    ['tcp://box:2375', { protocol: 'http', host: 'box', port: '2375' }],
    ['box:1234', { protocol: 'http', host: 'box', port: '1234' }],
    ['tcp://box', { protocol: 'http', host: 'box', port: 2375 }],
    ['ssh://me@box', { protocol: 'ssh', host: 'box', port: 22, username: 'me' }],
    ['ssh://box:2222', { protocol: 'ssh', host: 'box', port: '2222', username: 'ann' }],
  ])('%s is understood', async (DOCKER_HOST, options) => {
    expect((await find({ DOCKER_HOST, USER: 'ann' })).options).toMatchObject(options);
  });

  it.each([
    ['unix:///x.sock', false],
    ['tcp://127.0.0.1:2375', false],
    ['tcp://localhost:2375', false],
    ['tcp://[::1]:2375', false],
    ['tcp://box:2375', true],
    ['tcp://127.example.com:2375', true],
    ['ssh://me@localhost', true],
  ])('%s on another machine: %s', async (DOCKER_HOST, remote) => {
    expect((await find({ DOCKER_HOST })).remote).toBe(remote);
  });

  it.each(['nonsense://x', 'unix://', 'tcp://'])('%s is refused', async (DOCKER_HOST) => {
    await expect(find({ DOCKER_HOST })).rejects.toMatchObject({
      code: 'engine',
      hint: expect.stringContaining('ssh://'),
    });
  });

  it('takes certificates where DOCKER_TLS_VERIFY says so', async () => {
    const certs = join(home, 'certs');
    await makeCerts(certs);
    const { options, env } = await find({ DOCKER_HOST: 'tcp://box', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certs });
    expect(options).toMatchObject({ protocol: 'https', port: 2376, ca: Buffer.from('ca.pem') });
    expect(env).toMatchObject({ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certs });
  });

  it('takes a context’s own certificates', async () => {
    await makeContext('tls', 'tcp://box:2376', ['ca.pem', 'cert.pem', 'key.pem']);
    const { options, env } = await find({ DOCKER_CONTEXT: 'tls' });
    expect(options).toMatchObject({ protocol: 'https', key: Buffer.from('key.pem') });
    expect(env.DOCKER_CERT_PATH).toBe(join(home, '.docker/contexts/tls', idOf('tls'), 'docker'));
  });

  it('tells of certificates that are not there', async () => {
    await makeContext('tls', 'tcp://box:2376', ['ca.pem']);
    await expect(find({ DOCKER_CONTEXT: 'tls' })).rejects.toMatchObject({
      code: 'engine',
      hint: expect.stringContaining('key.pem'),
    });
  });
});
