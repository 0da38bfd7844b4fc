import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StackView } from '../../src/domain/view.ts';
import type { Run } from '../support/product.ts';
import { makeRepo, makeShop, type Shop } from '../support/shop.ts';

const REPOS = 30;

/** Leaves this process four descriptors. */
const GREEDY = `import fs from 'node:fs';
const taken = [];
try {
  for (;;) taken.push(fs.openSync('/dev/null'));
} catch {
  for (const one of taken.slice(-4)) fs.closeSync(one);
}
`;

/** Thirty repos, of which a ticket gets them all. */
function wideConfig(): string {
  const names = Array.from({ length: REPOS }, (_, index) => `r${index}`);
  return `name: shop
runtime: process
repos:
${names.map((name) => `  ${name}: { path: ./${name}, base: main, copy: [conf] }`).join('\n')}
services:
  r0: { repo: r0, command: sleep 600 }
`;
}

describe.skipIf(process.platform === 'win32')('with few descriptors', () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop({ config: wideConfig });
    writeFileSync(path.join(shop.folder, 'greedy.mjs'), GREEDY);
    makeRepo(shop.at('r0'), { 'README.md': 'one of many\n' });
    mkdirSync(shop.at('r0/conf'));
    for (let index = 0; index < 40; index++) shop.write(`r0/conf/${index}.json`, `${index}\n`);
    // Copied piece by piece, as a large file is.
    writeFileSync(shop.at('r0/conf/holes'), '');
    truncateSync(shop.at('r0/conf/holes'), 4_000_000);
    for (let index = 1; index < REPOS; index++) execFileSync('cp', ['-r', shop.at('r0'), shop.at(`r${index}`)]);
  });
  afterAll(() => shop.dispose());

  const limited = (limit: number, ...args: string[]): Promise<Run> =>
    shop.stack(args, { through: ['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh'] });

  it(`a ticket of ${REPOS} worktrees is made, seen, checked and destroyed`, async () => {
    expect(await limited(64, 'create', 'feat-01', '--no-start')).toMatchObject({ code: 0 });
    const ps = await limited(64, 'ps', '--json');
    expect(ps).toMatchObject({ code: 0, stderr: '' });
    const { instances } = JSON.parse(ps.stdout) as StackView;
    expect(Object.keys(instances[0]?.repos ?? {})).toHaveLength(REPOS);
    expect(await limited(64, 'doctor')).toMatchObject({ code: 0 });
    expect(shop.read('tickets/feat-01/r29/conf/39.json')).toBe('39\n');
    // What was copied is known for that, in each of them.
    expect(await limited(64, 'destroy', 'feat-01')).toMatchObject({ code: 0 });
    expect(shop.state()?.instances).toEqual({});
  });

  it('too few for git are no git that was not found', async () => {
    const told = await limited(25, 'doctor');
    expect(`${told.stdout}${told.stderr}`).not.toMatch(/git was not found/);
    expect(`${told.stdout}${told.stderr}`).toMatch(/too many files are open/);
  });

  it.each([[['doctor', '--json']], [['create', 'feat-02', '--no-start']]])(
    'none to speak of is one clear error of %j',
    async (args) => {
      const env = { NODE_OPTIONS: `--import ${path.join(shop.folder, 'greedy.mjs')}` };
      const through = ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'];
      const told = await shop.stack(args, { through, env });
      expect(told.code).toBe(1);
      expect(`${told.stdout}${told.stderr}`).toMatch(/too many files are open/);
      expect(told.stderr).not.toMatch(/^\s+at /m);
      expect(shop.state()?.instances ?? {}).toEqual({});
    },
  );
});
