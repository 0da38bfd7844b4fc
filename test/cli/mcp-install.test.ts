import { existsSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('stack mcp install', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  const install = (...words: string[]) => shop.stack(['mcp', 'install', ...words]);

  it('prints what an agent’s file needs, and writes nothing', async () => {
    const told = await install('claude');
    expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining(`# in ${shop.at('.mcp.json')}`) });
    expect(told.stdout).toContain('"command": "stack"');
    expect(existsSync(shop.at('.mcp.json'))).toBe(false);
  });

  it('adds it beside all that the file holds, once', async () => {
    shop.write('.mcp.json', '{\n    "mcpServers": { "other": { "command": "x" } },\n    "more": [1]\n}\n');
    expect(await install('claude', '--write')).toMatchObject({ code: 0 });
    const text = shop.read('.mcp.json');
    expect(JSON.parse(text)).toEqual({
      mcpServers: { other: { command: 'x' }, stack: { command: 'stack', args: ['mcp'] } },
      more: [1],
    });
    expect(text).toContain('\n    "more"');
    await install('claude', '--write');
    expect(shop.read('.mcp.json')).toBe(text);
    shop.write('.codex/config.toml', 'model = "x"\n[mcp_servers.other]\ncommand = "y"');
    await install('codex', '--write');
    await install('codex', '--write');
    expect(shop.read('.codex/config.toml')).toBe(
      'model = "x"\n[mcp_servers.other]\ncommand = "y"\n\n[mcp_servers.stack]\ncommand = "stack"\nargs = ["mcp"]\n',
    );
  });

  it('goes with the ticket whose folder it is written into', async () => {
    expect(await install('claude', '--ticket', 'feat-01', '--write')).toMatchObject({ code: 0 });
    const { args } = JSON.parse(shop.read('tickets/feat-01/.mcp.json')).mcpServers.stack;
    expect(args).toEqual(['mcp', '--ticket', 'feat-01']);
    expect(statSync(shop.at('tickets/feat-01/.mcp.json')).mode & 0o777).toBe(0o600);
    expect(await shop.stack(['destroy', 'feat-01', '--dry-run', '--json'])).toMatchObject({
      stdout: expect.stringContaining('"risks": []'),
    });
  });

  it.each([
    [['none'], { code: 'not-found', message: /^no agent is called `none`/, hint: /NAME\.yml/ }],
    [['aider'], { code: 'usage', message: /takes no MCP servers/, hint: /./ }],
    [[], { code: 'usage', message: /^which agent\?/, hint: /./ }],
    [
      ['gemini', '--ticket', 'feat-01', '--write'],
      { code: 'usage', message: /keeps its hooks in the same file/, hint: /stack run feat-01 --agent gemini/ },
    ],
  ] as const)('refuses %j', async (words, refusal) => {
    await expectRefusal(shop, ['mcp', 'install', ...words], refusal);
  });

  it.each([
    ['another server of that name', '{"mcpServers":{"stack":{"command":"mine"}}}', 'exists'],
    ['comments', '{ // mine\n}', 'files'],
    ['a key that stands twice', '{"a":1,"a":2}', 'files'],
    ['no map', '[]', 'files'],
  ] as const)('leaves a file alone with %s', async (_, text, code) => {
    shop.write('.cursor/mcp.json', text);
    await expectRefusal(shop, ['mcp', 'install', 'cursor', '--write'], { code, message: /./, hint: /by hand/ });
  });

  it('leaves a file alone that git keeps', async () => {
    shop.git('.', 'init', '--quiet');
    shop.write('opencode.json', '{}\n');
    shop.git('.', 'add', 'opencode.json');
    await expectRefusal(shop, ['mcp', 'install', 'opencode', '--write'], {
      ...{ code: 'files', message: /^git keeps /, hint: /by hand/ },
    });
  });
});

it('ends with its input, and says what it does not take', async () => {
  const shop = makeShop();
  expect(await shop.stack(['mcp'], { input: '' })).toMatchObject({ code: 0, stdout: '', stderr: '' });
  await expectRefusal(shop, ['mcp', 'serve'], { code: 'usage', message: /^mcp knows no `serve`/, hint: /install/ });
  await expectRefusal(shop, ['mcp', '--write'], { code: 'usage', message: /./, hint: /install/ });
  await shop.dispose();
});
