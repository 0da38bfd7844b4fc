import { mkdir } from 'node:fs/promises';
import { Duplex, type PassThrough, Writable } from 'node:stream';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectEngine } from '../../src/adapters/docker/docker.ts';
import { LABELS } from '../../src/domain/names.ts';
import { createWorld, openStreams, type World } from '../contract/world.ts';
import { cleanLabelled, findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { until } from '../support/until.ts';

const found = await findTestEngine();
const { signal } = new AbortController();

describe.skipIf(!found)('a workload’s container', () => {
  const engine = found!;
  let client: Docker;
  let world: World;
  let network: string;
  beforeAll(async () => {
    client = await openClient();
  });
  beforeEach(async () => {
    world = await createWorld({
      runtime: engine.runtime,
      settings: { image: NODE_IMAGE },
      containerPort: 8080,
      prepareRoot: async (_, rootId, name) => {
        network = name;
        await engine.ensureNetwork(name, { [LABELS.root]: rootId });
      },
      listLeft: (_, rootId) => listLabelled(client, rootId),
      cleanRoot: (_, rootId) => cleanLabelled(client, rootId),
    });
  });
  afterEach(() => world.dispose());

  it('is published on 127.0.0.1 only, on the stack’s network, and grouped as compose does', async () => {
    const { host, wishes } = world.leasePort();
    const spec = world.spec('serve', wishes);
    await world.runtime.start(spec, signal);
    const { Config, HostConfig, NetworkSettings } = await client.getContainer(spec.name).inspect();
    expect(HostConfig.PortBindings).toEqual({ '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: String(host) }] });
    expect(NetworkSettings.Networks[network]?.Aliases).toContain('api.feat-01');
    expect(Object.keys(NetworkSettings.Networks)).toEqual([network]);
    expect(HostConfig).toMatchObject({
      Init: true,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10485760', 'max-file': '2' } },
    });
    expect(Config.Labels).toMatchObject({
      [LABELS.root]: world.rootId,
      [LABELS.rootPath]: world.root,
      [LABELS.stack]: 'contract',
      [LABELS.ticket]: 'feat-01',
      [LABELS.service]: 'api',
      [LABELS.worktree]: world.source,
      [LABELS.hash]: spec.hash,
      'com.docker.compose.project': 'stack-contract-feat-01',
      'com.docker.compose.service': 'api',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.container-number': '1',
      'com.docker.compose.config-hash': spec.hash,
    });
  });

  it('is reached by its alias from another', async () => {
    await world.runtime.start(world.spec('serve', { env: { PORT: '8080' } }), signal);
    const script = 'fetch("http://api.feat-01:8080").then((a) => a.text()).then(console.log)';
    const seen = await until('an answer', async () => {
      const lines: string[] = [];
      const web = world.spec('serve', { service: 'web' });
      const code = await world.runtime.run(web, ['node', '-e', script], ({ text }) => lines.push(text), signal);
      return code === 0 && lines;
    });
    expect(seen).toEqual(['hello']);
  });

  it('starts again on a network that was made again', async () => {
    const spec = world.spec('serve');
    await world.runtime.start(spec, signal);
    const { Id } = await client.getContainer(spec.name).inspect();
    await world.runtime.stop(spec);
    await engine.removeNetwork(network);
    await engine.ensureNetwork(network, { [LABELS.root]: world.rootId });
    await world.runtime.start(spec, signal);
    const info = await client.getContainer(spec.name).inspect();
    expect(info.Id).toBe(Id);
    expect(info.NetworkSettings.Networks[network]?.Aliases).toContain('api.feat-01');
    expect(info.State.Running).toBe(true);
  });

  it('is told again to stop when it passed the signal on to the program it watched, and lives', async () => {
    // As watchers of Nest do it: the first is the child's, the second its own.
    const watcher = `
      const child = require('node:child_process').spawn('node', ['work.mjs', 'serve'], { stdio: 'inherit' });
      let told = 0;
      process.on('SIGTERM', () => { if (told++ > 0) process.exit(3); child.kill('SIGTERM'); });
      setInterval(() => {}, 1000);`;
    const spec = { ...world.spec(''), command: ['node', '-e', watcher] };
    await world.runtime.start(spec, signal);
    await until('the program runs', async () => (await world.linesOf(spec)).includes('up '));
    await world.runtime.stop(spec);
    expect(await world.linesOf(spec)).toEqual(['up ', 'bye']);
    // By itself, and not by SIGKILL.
    expect(await world.statusOf(spec)).toMatchObject({ exitCode: 3 });
  });

  it('is told once while it finishes what it does', async () => {
    const server = `
      process.on('SIGTERM', () => { console.log('told'); setTimeout(() => process.exit(0), 2500); });
      setInterval(() => {}, 1000);
      console.log('up');`;
    const spec = { ...world.spec(''), command: ['node', '-e', server] };
    await world.runtime.start(spec, signal);
    await until('it runs', async () => (await world.linesOf(spec)).includes('up'));
    await world.runtime.stop(spec);
    expect(await world.linesOf(spec)).toEqual(['up', 'told']);
  });

  it('leaves no address in the network behind when it is stopped', async () => {
    const spec = world.spec('serve');
    await world.runtime.start(spec, signal);
    expect((await engine.inspectNetwork(network))?.containers).toEqual([spec.name]);
    await world.runtime.stop(spec);
    expect((await engine.inspectNetwork(network))?.containers).toEqual([]);
  });

  // Ten times: the engine stamps a line that is printed at once before the start it tells of, by chance.
  it('counts its first line to the run that printed it, whenever the engine says that began', async () => {
    const spec = { ...world.spec(''), command: ['sh', '-c', 'echo first; sleep 1000'] };
    for (let run = 1; run <= 10; run++) {
      await world.runtime.start(spec, signal);
      await until('its line', async () => (await world.linesOf(spec)).length === run);
      const since = (await world.statusOf(spec))?.logSince ?? Number.NaN;
      expect(await world.linesOf(spec, { since })).toEqual(['first']);
      await world.runtime.stop(spec);
    }
  });

  it('is stopped or paused when somebody did that by other means, and starts again', async () => {
    const spec = world.spec('stay');
    await world.runtime.start(spec, signal);
    await client.getContainer(spec.name).pause();
    expect(await world.statusOf(spec)).toMatchObject({ state: 'paused' });
    await world.runtime.start(spec, signal);
    await client.getContainer(spec.name).stop();
    // Docker 26 lists it as running for a moment longer.
    await until('it is stopped', async () => (await world.statusOf(spec))?.exitCode === 143);
    expect(await world.statusOf(spec)).toMatchObject({ state: 'stopped' });
    await world.runtime.start(spec, signal);
    expect(await world.statusOf(spec)).toMatchObject({ state: 'running' });
  });

  it('does not take a name that is somebody else’s', async () => {
    const spec = world.spec('serve');
    const other = await client.createContainer({ name: spec.name, Image: NODE_IMAGE });
    try {
      await expect(world.runtime.start(spec, signal)).rejects.toMatchObject({
        code: 'engine',
        message: expect.stringContaining(spec.name),
        hint: expect.stringContaining('docker rm'),
      });
      await world.runtime.remove(spec);
      expect((await other.inspect()).Id).toBe(other.id);
    } finally {
      await other.remove();
    }
  });

  it('needs an image that is here', async () => {
    const spec = { ...world.spec('serve'), image: 'stack-no-such-image:1' };
    const expected = { code: 'engine', message: expect.stringContaining('"stack-no-such-image:1"') };
    await expect(world.runtime.start(spec, signal)).rejects.toMatchObject(expected);
    await expect(world.runtime.run(spec, 'true', () => undefined, signal)).rejects.toMatchObject(expected);
  });

  it('takes what a command left running with it when it is removed', async () => {
    const spec = world.spec('serve');
    const leftover = await client.createContainer({
      Image: NODE_IMAGE,
      Cmd: ['sleep', '100'],
      Labels: {
        [LABELS.root]: world.rootId,
        [LABELS.ticket]: spec.instance,
        [LABELS.service]: spec.service,
        [LABELS.hash]: 'x',
        'com.docker.compose.oneoff': 'True',
      },
    });
    await leftover.start();
    expect(await world.runtime.status(world.rootId)).toEqual([]);
    await world.runtime.remove(spec);
    expect(await world.listLeft()).toEqual([`network ${network}`]);
  });

  it('gives an exec a terminal of the person’s size, and puts the person’s own back', async () => {
    const spec = world.spec('serve');
    await world.runtime.start(spec, signal);
    const modes: boolean[] = [];
    const { options, out } = openStreams();
    Object.assign(options.stdin, { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
    Object.assign(options.stdout, { isTTY: true, rows: 33, columns: 77 });
    const exec = world.runtime.exec(spec, ['sh'], { ...options, tty: true });
    const typed = options.stdin as unknown as PassThrough;
    typed.write('tty; echo "TERM is $TERM"\r');
    await until('the size', () => {
      typed.write('stty size\r');
      return out().includes('33 77');
    });
    Object.assign(options.stdout, { columns: 100 });
    options.stdout.emit('resize');
    await until('the new size', () => {
      typed.write('stty size\r');
      return out().includes('33 100');
    });
    typed.write('exit 9\r');
    expect(await exec).toBe(9);
    expect(out()).toContain('/dev/pts/');
    expect(out()).toMatch(/TERM is \w+/);
    expect(modes).toEqual([true, false]);
  });

  it('ends all processes of an exec that is aborted', async () => {
    const spec = world.spec('serve');
    await world.runtime.start(spec, signal);
    const aborting = new AbortController();
    const { options, out } = openStreams(undefined, aborting.signal);
    const exec = world.runtime.exec(spec, ['sh', '-c', 'sleep 1234 & echo begun; wait'], options);
    await until('its begin', () => out().includes('begun'));
    aborting.abort();
    await expect(exec).rejects.toMatchObject({ code: 'interrupted' });
    await until('the end of its child', async () => {
      const { Processes } = await client.getContainer(spec.name).top();
      return !JSON.stringify(Processes).includes('1234');
    });
  });

  it('tells of a command that an exec cannot find by its exit code', async () => {
    const spec = world.spec('serve');
    await world.runtime.start(spec, signal);
    expect([126, 127]).toContain(await world.runtime.exec(spec, ['no-such-command'], openStreams('').options));
  });

  it('outlives a stdin that writes more than the command reads', async () => {
    const spec = world.spec('serve');
    await world.runtime.start(spec, signal);
    const endless = new Duplex({
      read() {
        this.push('x'.repeat(10_000));
      },
      write: (_chunk, _encoding, done) => done(),
    });
    const { options, out } = openStreams();
    const stdin = endless as unknown as NodeJS.ReadStream;
    expect(await world.runtime.exec(spec, ['echo', 'done'], { ...options, stdin })).toBe(0);
    expect(out()).toBe('done\n');
    endless.destroy();
  });

  it('ends an exec whose output nobody takes any more', async () => {
    const spec = world.spec('serve');
    await world.runtime.start(spec, signal);
    const gone = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const { options } = openStreams('');
    expect(await world.runtime.exec(spec, ['yes', '4321'], { ...options, stdout: gone })).toBe(141);
    const { Processes } = await client.getContainer(spec.name).top();
    expect(JSON.stringify(Processes)).not.toContain('4321');
  });

  it('keeps the folder it runs in inside the worktree the person’s', async () => {
    await mkdir(`${world.source}/apps/web`, { recursive: true });
    const lines: string[] = [];
    await world.runtime.run(world.spec('', { dir: 'apps/web' }), 'pwd', ({ text }) => lines.push(text), signal);
    expect(lines).toEqual(['/app/apps/web']);
  });
});

describe('an engine that does not answer', () => {
  it('is told by every call, and by check without throwing', async () => {
    const engine = await connectEngine({ env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
    const message = 'no Docker engine answers at unix:///nowhere/docker.sock';
    expect(await engine.runtime.check()).toMatchObject({ ok: false, reason: message, hint: expect.any(String) });
    await expect(engine.runtime.status('00000000')).rejects.toMatchObject({ code: 'engine', message });
    await expect(engine.inspectNetwork('x')).rejects.toMatchObject({ code: 'engine', message });
    await expect(engine.ensureImage('x', () => undefined, signal)).rejects.toMatchObject({ code: 'engine', message });
    const ref = { rootId: 'x', stack: 'x', instance: 'x', service: 'x', name: 'x' };
    const read = async () => {
      for await (const line of engine.runtime.logs(ref, {})) console.log(line);
    };
    await expect(read()).rejects.toMatchObject({ code: 'engine', message });
  });
});
