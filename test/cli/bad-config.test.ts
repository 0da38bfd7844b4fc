import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('a stack.yml that cannot be used', () => {
  let shop: Shop;
  let good: string;
  beforeAll(() => {
    shop = makeShop();
    good = shop.read('stack.yml');
  });
  afterAll(() => shop.dispose());

  const edits: [what: string, edit: (text: string) => string, message: RegExp, hint: RegExp | undefined][] = [
    [
      'bad YAML',
      (text) => text.replace('path: ./front,', 'path: [./front,'),
      /^stack\.yml:\d+:\d+: bad YAML: /,
      /bracket|quote/,
    ],
    [
      'bad YAML for lack of a space',
      (text) => text.replace('runtime: process', 'runtime:process'),
      /^stack\.yml:\d+:\d+: bad YAML: /,
      /indentation/,
    ],
    [
      'a tab',
      (text) => text.replace('  front: {', '\tfront: {'),
      /^stack\.yml:4:1: bad YAML: Tabs/,
      /indent with spaces/,
    ],
    [
      'an unknown key',
      (text) => text.replace('runtime:', 'runtim:'),
      /^stack\.yml:2:1: unknown key `runtim`; did you mean `runtime`\?/,
      /known here: name, runtime/,
    ],
    [
      'a port that is no number',
      (text) => text.replace(/from: \d+, to/, 'from: many, to'),
      /^stack\.yml:\d+:\d+: services\.api\.ports\.http\.from: must be a port, 1 to 65535, found "many"/,
      undefined,
    ],
    [
      'a word where true or false is wanted',
      (text) => text.replace('shared: true', 'shared: please'),
      /^stack\.yml:\d+:\d+: repos\.api\.shared: must be true or false, found "please"/,
      undefined,
    ],
    [
      'an unknown ${name}',
      (text) => text.replace('api.url', 'api.ulr'),
      /services\.front\.env\.API_URL: `\$\{api\.ulr\}` is not a known name; did you mean `api\.url`\?/,
      /known here: ticket, .*\{api,front\}/,
    ],
    [
      'an ${env.NAME} that nobody sets',
      (text) => text.replace('name: shop', 'name: "${env.SHOP_NAME}"'),
      /SHOP_NAME is neither in the environment nor in \.env/,
      /\$\{env\.SHOP_NAME:-default\}/,
    ],
    [
      'services that wait for each other',
      (text) =>
        text
          .replace('repo: api', 'repo: api\n    depends_on: [front]')
          .replace('repo: front', 'repo: front\n    depends_on: [api]'),
      /services wait for each other: api → front → api/,
      /take one of them out/,
    ],
    [
      'a service of a repo that is not there',
      (text) => text.replace('repo: front', 'repo: fornt'),
      /services\.front\.repo: there is no repo `fornt`; did you mean `front`\?/,
      /there are: front, api/,
    ],
    ['nothing in it', () => '', /stack\.yml is empty/, /stack init --force/],
    ['text that is no map', () => 'shop\n', /stack\.yml:1:1: must be a map of keys/, /colon and a space/],
  ];

  it.each(edits)('because of %s is refused with file, line and what would do', async (_, edit, message, hint) => {
    shop.write('stack.yml', edit(good));
    await expectRefusal(shop, ['create', 'feat-01', '--no-start'], { code: 'config', message, hint });
    shop.write('stack.yml', good);
  });

  it('because it is not there is refused, here and in any folder above', async () => {
    rmSync(shop.at('stack.yml'));
    for (const args of [['create', 'feat-01'], ['ps'], ['up'], ['destroy', 'feat-01']]) {
      const message = /^no stack\.yml in .*shop\/front or any folder above/;
      await expectRefusal(shop, args, { code: 'config', message, hint: /stack init/ }, { cwd: shop.at('front') });
    }
    shop.write('stack.yml', good);
  });

  it('because it has another name is refused, with the name it should have', async () => {
    rmSync(shop.at('stack.yml'));
    shop.write('stack.yaml', good);
    const message = /stack\.yaml is not read: the file is called stack\.yml/;
    await expectRefusal(shop, ['ps'], { code: 'config', message, hint: /mv stack\.yaml stack\.yml/ });
  });
});
