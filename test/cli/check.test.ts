import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Link } from '../../src/domain/check/link.ts';
import type { CheckResult } from '../../src/orchestrator/check/check.ts';
import { makeShop, type Shop } from '../support/shop.ts';

/** Says whose it is, lets the pages of ALLOW read it, and may be told by its words to lie, or to listen elsewhere. */
const SERVER = `import { createServer } from 'node:http';
const { PORT, STACK_TICKET, ALLOW = '' } = process.env;
const [says = STACK_TICKET, port = PORT] = process.argv.slice(2);
createServer(({ url }, answer) => {
  if (ALLOW !== '') answer.setHeader('access-control-allow-origin', ALLOW);
  answer.writeHead(url === '/dead' ? 502 : 200, { 'x-stack-ticket': says }).end('ok');
}).listen(port, "127.0.0.1", () => console.log('listens'));
`;
const WORKER = `console.log('works'); setInterval(() => {}, 1000);\n`;

/** A front-end, an API that tickets borrow, its worker, and a queue that the team runs itself. */
const config = (port: number): string => `name: shop
runtime: process
shared:
  redis: { url: 'redis://:secret@localhost:${port + 9}' }
repos:
  front: { path: ./front, base: main }
  api:   { path: ./api, base: main, shared: true }
services:
  api:
    repo: api
    command: node server.mjs
    ports: { http: { baseline: ${port}, from: ${port + 1}, to: ${port + 5} } }
    env: { PORT: '\${port.http}', REDIS_URL: '\${redis.url}', ALLOWED_ORIGINS: '*' }
    ready: { log: listens }
    identity: { http: / }
  worker:
    repo: api
    command: node worker.mjs
    env: { REDIS_URL: '\${redis.url}' }
    ready: { log: works }
  front:
    repo: front
    command: node server.mjs
    ports: { http: { baseline: ${port + 16}, from: ${port + 10}, to: ${port + 15} } }
    env: { PORT: '\${port.http}', API_URL: '\${api.url}' }
    ready: { log: listens }
    identity: { http: / }
`;

