import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StackView } from '../../src/domain/view.ts';
import { listProcesses, makeShop, type Running, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** Makes the rename of one file wait until another file is there: a disk that is slow at the worst moment. */
const SLOW = `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { rename } = fs.promises;
const { SLOW_FILE, SLOW_MARK } = process.env;
fs.promises.rename = async (from, to) => {
  if (String(to).endsWith(SLOW_FILE)) {
    fs.writeFileSync(SLOW_MARK, '');
    while (!fs.existsSync(SLOW_MARK + '.go')) await new Promise((done) => setTimeout(done, 20));
  }
  return rename(from, to);
};
syncBuiltinESMExports();
`;

interface Answer {
  findings: { subject: string; ok: boolean; text: string }[];
  mended: unknown[];
}

describe('doctor --fix beside a command that is at work', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
    writeFileSync(path.join(shop.folder, 'slow.mjs'), SLOW);
  });
  afterEach(() => shop.dispose());

  const mark = (): string => path.join(shop.folder, 'begun');
  const slow = (file: string): Record<string, string> => ({
    NODE_OPTIONS: `--import ${path.join(shop.folder, 'slow.mjs')}`,
    ...{ SLOW_FILE: file, SLOW_MARK: mark() },
  });
  const paused = async (running: Running): Promise<void> => {
    const over = running.ended.then((run) => {
      throw new Error(`it ended with ${run.code}: ${run.stderr}`);
    });
    await Promise.race([over, until('it has come to the slow step', () => existsSync(mark()))]);
  };
  const go = (): void => writeFileSync(`${mark()}.go`, '');
  const fix = async (): Promise<Answer> =>
    JSON.parse((await shop.stack(['doctor', '--fix', '--yes', '--json'])).stdout) as Answer;
  const expectWhole = async (): Promise<void> => {
    const { instances, baseline } = (await shop.ps()) as StackView;
    expect(instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
    expect(baseline.repos.api?.status).toBe('running');
  };

  it.each([
    ['a service of the ticket', 'run/feat-01/front.json'],
    ['a service of the baseline', 'run/baseline/api.json'],
  ])('%s that was started a moment ago, and has no record yet, is left alone', async (_, file) => {
    const running = shop.start(['create', 'feat-01'], { env: slow(file) });
    await paused(running);
    expect(listProcesses(shop.root).length).toBeGreaterThan(0);
    const { mended, findings } = await fix();
    expect(mended).toEqual([]);
    expect(findings.filter(({ subject }) => subject === 'orphans')).toEqual([]);
    go();
    expect(await running.ended).toMatchObject({ code: 0 });
    await expectWhole();
  });

  it('a set-up that runs, with all that was made for it, is left alone', async () => {
    const wait = `touch ${mark()}; while [ ! -e ${mark()}.go ]; do sleep 0.05; done`;
    shop.configure((text) => text.replace('path: ./front,', `path: ./front, setup: ['${wait}'],`));
    const running = shop.start(['create', 'feat-01']);
    await paused(running);
    expect((await fix()).mended).toEqual([]);
    go();
    expect(await running.ended).toMatchObject({ code: 0 });
    await expectWhole();
  });
});
