import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DedicatedRepo, InstanceRecord, StackState } from '../../src/domain/instance.ts';
import { readState, STATE_VERSION } from '../../src/domain/state/text.ts';

const front: DedicatedRepo = {
  mode: 'dedicated',
  path: '/r/shop/front',
  gitCommonDir: '/r/shop/front/.git',
  worktree: '/r/shop/tickets/feat-01/front',
  branch: 'feat/01',
  ownsBranch: true,
  base: 'main',
  baseCommit: 'a'.repeat(40),
  envFiles: ['.env.local', 'apps/web/.env.local'],
  copied: true,
  setUp: true,
};

function makeRecord(ticket: string, port: number, changes: Partial<InstanceRecord> = {}): InstanceRecord {
  const folder = `/r/shop/tickets/${ticket}`;
  return {
    ticket,
    argument: ticket,
    createdAt: '2026-11-21T00:00:00.000Z',
    phase: 'ready',
    started: true,
    folder,
    repos: { front: { ...front, worktree: `${folder}/front` }, api: { mode: 'shared' } },
    services: {
      front: {
        repo: 'front',
        runtime: 'process',
        workload: `stack-shop-${ticket}-front`,
        alias: `front.${ticket}`,
        ports: { http: { host: port, container: port } },
        volumes: {},
      },
    },
    ...changes,
  };
}

const good: StackState = {
  version: STATE_VERSION,
  writtenBy: '1.2.3',
  root: '/r/shop',
  stack: 'shop',
  shared: { postgres: { port: 5432, provider: 'compose' } },
  instances: {
    'feat-01': makeRecord('feat-01', 3001, { argument: 'feat/01' }),
    'feat-02': makeRecord('feat-02', 3002),
  },
};

/** Returns the good state with one value in it replaced, or taken away. */
function spoil(where: string, value: unknown): string {
  const state = structuredClone(good) as unknown as Record<string, unknown>;
  const keys = where.split(' ');
  const last = keys.pop() ?? '';
  const holder = keys.reduce((inner, key) => inner[key] as Record<string, unknown>, state);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return JSON.stringify(state);
}

const one = 'instances feat-01';

