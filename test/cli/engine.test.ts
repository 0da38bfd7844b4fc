import { once } from 'node:events';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootIdOf } from '../../src/domain/names.ts';
import { findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { isRunning } from '../support/process-world.ts';
import { listLeft, type Run } from '../support/product.ts';
import { containedConfig, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

describe.skipIf(!engine)('with containers', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop({ engine: true, config: containedConfig });
  });
  afterEach(() => shop.dispose());

  const left = async (): Promise<string[]> => listLabelled(await openClient(), rootIdOf(shop.root));

  /** Changes what the front-end is. */
  const changeFront = (from: string, to: string): void =>
    shop.configure((text) => {
      const [head, tail = ''] = text.split('  front:\n    repo');
      return `${head}  front:\n    repo${tail.replace(from, to)}`;
    });

  const failToCreate = async (): Promise<string> => {
    const before = withoutRecords(shop.photograph());
    const run: Run = await shop.stack(['create', 'feat-01']);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(withoutRecords(shop.photograph())).toBe(before);
    expect(await left()).toEqual([]);
    return run.stderr.slice(run.stderr.search(/^stack: /m));
  };

  it('an image that is not there, and cannot be pulled, is named; nothing stays', async () => {
    changeFront(`image: ${NODE_IMAGE}`, 'image: registry.invalid/no-such-image:0');
    const error = await failToCreate();
    expect(error).toMatch(/^stack: image "registry\.invalid\/no-such-image:0" is not here and cannot be pulled: /);
    expect(error).toMatch(
      /^hint: check its name and the network; .*docker pull registry\.invalid\/no-such-image:0`; `--runtime process` does without; `image:` of front names another$/m,
    );
  });

  it('a container that ends at once fails at once, with its last lines; nothing stays', async () => {
    changeFront('command: node server.mjs 0.0.0.0', "command: 'echo hello; exit 7'");
    const lines = (await failToCreate()).split('\n');
    expect(lines).toEqual([
      'stack: front ended with exit code 7 before it was ready',
      'hint: its last line is below',
      '  hello',
    ]);
  });

  it('only a create that went well settles that the shared data is in the engine', async () => {
    shop.configure((text) => `${text}shared: { redis: { port: ${shop.port + 9} } }\n`);
    changeFront('command: node server.mjs 0.0.0.0', "command: 'exit 7'");
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 1 });
    const planWithoutEngine = async (): Promise<Run> => {
      const written = shop.read('stack.yml');
      shop.configure((text) => text.replace('runtime: docker', 'runtime: process'));
      const env = { DOCKER_HOST: `unix://${shop.folder}/none.sock` };
      const run = await shop.stack(['create', 'feat-01', '--dry-run'], { env });
      shop.write('stack.yml', written);
      return run;
    };
    expect(await planWithoutEngine()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/redis on this machine/),
    });
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect(await planWithoutEngine()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^hint: start Docker, .*; redis of this stack is in there, .*`provider: embedded`/m,
      ),
    });
  });

  it('git finds a worktree whose place is named through a link', async () => {
    mkdirSync(path.join(shop.folder, 'real'));
    symlinkSync('real', path.join(shop.folder, 'link'));
    shop.configure((text) => `worktrees: ../link/away\n${text}`);
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    // Where the file that the entry of a worktree names is missing, git takes it for one to be pruned.
    const look = `const { existsSync, readFileSync } = require('node:fs');
      const entry = readFileSync('.git', 'utf8').slice('gitdir: '.length).trim();
      console.log(existsSync(readFileSync(entry + '/gitdir', 'utf8').trim()));`;
    const run = await shop.stack(['exec', 'feat-01', 'front', '--', 'node', '-e', look]);
    expect(run).toMatchObject({ code: 0, stdout: 'true' });
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('a server on localhost, which nobody outside its container reaches, is explained', async () => {
    changeFront('node server.mjs 0.0.0.0', 'node server.mjs 127.0.0.1');
    changeFront('ready: { http: / }', 'ready: { http: /, timeout: 4s }');
    expect(await failToCreate()).toMatch(/^hint: in its container nothing answers on port 3000; .* 0\.0\.0\.0/m);
  });

  it('a shared service whose image cannot be pulled leaves nothing that compose made before it', async () => {
    const cache =
      'services: { cache: { image: "registry.invalid/cache:0", volumes: ["kept:/kept"], ports: ["7001:7001"] } }';
    shop.write('cache.yml', `${cache}\nvolumes: { kept: {} }\n`);
    shop.configure((text) => `${text}shared: { compose: cache.yml, cache: {} }\n`);
    const error = await failToCreate();
    expect(error).toMatch(/^stack: image "registry\.invalid\/cache:0" is not here and cannot be pulled: /);
    // Nothing but an engine runs it, and its image is no variable.
    expect(error).toMatch(/^hint: .*`docker pull registry\.invalid\/cache:0`$/m);
    expect(await listLeft(shop.root, 'docker')).toEqual([]);
  });

  it('a shared service whose image cannot be pulled is told with its variable', async () => {
    shop.configure((text) => `${text}shared: { redis: { port: ${shop.port + 9} } }\n`);
    const env = { STACK_REDIS_IMAGE: 'registry.invalid/redis:0' };
    const { code, stderr } = await shop.stack(['create', 'feat-01'], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^stack: image "registry\.invalid\/redis:0" is not here and cannot be pulled: /m);
    expect(stderr).toMatch(/^hint: .*; `--runtime process` does without; STACK_REDIS_IMAGE names another$/m);
    const plan = await shop.stack(['create', 'feat-01', '--dry-run', '--runtime', 'process'], { env });
    expect(plan).toMatchObject({ code: 0, stdout: expect.stringMatching(/redis on this machine/) });
  });

  it('a shared service on a port that is none is refused', async () => {
    shop.write(
      'cache.yml',
      'services: { cache: { image: "registry.invalid/cache:0", ports: ["${CACHE_PORT:-99999}:7001"] } }\n',
    );
    shop.configure((text) => `${text}shared: { compose: cache.yml, cache: {} }\n`);
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('stack: CACHE_PORT: cache cannot be published on port 99999\nhint: a port is '),
    });
  });

  it('Ctrl-C while a set-up runs in a container unwinds it all', async () => {
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, setup: ["touch begun; sleep 300"],'));
    const running = shop.start(['create', 'feat-01']);
    await until('the set-up runs', () => existsSync(shop.at('tickets/feat-01/front/begun')));
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130 });
    expect(existsSync(shop.at('tickets'))).toBe(false);
    expect(await left()).toEqual([]);
  });

  it('a create that was killed can be made again, and nothing of the first is left', async () => {
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, setup: ["touch begun; sleep 300"],'));
    const running = shop.start(['create', 'feat-01']);
    await until('the set-up runs', () => existsSync(shop.at('tickets/feat-01/front/begun')));
    running.kill('SIGKILL');
    await until('it is gone', () => !isRunning(running.pid));
    shop.configure((text) => text.replace('touch begun; sleep 300', 'touch done'));
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const names = (await left()).filter((name) => name.startsWith('container'));
    expect(names).toHaveLength(2);
    expect(await shop.stack(['destroy', 'feat-01', '--force'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(await left()).toEqual([]);
  });

  it('a container that somebody removed is seen as stopped, and start brings it back', async () => {
    await shop.stack(['create', 'feat-01']);
    const client = await openClient();
    const [name = ''] = (await left()).filter((one) => one.includes('feat-01'));
    await client.getContainer(name.replace('container /', '')).remove({ force: true });
    expect((await shop.ps()).instances).toMatchObject([{ status: 'stopped' }]);
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect((await fetch((await shop.ps()).instances[0]?.repos.front?.url ?? '')).ok).toBe(true);
  });

  it('a port that was taken while the ticket was stopped moves, and its neighbours follow', async () => {
    await shop.stack(['create', 'feat-01', '--with', 'api']);
    await shop.stack(['stop', 'feat-01']);
    const stranger = createServer().listen(shop.port + 1, '127.0.0.1');
    await once(stranger, 'listening');
    const run = await shop.stack(['start', 'feat-01']);
    stranger.close();
    expect(run).toMatchObject({ code: 0 });
    const answer = await fetch(`http://localhost:${shop.port + 10}/`);
    expect(await answer.json()).toMatchObject({ api: `http://localhost:${shop.port + 2}` });
  });

  it('two roots of one name never see each other', async () => {
    const other = makeShop({ engine: true, config: () => containedConfig(shop.port) });
    try {
      await Promise.all([shop, other].map((one) => one.stack(['create', 'feat-01'])));
      const there = await other.ps();
      expect(there.instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
      expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
      expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
      expect(await left()).toEqual([]);
      expect(await other.ps()).toEqual(there);
    } finally {
      await other.dispose();
    }
  });

  it('somebody’s own Postgres keeps its port: ours is leased elsewhere, and remembered', async () => {
    const wished = shop.port + 15;
    const stranger = createServer().listen(wished, '127.0.0.1');
    await once(stranger, 'listening');
    shop.configure((text) => `${text}shared:\n  postgres: { port: ${wished}, database: shop }\n`);
    const run = await shop.stack(['up']);
    stranger.close();
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toContain(`! postgres: port ${wished} is taken, leased ${wished + 1} instead`);
    const { shared } = await shop.ps();
    expect(shared.postgres).toMatchObject({ url: expect.stringContaining(`:${wished + 1}/shop`), status: 'running' });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect((await shop.ps()).shared).toEqual(shared);
    expect(await shop.stack(['down', '--volumes', '--yes'])).toMatchObject({ code: 0 });
    expect(await listLeft(shop.root, 'docker')).toEqual([]);
  });
});

function withoutRecords(photograph: string): string {
  return photograph.replace(/^records: .*$/m, '');
}
