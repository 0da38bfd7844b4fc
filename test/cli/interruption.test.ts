import { existsSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning } from '../support/process-world.ts';
import { listProcesses, makeShop, type Running, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('a create that is interrupted', () => {
  let shop: Shop;
  let before: string;
  beforeEach(() => {
    shop = makeShop();
    shop.write('front/.git/info/exclude', 'tmp\n');
    // The set-up says where it is, and stays there until it is ended.
    shop.configure((text) =>
      text.replace('path: ./front,', 'path: ./front, setup: ["mkdir tmp; touch tmp/begun; sleep 300"],'),
    );
    before = withoutRecords(shop.photograph());
  });
  afterEach(() => shop.dispose());

  const begin = async (...args: string[]): Promise<Running> => {
    const running = shop.start(['create', 'feat-01', ...args]);
    await until('the set-up runs', () => existsSync(shop.at('tickets/feat-01/front/tmp/begun')));
    return running;
  };

  const finishSetup = (): void =>
    shop.configure((text) => text.replace('mkdir tmp; touch tmp/begun; sleep 300', 'touch done'));

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)('by %s unwinds what was begun and ends with %d', async (signal, code) => {
    const running = await begin();
    running.kill(signal);
    const run = await running.ended;
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr).toMatch(/^undoing what was begun$/m);
    expect(run.stderr).toMatch(/^stack: interrupted$/m);
    expect(withoutRecords(shop.photograph())).toBe(before);
    expect(shop.state()?.instances).toEqual({});
    expect(listProcesses(shop.root)).toEqual([]);
  });

  it('says so as one JSON document', async () => {
    const running = await begin('--json');
    running.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'interrupted' });
  });

  it('twice leaves at once, and the record lets destroy finish the job', async () => {
    const running = await begin();
    running.kill('SIGINT');
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130 });
    const run = await shop.stack(['destroy', '--force', 'feat-01']);
    if (run.code !== 0) expect(run.stderr).toContain('there is no ticket "feat-01"');
    expect(existsSync(shop.at('tickets'))).toBe(false);
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    await until('no process is left', () => listProcesses(shop.root).length === 0);
  });

  describe('by a kill', () => {
    beforeEach(async () => {
      const running = await begin();
      expect(await shop.stack(['create', 'feat-01', '--json'])).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('"code":"busy"'),
      });
      running.kill('SIGKILL');
      await until('it is gone', () => !isRunning(running.pid));
    });

    it.runIf(process.platform === 'linux')('takes the set-up along', async () => {
      const worktree = shop.at('tickets/feat-01/front');
      const isInside = (pid: number): boolean => readlinkSync(`/proc/${pid}/cwd`).startsWith(worktree);
      await until('nothing works in the worktree', () => !listProcesses(shop.root).some(isInside));
    });

    it('is listed as broken, and doctor says what clears it', async () => {
      const { stdout } = await shop.stack(['ps']);
      expect(stdout).toMatch(/^feat-01 .*broken$/m);
      expect(stdout).toContain('! feat-01: a create did not finish: `stack destroy feat-01` clears it');
      const doctor = await shop.stack(['doctor']);
      expect(doctor).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^-- +feat-01 +a create did not finish/m),
      });
    });

    it('can simply be made again', async () => {
      finishSetup();
      const run = await shop.stack(['create', 'feat-01']);
      expect(run).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('feat-01 was left half-made; clearing that first'),
      });
      expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
      expect(existsSync(shop.at('tickets/feat-01/front/tmp/begun'))).toBe(false);
      expect(existsSync(shop.at('tickets/feat-01/front/done'))).toBe(true);
    });

    it('can be destroyed, and no process of it is left', async () => {
      expect(await shop.stack(['destroy', 'feat-01', '--force'])).toMatchObject({ code: 0 });
      expect(existsSync(shop.at('tickets'))).toBe(false);
      expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
      const own = (): number[] => listProcesses(shop.root).filter((pid) => isRunning(pid));
      expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
      await until('nothing runs', () => own().length === 0);
    });
  });
});

function withoutRecords(photograph: string): string {
  return photograph.replace(/^records: .*$/m, '');
}
