import { existsSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectLock } from '../../src/adapters/lock.ts';
import type { StackState } from '../../src/domain/instance.ts';
import type { StackView } from '../../src/domain/view.ts';
import { listLeases } from '../../src/orchestrator/core/leases.ts';
import { type Hold, makeHold } from '../support/hold.ts';
import { listProcesses, makeShop, type Shop, shopConfig } from '../support/shop.ts';
import { until } from '../support/until.ts';

interface Answer {
  findings: { subject: string; ok: boolean; text: string }[];
  mended: unknown[];
}

describe('doctor --fix beside a command that is at work', () => {
  let shop: Shop;
  let hold: Hold;
  beforeEach(() => {
    shop = makeShop();
    hold = makeHold(shop.folder);
  });
  afterEach(() => shop.dispose());

  const fix = async (): Promise<Answer> =>
    JSON.parse((await shop.stack(['doctor', '--fix', '--yes', '--json'])).stdout) as Answer;
  const waitInSetUp = (): void =>
    shop.configure((text) => text.replace('path: ./front,', `path: ./front, setup: ['${hold.wait}'],`));
  const expectWhole = async (): Promise<void> => {
    const { instances, baseline } = (await shop.ps()) as StackView;
    expect(instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
    expect(baseline.repos.api?.status).toBe('running');
  };

  it.each([
    ['a service of the ticket', 'run/feat-01/front.json'],
    ['a service of the baseline', 'run/baseline/api.json'],
  ])('%s that was started a moment ago, and has no record yet, is left alone', async (_, file) => {
    const running = shop.start(['create', 'feat-01'], { env: hold.renameOf(file) });
    await hold.begun(running.ended);
    expect(listProcesses(shop.root).length).toBeGreaterThan(0);
    const { mended, findings } = await fix();
    expect(mended).toEqual([]);
    expect(findings.filter(({ subject }) => subject === 'orphans')).toEqual([]);
    hold.go();
    expect(await running.ended).toMatchObject({ code: 0 });
    await expectWhole();
  });

  it('a set-up that runs, with all that was made for it, is left alone', async () => {
    waitInSetUp();
    const running = shop.start(['create', 'feat-01']);
    await hold.begun(running.ended);
    expect((await fix()).mended).toEqual([]);
    hold.go();
    expect(await running.ended).toMatchObject({ code: 0 });
    await expectWhole();
  });

  it.each([
    ['state.json', ['state.json']],
    ['state.json and its backup', ['state.json', 'state.json.bak']],
  ])('%s lost while a set-up runs: the ticket comes back with the command that is at work on it', async (_, files) => {
    shop.configure((text) => text.replace('path: ./api,', `path: ./api, setup: ['${hold.wait}'],`));
    shop.configure((text) => text.replace('path: ./front,', "path: ./front, setup: ['true'],"));
    const running = shop.start(['create', 'feat-01', '--with', 'api']);
    await hold.begun(running.ended);
    const copy = shop.at('front/.git/worktrees/front/stack-record.json');
    await until('what git keeps tells of the ticket too', () => existsSync(copy));
    for (const file of files) rmSync(shop.at('.stack', file));
    const { mended, findings } = await fix();
    expect(mended).toMatchObject([{ subject: 'state', ok: true }]);
    expect(findings.find(({ subject }) => subject === 'feat-01')).toMatchObject({
      ok: true,
      text: expect.stringContaining('is at work on it'),
    });
    hold.go();
    expect(await running.ended).toMatchObject({ code: 0 });
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
  });

  /** Services of feat-01 take their time to end. */
  const endSlowly = async (): Promise<void> => {
    const slowly = `import { existsSync, writeFileSync } from 'node:fs';
const mark = '${hold.mark}';
if (process.env.STACK_TICKET === 'feat-01') process.on('SIGTERM', () => {
  writeFileSync(mark, '');
  setInterval(() => existsSync(mark + '.go') && process.exit(), 20);
});
`;
    shop.commit('front', 'server.mjs', slowly + shop.read('front/server.mjs'));
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
  };
  const edit = (change: (state: StackState) => void): void => {
    const state = shop.state()!;
    change(state);
    shop.write('.stack/state.json', JSON.stringify(state));
  };

  it('what belongs to no ticket is removed while nobody can make a ticket of that name', async () => {
    await endSlowly();
    shop.git('front', 'worktree', 'remove', '--force', shop.at('tickets/feat-01/front'));
    shop.git('front', 'branch', '--delete', '--force', 'feat-01');
    rmSync(shop.at('tickets'), { recursive: true });
    edit(({ instances }) => delete instances['feat-01']);
    const mending = shop.start(['doctor', '--fix', '--yes']);
    await hold.begun(mending.ended);
    expect(await inspectLock(shop.at('.stack/state.lock'))).toBe('held');
    const running = shop.start(['create', 'feat-01']);
    hold.go();
    expect(await mending.ended).toMatchObject({ stderr: expect.stringMatching(/the process \S+ is gone/) });
    expect(await running.ended).toMatchObject({ code: 0 });
    await expectWhole();
  });

  it('a lease that came back into use after it was looked at stays', async () => {
    const config = shop.read('stack.yml');
    const extra = config.slice(config.indexOf('  front:\n    repo')).replace('  front:', '  extra:');
    const withExtra = config + extra;
    shop.write('stack.yml', withExtra);
    await endSlowly();
    expect(await shop.stack(['create', 'feat-02'])).toMatchObject({ code: 0 });
    const { ports } = shop.state()!.instances['feat-02']!.services.extra!;
    shop.write('stack.yml', config);
    // What runs of it ends, and its lease stays.
    expect(await shop.stack(['start', 'feat-02'])).toMatchObject({ code: 0 });
    edit(({ instances }) => Object.assign(instances['feat-01']!, { phase: 'creating' }));
    const mending = shop.start(['doctor', '--fix', '--yes', '--json']);
    await hold.begun(mending.ended);
    shop.write('stack.yml', withExtra);
    expect(await shop.stack(['start', 'feat-02'])).toMatchObject({ code: 0 });
    hold.go();
    const { mended } = JSON.parse((await mending.ended).stdout) as Answer;
    expect(mended).toContainEqual(
      expect.objectContaining({
        subject: 'feat-02',
        text: expect.stringMatching(/^extra of feat-02 is in use by now/),
      }),
    );
    expect(shop.state()!.instances['feat-02']!.services.extra!.ports).toEqual(ports);
  });

  it('a port that is leased and not recorded yet stays the root’s, and no other root gets it', async () => {
    const other = makeShop();
    try {
      other.configure(() => shopConfig(shop.port));
      const running = shop.start(['create', 'feat-01'], { env: hold.renameOf('state.json') });
      await hold.begun(running.ended);
      expect(shop.state()).toBeUndefined();
      const env = { HOME: shop.env.HOME! };
      for (const one of [shop, other]) {
        const run = await one.stack(['doctor', '--fix', '--yes', '--json'], { env });
        expect((JSON.parse(run.stdout) as Answer).mended).toEqual([]);
      }
      expect(await other.stack(['create', 'feat-01', '--no-start'], { env })).toMatchObject({ code: 0 });
      hold.go();
      expect(await running.ended).toMatchObject({ code: 0 });
      const both = [shop, other].map(({ state }) => listLeases(state()!));
      expect([...both[0]!].filter((port) => both[1]!.has(port))).toEqual([]);
      await expectWhole();
    } finally {
      await other.dispose();
    }
  });
});