/** Each test crosses one wire of a stack that is well wired, and mends it again. */
describe('check', { sequential: true }, () => {
  let shop: Shop;
  let queue: Server;

  beforeAll(async () => {
    shop = makeShop({ config });
    for (const repo of ['front', 'api']) shop.commit(repo, 'server.mjs', SERVER);
    shop.commit('api', 'worker.mjs', WORKER);
    queue = createServer((socket) => socket.resume()).listen(shop.port + 9, 'localhost');
    await once(queue, 'listening');
    for (const ticket of ['feat-01', 'feat-02']) {
      expect(await shop.stack(['create', ticket, '--with', 'api'])).toMatchObject({ code: 0 });
    }
    expect(await shop.stack(['create', 'feat-03'])).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await shop?.dispose();
    queue?.close();
  });

  const check = async (ticket: string): Promise<{ code: number; arrows: Link[]; bad: Link[]; picture: string[] }> => {
    const { code, stdout } = await shop.stack(['check', ticket, '--json']);
    const [found] = (JSON.parse(stdout) as CheckResult).tickets;
    const arrows = found?.arrows ?? [];
    return { code, arrows, bad: arrows.filter(({ state }) => state !== 'ok'), picture: found?.picture ?? [] };
  };
  const port = (ticket: string, service: string): number =>
    shop.state()?.instances[ticket]?.services[service]?.ports.http?.host ?? 0;
  const rewrite = (file: string, edit: (text: string) => string): (() => void) => {
    const before = shop.read(file);
    shop.write(file, edit(before));
    return () => shop.write(file, before);
  };
  /** Runs feat-01's services again with another text in stack.yml. */
  const reconfigure = async (edit: (text: string) => string): Promise<() => Promise<void>> => {
    const restore = rewrite('stack.yml', edit);
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    return async () => {
      restore();
      expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    };
  };
  const inFront = (text: string, from: string, to: string): string => {
    const [head, tail = ''] = text.split('  front:\n    repo');
    return `${head}  front:\n    repo${tail.replace(from, to)}`;
  };

  it('finds a ticket with its own API well wired', async () => {
    const { code, arrows, bad, picture } = await check('feat-01');
    expect(bad.map(({ from, to }) => `${from} → ${to}`)).toEqual([
      'api → worker (baseline)',
      'worker → worker (baseline)',
    ]);
    expect(code).toBe(0);
    expect(arrows).toContainEqual({
      ...{ from: 'front', to: 'api', key: 'API_URL', value: `http://localhost:${port('feat-01', 'api')}` },
      ...{ ok: true, state: 'ok' },
    });
    expect(arrows).toContainEqual({
      ...{ from: 'worker', to: 'redis/0', key: 'REDIS_URL', value: `redis://:***@localhost:${shop.port + 9}` },
      ...{ ok: true, state: 'ok' },
    });
    expect(picture[0]).toMatch(/^front → api → redis\/0/);
  });

  it('finds a ticket on the baseline’s API well wired', async () => {
    const { code, bad, picture } = await check('feat-03');
    expect({ code, bad }).toEqual({ code: 0, bad: [] });
    expect(picture[0]).toBe('front → api (baseline) → redis/0');
  });

  it('asks an API as a page of the front-end does, and says that a browser would keep the answer from it', async () => {
    const shown = (text: string): string => inFront(text, 'API_URL:', "VITE_API_URL: '${api.url}', API_URL:");
    const mend = await reconfigure(shown);
    const refused = await check('feat-01');
    await mend();
    const allow = (text: string): string => text.replace("ALLOWED_ORIGINS: '*'", "ALLOW: '*', ALLOWED_ORIGINS: '*'");
    const mendBoth = await reconfigure((text) => allow(shown(text)));
    const allowed = await check('feat-01');
    await mendBoth();
    const isAsked = ({ key }: Link): boolean => key === 'VITE_API_URL';
    expect(refused.code).toBe(0);
    expect(refused.bad.filter(isAsked)).toMatchObject([
      { from: 'front', to: 'api', state: 'warning', reason: expect.stringContaining('no Access-Control-Allow-Origin') },
    ]);
    expect(allowed.bad.filter(isAsked)).toEqual([]);
  });

  it('names an address of the baseline in the settings of a dev server, and a path that it passes on to nobody', async () => {
    const settings = `export default { server: { proxy: {\n  '/ok': process.env.API ?? 'http://localhost:${shop.port}',\n  '/dead': 'http://localhost:${shop.port}',\n} } };\n`;
    for (const ticket of ['feat-01', 'feat-03']) shop.write(`tickets/${ticket}/front/vite.config.ts`, settings);
    const [own, borrowed] = [await check('feat-01'), await check('feat-03')];
    for (const ticket of ['feat-01', 'feat-03']) rmSync(shop.at(`tickets/${ticket}/front/vite.config.ts`));
    const told = ({ bad }: typeof own): string[] =>
      bad.flatMap(({ reason = '' }) => (/vite|passes/.test(reason) ? [reason] : []));
    const dead = 'it passes /dead on, and answers status 502: what it leads to may not be there';
    expect(told(own)).toEqual([
      dead,
      `vite.config.ts:3 leads to api (baseline); feat-01 has its own at http://localhost:${port('feat-01', 'api')}`,
    ]);
    expect(told(borrowed)).toEqual([dead]);
  });

  it('names a block edited by hand, and whose API it leads to now', async () => {
    const mend = rewrite('tickets/feat-01/front/.env.local', (text) =>
      text.replace(/API_URL=.*/, `API_URL=http://localhost:${port('feat-02', 'api')}`),
    );
    const { code, bad } = await check('feat-01');
    mend();
    expect(code).toBe(1);
    expect(bad).toContainEqual({
      ...{ from: 'front', to: 'api', key: 'API_URL', value: `http://localhost:${port('feat-01', 'api')}` },
      ...{ ok: false, state: 'wrong' },
      reason: expect.stringMatching(
        /^the block in \.env\.local says http:\/\/localhost:\d+, which leads to api of feat-02; feat-01 has its own at http:\/\/localhost:\d+: edited by hand, or stale$/,
      ),
      hint: '`stack start feat-01` writes it again',
    });
  });

  it('names a block that is stale, and one that is gone', async () => {
    const mend = rewrite('stack.yml', (text) => inFront(text, 'API_URL:', 'MODE: new, API_URL:'));
    const stale = await check('feat-01');
    mend();
    expect(stale.code).toBe(1);
    const ends = { from: 'front', to: '.env.local', key: 'MODE', value: 'new', state: 'wrong' };
    expect(stale.bad).toContainEqual(
      expect.objectContaining({
        ...ends,
        reason: expect.stringMatching(
          /^pid \d+ \(.*\) does not have it; the block in .env.local does not have it: edited/,
        ),
      }),
    );
    const restore = rewrite('tickets/feat-01/front/.env.local', () => 'MINE=1\n');
    const gone = await check('feat-01');
    restore();
    expect(gone.code).toBe(1);
    expect(gone.bad).toContainEqual(
      expect.objectContaining({
        from: 'front',
        to: 'api',
        key: 'API_URL',
        reason: '.env.local has no block of stack’s',
      }),
    );
  });

  it('names a process that was given something else than the record says', async () => {
    const mend = await reconfigure((text) =>
      inFront(text, 'node server.mjs', `API_URL=http://localhost:${shop.port} node server.mjs`),
    );
    const { code, bad } = await check('feat-01');
    await mend();
    expect(code).toBe(1);
    expect(bad).toContainEqual(
      expect.objectContaining({
        ...{ from: 'front', to: 'api', key: 'API_URL', state: 'wrong' },
        reason: expect.stringMatching(
          /^pid \d+ \(node\) has http:\/\/localhost:\d+, which leads to api \(baseline\); feat-01 has its own at/,
        ),
        hint: '`stack stop feat-01` and `stack start feat-01` start it again; if it stays, its command sets it',
      }),
    );
  });

  it('names an address that stack.yml itself nails to the baseline', async () => {
    const mend = await reconfigure((text) => inFront(text, '${api.url}', `http://localhost:${shop.port}`));
    const { code, bad } = await check('feat-01');
    await mend();
    expect(code).toBe(1);
    expect(bad).toContainEqual(
      expect.objectContaining({
        ...{ from: 'front', to: 'api (baseline)', key: 'API_URL', state: 'wrong' },
        reason: `leads to api (baseline); feat-01 has its own at http://localhost:${port('feat-01', 'api')}`,
        hint: 'write a name like `${api.url}` for it in stack.yml',
      }),
    );
  });

  it('names a port of the baseline, and one of another ticket, in env files that came along', async () => {
    shop.write(
      'tickets/feat-01/front/.env',
      `VITE_API=http://localhost:${shop.port}/v1\nADMIN_PORT=${port('feat-02', 'front')}\nHOME_URL=http://localhost:${shop.port + 16}\n`,
    );
    const { code, bad } = await check('feat-01');
    rmSync(shop.at('tickets/feat-01/front/.env'));
    expect(code).toBe(1);
    const own = `feat-01 has its own at http://localhost:`;
    expect(bad).toContainEqual({
      ...{ from: 'front', to: 'api (baseline)', key: 'VITE_API', value: `http://localhost:${shop.port}/v1` },
      ...{ ok: false, state: 'wrong', reason: `.env leads to api (baseline); ${own}${port('feat-01', 'api')}` },
      hint: 'take the line out, or let stack.yml fill it in',
    });
    expect(bad).toContainEqual(
      expect.objectContaining({
        ...{ from: 'front', to: 'front of feat-02', key: 'ADMIN_PORT', state: 'wrong' },
        reason: `.env leads to front of feat-02; ${own}${port('feat-01', 'front')}`,
      }),
    );
    // Nobody borrows it, so stack runs none: who starts it by hand finds it there.
    expect(bad).toContainEqual(
      expect.objectContaining({
        ...{ from: 'front', to: 'front (baseline)', key: 'HOME_URL', state: 'wrong' },
        reason: `.env leads to front (baseline); ${own}${port('feat-01', 'front')}`,
      }),
    );
  });

  it('does not mind the baseline’s port where the ticket borrows what is there', async () => {
    shop.write('tickets/feat-03/front/.env', `VITE_API=http://localhost:${shop.port}/v1\n`);
    expect(await check('feat-03')).toMatchObject({ code: 0, bad: [] });
    rmSync(shop.at('tickets/feat-03/front/.env'));
  });

  it('warns of COMPOSE_PROJECT_NAME copied along', async () => {
    const mend = rewrite('tickets/feat-01/front/.env.local', (text) => `COMPOSE_PROJECT_NAME=shop\n${text}`);
    const { code, bad } = await check('feat-01');
    mend();
    expect(code).toBe(0);
    expect(bad).toContainEqual(
      expect.objectContaining({
        ...{ from: 'front', to: 'compose project shop', key: 'COMPOSE_PROJECT_NAME', state: 'warning' },
        reason:
          '.env.local names the project shop of another checkout: `docker compose` run here would change that one',
      }),
    );
  });

  it('warns of a tracked .env, and of a line below the block, that say otherwise', async () => {
    shop.write('tickets/feat-01/front/.env', 'API_URL=http://elsewhere.invalid:3000\n');
    shop.git('tickets/feat-01/front', 'add', '--force', '.env');
    const mend = rewrite('tickets/feat-01/front/.env.local', (text) => `${text}API_URL=http://localhost:1\n`);
    const { code, bad } = await check('feat-01');
    mend();
    shop.git('tickets/feat-01/front', 'rm', '--force', '--quiet', '.env');
    expect(code).toBe(0);
    const reasons = bad.filter(({ key }) => key === 'API_URL').map(({ from, to, reason }) => [from, to, reason]);
    expect(reasons).toEqual([
      ['front', 'api', 'a line below the block in .env.local says http://localhost:1'],
      [
        'front',
        'api',
        '.env, which git keeps, says http://elsewhere.invalid:3000: programs that read it alone get that',
      ],
    ]);
  });

  it('traces what a tool reads in place of the block, and what one puts over all that stack gives', async () => {
    const baseline = `http://localhost:${shop.port}`;
    const traced = async (
      scripts: object,
      file: string,
    ): Promise<[number, string, string, (string | undefined)[]][]> => {
      const manifest = { scripts, dependencies: { dotenv: '1', vite: '1' } };
      shop.write('tickets/feat-01/front/package.json', JSON.stringify(manifest));
      shop.write(`tickets/feat-01/front/${file}`, `API_URL=${baseline}\n`);
      const { code, bad } = await check('feat-01');
      for (const name of ['package.json', file]) rmSync(shop.at(`tickets/feat-01/front/${name}`));
      return bad.flatMap(({ key, to, state, reason = '', hint, file: named }) =>
        key === 'API_URL' ? [[code, to, state, [reason, hint, named]]] : [],
      );
    };
    const cure = '`env_file: .env` of front in stack.yml writes the block there';
    // Vite reads `.env.local` before `.env`: nothing is told of it.
    expect(await traced({}, '.env')).toEqual([
      [
        ...[0, 'api', 'warning'],
        [
          `run by hand, dotenv gets another value (${baseline}): it reads .env and not .env.local, where stack’s block is`,
          ...[cure, '.env'],
        ],
      ],
    ]);
    expect(await traced({}, '.env.development.local')).toMatchObject([
      [0, 'api', 'warning', [expect.stringContaining('Vite gets another value'), expect.anything(), expect.anything()]],
    ]);
    const inDev = await traced({ dev: 'env-cmd node server.mjs' }, '.env');
    expect(inDev.map(([code, , state]) => [code, state])).toEqual([[0, 'warning']]);
    shop.write('tickets/feat-01/front/set-env.js', "require('dotenv').config({ override: true })");
    const inCode = await traced({}, '.env');
    rmSync(shop.at('tickets/feat-01/front/set-env.js'));
    expect(inCode).toEqual([
      [
        ...[1, 'api', 'wrong'],
        [`dotenv puts another value of .env (${baseline}) over what stack gives it`, cure, '.env'],
      ],
    ]);
  });

  it('warns at create of a copied .env that is read, and runs no command that it leads to another database', async () => {
    shop.write('api/.env', 'DATABASE_URL=postgres://me:secret@localhost:1/mine\n');
    const scripts = { migrate: 'npm run orm', orm: 'env-cmd orm up', hand: 'node -r dotenv/config orm' };
    shop.commit('api', 'package.json', JSON.stringify({ scripts, dependencies: { dotenv: '1' } }));
    const mend = rewrite('stack.yml', (text) =>
      text
        .replace('shared: true }', 'shared: true, copy: [.env], setup: [npm run migrate] }')
        .replace('shared:\n', `shared:\n  postgres: { url: 'postgres://x:y@localhost:${shop.port + 9}/shop' }\n`)
        .replace("ALLOWED_ORIGINS: '*'", "ALLOWED_ORIGINS: '*', DATABASE_URL: '${postgres.url}'"),
    );
    const refused = await shop.stack(['create', 'feat-04', '--with', 'api', '--yes']);
    const cure = rewrite('stack.yml', (text) => text.replace('npm run migrate', 'node --version'));
    const warned = await shop.stack(['create', 'feat-04', '--with', 'api', '--yes']);
    await shop.stack(['destroy', 'feat-04', '--force', '--yes']);
    cure();
    mend();
    shop.git('api', 'rm', '--quiet', 'package.json');
    shop.git('api', 'commit', '--quiet', '--message', 'as it was');
    rmSync(shop.at('api/.env'));
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain(
      'setup of api would change another database than feat-04’s: env-cmd in `orm` puts DATABASE_URL of .env over what stack gives it\nhint: `env_file: .env` of api',
    );
    expect(warned).toMatchObject({ code: 0 });
    expect(warned.stderr).toMatch(
      /DATABASE_URL env-cmd in `orm` puts another value of \.env .*; `env_file: .env` of api in/,
    );
    expect(refused.stderr + warned.stderr).not.toContain('secret@');
  });

  it('warns of a list of origins that lacks the front-end', async () => {
    const mend = await reconfigure((text) =>
      text.replace("ALLOWED_ORIGINS: '*'", 'ALLOWED_ORIGINS: "http://localhost:1,http://shop.test"'),
    );
    const { code, bad } = await check('feat-01');
    await mend();
    expect(code).toBe(0);
    expect(bad).toContainEqual(
      expect.objectContaining({
        ...{ from: 'front', to: 'api', key: 'ALLOWED_ORIGINS', state: 'warning' },
        reason: `ALLOWED_ORIGINS of api does not have http://localhost:${port('feat-01', 'front')}`,
      }),
    );
  });

  it('names a dev server on another port than its lease', async () => {
    const other = shop.port + 19;
    const mend = await reconfigure((text) => inFront(text, 'node server.mjs', `node server.mjs feat-01 ${other}`));
    const { code, bad } = await check('feat-01');
    await mend();
    expect(code).toBe(1);
    const lease = port('feat-01', 'front');
    expect(bad).toContainEqual(
      expect.objectContaining({
        ...{ from: `localhost:${lease}`, to: 'front', state: 'wrong' },
        reason: `it listens on ${other}, and was given ${lease}`,
      }),
    );
  });

  it('names an API that says it is another ticket’s, on its own arrow and on the front-end’s', async () => {
    const mend = await reconfigure((text) => text.replace('node server.mjs', 'node server.mjs feat-09'));
    const { code, bad } = await check('feat-01');
    await mend();
    expect(code).toBe(1);
    const lease = port('feat-01', 'api');
    const reason = `who answers on ${lease} says that it is feat-09`;
    for (const from of [`localhost:${lease}`, 'front']) {
      expect(bad).toContainEqual(expect.objectContaining({ from, to: 'api', state: 'wrong', reason }));
    }
  });

  it('warns of a worker of the baseline that will run the ticket’s jobs, until a prefix keeps them apart', async () => {
    const worker = expect.objectContaining({
      ...{ from: 'api', to: 'worker (baseline)', key: 'REDIS_URL', state: 'warning' },
      reason: 'takes jobs from redis/0 too: it runs those of feat-01 with the baseline’s code',
    });
    expect((await check('feat-01')).bad).toContainEqual(worker);
    const mend = await reconfigure((text) =>
      text
        .replace('redis: { url: ', "redis: { own: { prefix: '${ticket}:' }, url: ")
        .replaceAll("REDIS_URL: '${redis.url}'", "REDIS_URL: '${redis.url}', KEYS: '${redis.prefix}'"),
    );
    const apart = await check('feat-01');
    await mend();
    expect(apart).toMatchObject({ code: 0, bad: [] });
  });

  it('says what did not run, and is no failure for it', async () => {
    expect(await shop.stack(['stop', 'feat-02'])).toMatchObject({ code: 0 });
    const run = await shop.stack(['check', 'feat-02']);
    expect(await shop.stack(['start', 'feat-02'])).toMatchObject({ code: 0 });
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^ {2}! front → api +API_URL {2}front does not run$/m);
  });

  it('prints a picture with a tick or a reason on each arrow, of all tickets or of the one whose folder it is', async () => {
    const all = await shop.stack(['check']);
    expect(all.stdout.match(/^feat-0\d {2}front → api/gm)).toHaveLength(3);
    const { stdout } = await shop.stack(['check'], { cwd: shop.at('tickets/feat-03/front') });
    expect(stdout.split('\n').map((line) => line.replace(/ +/g, ' ').trim())).toEqual([
      'feat-03 front → api (baseline) → redis/0',
      'feat-03 worker (baseline) → redis/0',
      `✓ localhost:${port('feat-03', 'front')} → front`,
      `✓ localhost:${shop.port} → api (baseline)`,
      '✓ front → api (baseline) API_URL',
      '✓ api (baseline) → redis/0 REDIS_URL',
      '✓ worker (baseline) → redis/0 REDIS_URL',
    ]);
  });

  it('knows only tickets that are there', async () => {
    expect(await shop.stack(['check', 'feat-07'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('is made at the end of create too, which then says what is wrong and leaves the ticket as it is', async () => {
    shop.write('front/.env.local', `API=http://localhost:${shop.port}\n`);
    const run = await shop.stack(['create', 'feat-04', '--with', 'api']);
    rmSync(shop.at('front/.env.local'));
    expect(run).toMatchObject({ code: 0 });
    const own = port('feat-04', 'api');
    expect(run.stderr).toContain(
      `! front → api (baseline): API .env.local leads to api (baseline); feat-04 has its own at http://localhost:${own}\n! \`stack check feat-04\``,
    );
    expect(await shop.stack(['destroy', 'feat-04', '--force', '--yes'])).toMatchObject({ code: 0 });
  });
});
