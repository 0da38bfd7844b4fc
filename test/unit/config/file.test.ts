import { mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findRoot, loadConfig, renderPointer, requireRoot } from '../../../src/adapters/config-file.ts';
import { SHOP, SMALL } from '../stack-file.ts';

let root: string;
let ticket: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'stack-config-file-')));
  ticket = path.join(root, 'tickets', 'feat-01');
  await mkdir(path.join(ticket, 'front', 'src'), { recursive: true });
  await write('stack.yml', SMALL);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(file: string, text: string): Promise<void> {
  await writeFile(path.join(root, file), text);
}

const pointer = (): string => path.join(ticket, '.stack-ticket');

async function point(to = root): Promise<void> {
  await writeFile(path.join(ticket, '.stack-ticket'), renderPointer({ root: to, ticket: 'feat-01' }));
}

describe('the root', () => {
  test('is the nearest folder above that holds stack.yml', async () => {
    expect(await findRoot(path.join(ticket, 'front', 'src'))).toEqual({ root });
    expect(await findRoot(root)).toEqual({ root });
  });

  test('is where the ticket’s pointer leads, even when a worktree has a stack.yml of its own', async () => {
    await point();
    await writeFile(path.join(ticket, 'front', 'stack.yml'), SMALL);
    expect(await findRoot(path.join(ticket, 'front', 'src'))).toEqual({ root, ticket: 'feat-01', pointer: pointer() });
    expect(await findRoot(ticket)).toEqual({ root, ticket: 'feat-01', pointer: pointer() });
  });

  test('is a real path, by whatever way one came', async () => {
    await symlink(root, `${root}.link`);
    try {
      await point(`${root}.link`);
      expect(await findRoot(path.join(`${root}.link`, 'tickets', 'feat-01'))).toEqual({
        root,
        ticket: 'feat-01',
        pointer: pointer(),
      });
      expect(await findRoot(`${root}.link`)).toEqual({ root });
    } finally {
      await rm(`${root}.link`);
    }
  });

  test('is still known by its state when stack.yml is gone', async () => {
    await mkdir(path.join(root, '.stack'));
    await write('.stack/state.json', '{}');
    await rm(path.join(root, 'stack.yml'));
    expect(await findRoot(ticket)).toEqual({ root });
    await point();
    expect(await findRoot(ticket)).toEqual({ root, ticket: 'feat-01', pointer: pointer() });
  });

  test('is undefined outside any stack', async () => {
    expect(await findRoot(tmpdir())).toBeUndefined();
    await expect(requireRoot(tmpdir())).rejects.toMatchObject({
      code: 'config',
      message: `no stack.yml in ${tmpdir()} or any folder above`,
      hint: expect.stringContaining('stack init'),
    });
  });

  test('is not found by a pointer whose root is gone, and the pointer is named', async () => {
    await point(`${root}/elsewhere`);
    await expect(findRoot(ticket)).rejects.toMatchObject({
      code: 'config',
      message: `${ticket}/.stack-ticket leads to ${root}/elsewhere, which is gone`,
    });
    await point(path.join(root, 'tickets'));
    await expect(findRoot(ticket)).rejects.toThrow('which holds no stack.yml');
  });

  test.each(['', 'nonsense', '{}', '[]', 'null', '{"root":"relative","ticket":"x"}', '{"root":"/"}'])(
    'is not found by the damaged pointer %j',
    async (text) => {
      await writeFile(path.join(ticket, '.stack-ticket'), text);
      await expect(findRoot(ticket)).rejects.toThrow(`${ticket}/.stack-ticket is damaged`);
    },
  );

  test('is asked for under its right name when there is only a stack.yaml', async () => {
    await rename(path.join(root, 'stack.yml'), path.join(root, 'stack.yaml'));
    const expected = { code: 'config', hint: `run \`mv stack.yaml stack.yml\` in ${root}` };
    await expect(requireRoot(ticket)).rejects.toMatchObject(expected);
    await expect(loadConfig(root, {})).rejects.toMatchObject(expected);
  });
});

describe('the config', () => {
  const whole = SHOP.replace('./front', '"${env.CODE}"');

  test('is read with what is laid over it, and .env below the environment', async () => {
    await write('stack.yml', SHOP.replace('./front', '"${env.CODE}/${env.WHICH}"'));
    await write('stack.local.yml', 'repos: { api: { title: Mine } }\n');
    await write('.env', 'CODE=/from-file\nWHICH="front" # here\n');
    const { config, values, files } = await loadConfig(root, { CODE: '/from-env', OTHER: undefined });
    expect(config.repos.front?.path).toBe('/from-env/front');
    expect(config.repos.api?.title).toBe('Mine');
    expect(['CODE', 'WHICH', 'OTHER', 'constructor'].map(values)).toEqual(['/from-env', 'front', undefined, undefined]);
    expect(files).toEqual(['stack.yml', 'stack.local.yml', '.env'].map((file) => path.join(root, file)));
  });

  test('does without the other files', async () => {
    expect((await loadConfig(root, {})).files).toEqual([path.join(root, 'stack.yml')]);
  });

  test('takes no notice of a folder called .env', async () => {
    await mkdir(path.join(root, '.env'));
    expect((await loadConfig(root, {})).files).toHaveLength(1);
  });

  test('names its files in errors, from where one stands when that is told', async () => {
    await write('stack.yml', whole);
    await expect(loadConfig(root, {})).rejects.toThrow(`${root}/stack.yml:8:18: repos.front.path: `);
    await expect(loadConfig(root, {}, { cwd: ticket })).rejects.toThrow('../../stack.yml:8:18: repos.front.path: ');
    await expect(loadConfig(root, {}, { cwd: root })).rejects.toThrow(/^stack.yml:8:18: repos.front.path: /);
  });

  test('that is not there is missed by name', async () => {
    await rm(path.join(root, 'stack.yml'));
    await expect(loadConfig(root, {})).rejects.toMatchObject({ code: 'config', message: `no stack.yml in ${root}` });
  });

  test('that is a folder cannot be read, in one line', async () => {
    await rm(path.join(root, 'stack.yml'));
    await mkdir(path.join(root, 'stack.yml'));
    await expect(loadConfig(root, {})).rejects.toMatchObject({
      code: 'files',
      message: `cannot read ${root}/stack.yml: it is a folder`,
    });
  });
});

test('a pointer is JSON that ends its line', async () => {
  await point();
  const text = await readFile(path.join(ticket, '.stack-ticket'), 'utf8');
  expect(JSON.parse(text)).toEqual({ root, ticket: 'feat-01' });
  expect(text.endsWith('}\n')).toBe(true);
});
