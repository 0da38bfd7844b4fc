import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

const GIT_VERSION = execFileSync('git', ['--version'], { encoding: 'utf8' });
const hasTables = Number(/ 2\.(\d+)/.exec(GIT_VERSION)?.[1]) >= 45;
if (!hasTables) console.warn('\n!!! SKIPPED: repos with reftable need git 2.45\n');

const FORMATS: [name: string, flag: string][] = [
  ['sha256', '--object-format=sha256'],
  ...(hasTables ? [['reftable', '--ref-format=reftable'] as [string, string]] : []),
];

describe.each(FORMATS)('repos of the format %s', (_, flag) => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  it('are changed by all verbs like others, and nothing in them is lost', async () => {
    shop = makeShop();
    shop.configure((text) => text.replaceAll('path: ./', 'path: ./new-').replace(', shared: true', ''));
    for (const repo of ['front', 'api']) {
      const [folder, remote] = [`new-${repo}`, `${shop.folder}/${repo}.git`];
      shop.git('.', 'init', '--quiet', '--initial-branch=main', flag, folder);
      for (const file of ['server.mjs', '.gitignore']) shop.write(`${folder}/${file}`, `// ${file}\n`);
      shop.git(folder, 'add', '.');
      shop.git(folder, 'commit', '--quiet', '--message', 'First');
      shop.git('.', 'clone', '--quiet', '--bare', folder, remote);
      shop.git(folder, 'remote', 'add', 'origin', remote);
    }
    const passes = async (code: number, ...args: string[]): Promise<void> => {
      const { stdout, stderr, ...run } = await shop.stack(args);
      expect({ args, code: run.code, told: run.code === code ? '' : `${stdout}${stderr}` }).toEqual({
        args,
        code,
        told: '',
      });
    };
    for (const ticket of ['one', 'two']) await passes(0, 'create', ticket, '--no-start');
    const [one, two] = ['tickets/one/front', 'tickets/two/front'];
    for (const folder of [one, two]) shop.write(`${folder}/server.mjs`, `// ${folder}\n`);
    for (const ticket of ['one', 'two']) await passes(0, 'commit', ticket, '-am', 'Change');
    await passes(4, 'conflicts');
    await passes(0, 'push', 'one');
    shop.commit('new-front', 'base.txt', 'base\n');
    await passes(0, 'sync', 'one');
    await passes(0, 'queue', 'add', 'one');
    await passes(0, 'queue', 'run', '--verify', 'true');
    await passes(4, 'sync', 'two', '--resolve');
    shop.write(`${two}/server.mjs`, '// both\n');
    shop.git(two, 'add', 'server.mjs');
    await passes(0, 'sync', 'two', '--continue');
    await passes(0, 'merge', 'two');
    expect(shop.git('new-front', 'show', 'main:server.mjs')).toBe('// both');
    await passes(0, 'recreate', 'two', '--no-start', '--yes');
    shop.git(two, 'switch', '--quiet', '--detach');
    shop.commit(two, 'aside.txt', 'aside\n');
    const aside = shop.git(two, 'rev-parse', 'HEAD');
    shop.git(two, 'switch', '--quiet', 'two');
    await passes(4, 'destroy', 'two');
    shop.write(`${two}/new.txt`, 'new\n');
    await passes(0, 'destroy', 'two', '--force', '--yes');
    await passes(0, 'restore', 'two', '--no-start');
    expect(shop.read(`${two}/new.txt`)).toBe('new\n');
    expect(shop.git(two, 'cat-file', '-t', aside)).toBe('commit');
    await passes(0, 'destroy', 'one', 'two', '--force', '--yes');
  });
});
