import { readlinkSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe('what a new worktree gets from the main checkout', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
    shop.write('front/.gitignore', '.env*\nnode_modules\nkeys\n*.local.json\n');
    shop.git('front', 'commit', '--quiet', '--all', '--message', 'Ignore');
  });
  afterEach(() => shop.dispose());

  const front = 'tickets/feat-01/front';
  const copy = (globs: string): void =>
    shop.configure((text) => text.replace('path: ./front,', `path: ./front, copy: ${globs},`));

  it('are the files and links that `copy:` names, and a word about what is odd', async () => {
    copy('[node_modules, keys, "*.nothing"]');
    shop.write('front/node_modules/tool/cli.js', 'tool\n');
    shop.write('front/node_modules/.bin/other', 'other\n');
    symlinkSync('../tool/cli.js', shop.at('front/node_modules/.bin/tool'));
    symlinkSync(shop.at('front/server.mjs'), shop.at('front/node_modules/main'));
    symlinkSync('/etc/hosts', shop.at('front/node_modules/hosts'));
    shop.write('front/keys/a.pem', 'a\n');
    symlinkSync('a.pem', shop.at('front/keys/current.pem'));
    const run = await shop.stack(['create', 'feat-01', '--no-start', '--json']);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/^! front: \*\.nothing matches nothing in \S+front, so nothing is copied for it$/m);
    expect(run.stderr).toMatch(/^! front: copied links lead out of the repo: node_modules\/hosts -> \/etc\/hosts$/m);
    expect(shop.read(`${front}/keys/current.pem`)).toBe('a\n');
    expect(shop.read(`${front}/node_modules/.bin/tool`)).toBe('tool\n');
    expect(readlinkSync(shop.at(front, 'node_modules/main'))).toBe(shop.at(front, 'server.mjs'));
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(shop.read('front/node_modules/.bin/tool')).toBe('tool\n');
  });

  it('are the ignored files that `.worktreeinclude` picks, and the env file once', async () => {
    shop.write('front/.worktreeinclude', '.env.*\n*.local.json\n!other.local.json\n');
    shop.write('front/.env.local', 'MINE=1\n');
    shop.write('front/.env.test', 'TEST=1\n');
    shop.write('front/deep/app.local.json', '{}\n');
    shop.write('front/deep/other.local.json', '{}\n');
    expect(await shop.stack(['create', 'feat-01', '--no-start', '--json'])).toMatchObject({ code: 0, stderr: '' });
    expect(shop.read(`${front}/deep/app.local.json`)).toBe('{}\n');
    expect(shop.read(`${front}/.env.test`)).toBe('TEST=1\n');
    expect(shop.read(`${front}/.env.local`)).toMatch(/^MINE=1\n[\s\S]*API_URL/);
    expect(shop.git(front, 'ls-files', '--others', '--ignored', '--exclude-standard')).not.toContain('other');
    shop.write('front/.env.local', 'MINE=2\n');
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });
});
