import { existsSync, rmSync } from 'node:fs';
import { expect } from 'vitest';
import { hangOnceMoved } from './hanging-filter.ts';
import type { Shop } from './shop.ts';
import { until } from './until.ts';

/**
 * Runs a command that merges `shared.txt` in front and api, and kills it once the base of front has moved and that of api has not;
 * before that it does what is to be done meanwhile.
 */
export async function killHalfMerged(
  shop: Shop,
  args: readonly string[],
  meanwhile?: (pid: number) => Promise<void>,
): Promise<void> {
  const tip = (): string => shop.git('front', 'rev-parse', 'main');
  const at = tip();
  const mark = `${shop.folder}/hangs`;
  // Filters are tried before anything moves. Once the first base has, git does not come to an end with the files of the second one.
  const filter = hangOnceMoved(mark, { gitDir: shop.at('front/.git'), branch: 'main', at });
  shop.git('api', 'config', 'filter.slow.smudge', filter);
  shop.write('api/.git/info/attributes', 'shared.txt filter=slow\n');
  const running = shop.start(args);
  await until('the second repo is at it', () => existsSync(mark));
  expect(tip()).not.toBe(at);
  await meanwhile?.(running.pid);
  running.kill('SIGKILL');
  await running.ended;
  for (const file of [mark, shop.at('api/.git/info/attributes')]) rmSync(file);
  shop.git('api', 'config', '--remove-section', 'filter.slow');
}