describe('the text of a state file', () => {
  it('is read as it was written', () => {
    expect(readState(JSON.stringify(good))).toEqual({ state: good, version: STATE_VERSION });
  });

  it('keeps what this version does not know', () => {
    const more = JSON.parse(spoil(`${one} repos front later`, { kept: true }));
    more.later = [1];
    more.instances['feat-01'].later = 'text';
    expect(readState(JSON.stringify(more))).toEqual({ state: more, version: STATE_VERSION });
  });

  it('may be of version 1', () => {
    expect(readState(spoil('version', 1))).toEqual({ state: good, version: 1 });
  });

  it('of version 2 tells what tickets have of their own by its shape', () => {
    const server = { provider: 'embedded', port: 6390, workload: 'w', alias: 'redis.feat-02' };
    const old = JSON.parse(spoil('version', 2));
    old.instances['feat-01'].own = {
      postgres: { database: 'shop_feat_01', from: 'shop', made: true, at: 'stack', later: 1 },
      redis: { number: 3, checked: true, at: 'stack' },
    };
    old.instances['feat-02'].own = { redis: { number: 0, checked: true, server } };
    old.baseline = makeRecord('baseline', 3009, { folder: '/r/shop/tickets/baseline' });
    old.baseline.own = { redis: { number: 0 } };
    const read = readState(JSON.stringify(old));
    expect(read).toMatchObject({ version: 2, state: { version: STATE_VERSION } });
    const { instances, baseline } = (read as { state: StackState }).state;
    expect(instances['feat-01']?.own).toEqual({
      postgres: { as: 'database', database: 'shop_feat_01', from: 'shop', made: true, at: 'stack', later: 1 },
      redis: { as: 'number', number: 3, checked: true, at: 'stack' },
    });
    expect(instances['feat-02']?.own).toEqual({ redis: { as: 'server', checked: true, ...server } });
    expect(baseline?.own).toEqual({ redis: { as: 'number' } });
  });

  it('of version 2 with nonsense for what a ticket has of its own is damaged', () => {
    for (const own of [
      { redis: 3 },
      { postgres: null },
      { redis: { number: 'x' } },
      { redis: { server: 'x' } },
      'all',
    ]) {
      const old = JSON.parse(spoil('version', 2));
      old.instances['feat-01'].own = own;
      expect(readState(JSON.stringify(old))).toEqual({ problem: expect.stringMatching(/^is damaged at instances/) });
    }
  });

  it('of a newer version names the stack that wrote it', () => {
    const text = JSON.stringify({ version: STATE_VERSION + 1, writtenBy: '9.9.9', anything: 'else' });
    expect(readState(text)).toEqual({ problem: 'was written by a newer stack (9.9.9)', newer: '9.9.9' });
  });

  it.each([
    ['', 'is empty'],
    [' \n', 'is empty'],
    [JSON.stringify(good).slice(0, 200), 'is not JSON'],
    ['name: shop', 'is not JSON'],
    ['\0\0\0\0', 'is not JSON'],
    ['null', 'holds no state'],
    ['[]', 'holds no state'],
    ['"state"', 'holds no state'],
    ['{}', 'is damaged at version'],
    ['{"version":0}', 'is damaged at version'],
    ['{"version":"1"}', 'is damaged at version'],
    ['{"version":1}', 'is damaged at writtenBy'],
    [JSON.stringify(good).replace('"feat-02":', '"__proto__":'), 'is damaged: it has a key `__proto__`'],
  ])('that is %j is refused', (text, problem) => {
    expect(readState(text)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it.each([
    ['instances', []],
    ['instances', undefined],
    ['root', 7],
    ['root', 'shop'],
    ['root', '/r/../r/shop'],
    [`${one} ticket`, 'feat-02'],
    [`${one} ticket`, 1],
    [`${one} argument`, '../../etc'],
    [`${one} argument`, '--force'],
    [`${one} phase`, 'done'],
    [`${one} folder`, '/r'],
    [`${one} folder`, '/r/shop/tickets/feat-02'],
    [`${one} folder`, 'tickets/feat-01'],
    [`${one} folder`, '/r/shop/tickets/../../feat-01'],
    [`${one} repos front worktree`, '/'],
    [`${one} repos front worktree`, '/r/shop'],
    [`${one} repos front worktree`, '/r/shop/front'],
    [`${one} repos front worktree`, '/etc'],
    [`${one} repos front worktree`, '/r/shop/tickets/feat-01/../feat-02/front'],
    [`${one} repos front worktree`, '/r/shop/tickets/feat-02/front'],
    [`${one} repos front path`, 'front'],
    [`${one} repos front gitCommonDir`, ''],
    [`${one} repos front envFiles`, ['../../../etc/passwd']],
    [`${one} repos front envFiles`, ['']],
    [`${one} repos front envFiles`, '.env'],
    [`${one} repos front ownsBranch`, 'yes'],
    [`${one} repos front mode`, 'borrowed'],
    [`${one} services front ports http host`, 0],
    [`${one} services front ports http host`, 3000.5],
    [`${one} services front ports http host`, 65_536],
    [`${one} services front ports http host`, '3001'],
    [`${one} services front runtime`, 'podman'],
    [`${one} owner`, { pid: 'me' }],
    ['shared postgres port', -1],
    ['shared postgres provider', 'cloud'],
    ['baseline', makeRecord('feat-03', 3003)],
  ])('with %s as %j is damaged, and says where', (where, value) => {
    const found = readState(spoil(where, value));
    const [first = '', second] = where.split(' ');
    expect(found).toEqual({ problem: expect.stringMatching(/^is damaged/) });
    expect(JSON.stringify(found)).toMatch(new RegExp(second ?? first));
  });

  it.each([
    [`${one} services front ports http host`, 3002, 'front of feat-01 and front of feat-02'],
    ['shared postgres port', 3001, 'postgres and front of feat-01'],
    [
      'shared postgres ports',
      { sql: { host: 5432, container: 5432 }, admin: { host: 3002, container: 80 } },
      'postgres and front of feat-02',
    ],
  ])('with one port for two is damaged: %s', (where, value, who) => {
    const problem = expect.stringMatching(new RegExp(`^is damaged: ${who} have the same port 300[12]$`));
    expect(readState(spoil(where, value))).toEqual({ problem });
  });

  it('with one numbered database of Redis for two is damaged', () => {
    const state = structuredClone(good);
    for (const record of Object.values(state.instances)) record.own = { redis: { as: 'number' } };
    expect(readState(JSON.stringify(state))).toMatchObject({ state });
    for (const record of Object.values(state.instances)) record.own = { redis: { as: 'number', number: 3 } };
    expect(readState(JSON.stringify(state))).toEqual({
      problem: 'is damaged: feat-01 and feat-02 have the same database 3 of Redis',
    });
  });

  it('may have a worktree elsewhere once the ticket is being destroyed: somebody had moved it', () => {
    const state = JSON.parse(spoil(`${one} repos front worktree`, '/home/me/moved'));
    state.instances['feat-01'].phase = 'destroying';
    expect(readState(JSON.stringify(state))).toEqual({ state, version: STATE_VERSION });
  });

  it('that was changed at random is read safely or not at all (5,000 seeded changes)', () => {
    const random = makeRandom(20_261_121);
    const found = Array.from({ length: 5000 }, () => readState(changeAtRandom(random)));
    const accepted = found.flatMap((one) => ('state' in one ? Object.entries(one.state.instances) : []));
    for (const [name, record] of accepted) expectSafe(name, record);
    // Both happen: a change of what means nothing is none.
    expect(found.filter((one) => 'state' in one).length).toBeGreaterThan(100);
    expect(found.filter((one) => 'problem' in one).length).toBeGreaterThan(1000);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

const NASTY = [
  null,
  '',
  0,
  -1,
  1e9,
  true,
  [],
  {},
  '/',
  '..',
  '/etc',
  '/r/shop',
  'constructor',
  '-f',
  '$(id)',
  'a\0b',
  'ｆeat',
];

/** Returns the good state with one value, somewhere in it, replaced or taken away; now and then cut short. */
function changeAtRandom(random: () => number): string {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  const state = structuredClone(good);
  let holder = state as unknown as Record<string, unknown>;
  for (let inner: typeof holder | undefined = holder; inner && random() < 0.8; ) {
    inner = pick(Object.values(holder).filter(isMap));
    holder = inner ?? holder;
  }
  const key = pick([...Object.keys(holder), 'constructor', 'hasOwnProperty', '../up']);
  if (random() < 0.2) delete holder[key];
  else holder[key] = pick([...NASTY, ...Object.values(holder)]);
  const text = JSON.stringify(state);
  return random() < 0.1 ? text.slice(0, Math.floor(random() * text.length)) : text;
}

function expectSafe(name: string, { folder, repos, services }: InstanceRecord): void {
  expect(path.basename(folder)).toBe(name);
  for (const repo of Object.values(repos)) {
    if (repo.mode === 'dedicated') expect(path.relative(folder, repo.worktree)).not.toMatch(/^\.\./);
  }
  const ports = Object.values(services).flatMap((service) => Object.values(service.ports).map(({ host }) => host));
  expect(ports.filter((port) => !Number.isInteger(port) || port < 1 || port > 65_535)).toEqual([]);
}

/** Returns the same numbers in [0, 1) for the same seed (mulberry32). */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
