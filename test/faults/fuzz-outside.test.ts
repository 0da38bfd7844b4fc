import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { makeRepo, makeShop, type Shop } from '../support/shop.ts';
import { chance, nastyText, readWish } from './fuzz-words.ts';
import { createRandom, type Random } from './random.ts';

/** A case costs some runs of the built bin and of git. */
const { count, seed } = readWish(0.025, 16);
const CODES = [0, 1, 2, 4];

let shop: Shop;
let canary: string;
let branches: string[];

beforeAll(() => {
  shop = makeShop();
  canary = path.join(shop.folder, 'canary');
  const random = createRandom(seed);
  const names = Array.from({ length: 60 }, () => nastyText(random, canary, { nul: false }).slice(0, 100));
  // What git lets be a branch may still be a command to a shell.
  branches = ['$(touch${IFS}canary)', '`id`', "a'b", 'a"b', 'a;b', 'a&b', 'a|b', 'é', ...names].filter(tryBranch);
});
afterAll(() => shop.dispose());

function tryBranch(name: string): boolean {
  try {
    shop.git('front', 'branch', '--', name, 'main');
    return true;
  } catch {
    return false;
  }
}

interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Every answer is a clean one; nothing was run, and nothing is anywhere but in the root. */
async function ask(...args: string[]): Promise<Answer> {
  const run = await shop.stack(args);
  const context = { args, ...run };
  expect({ context, known: CODES.includes(run.code) }).toEqual({ context, known: true });
  expect(run.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  expect(run.stdout + run.stderr).not.toMatch(/fault in stack|"code":"internal"/);
  if (run.code !== 0) expect(run.stderr).toMatch(/^stack: .+/m);
  expect(existsSync(canary)).toBe(false);
  return run;
}

async function destroyAll(): Promise<void> {
  const tickets = Object.keys(shop.state()?.instances ?? {});
  if (tickets.length > 0) expect(await ask('destroy', '--force', ...tickets)).toMatchObject({ code: 0 });
  expect(existsSync(shop.at('tickets'))).toBe(false);
}

/** An argument of a process holds no NUL, and is no longer than the system lets it be. */
const toArgument = (text: string): string => text.replaceAll('\0', '').slice(0, 2_000);

type Family = (random: Random, nasty: () => string) => Promise<void>;

const families: Record<string, Family> = {
  'a ticket’s name': async (_, nasty) => {
    await ask('create', '--no-start', '--', toArgument(nasty()));
    await destroyAll();
  },
  'any words': async (random, nasty) => {
    const verb = random.pick([
      'create',
      'destroy',
      'logs',
      'start',
      'stop',
      'add',
      'restore',
      'exec',
      'ps',
      'trust',
      'help',
    ]);
    const words = Array.from({ length: 1 + random.below(3) }, () => toArgument(nasty()));
    await ask(verb, ...words, ...(verb === 'create' ? ['--no-start'] : []), '--quiet');
    await destroyAll();
  },
  'a base or a branch': async (random, nasty) => {
    const ref = chance(random, 0.4) ? random.pick(branches) : toArgument(nasty());
    await ask('create', 'feat-01', '--no-start', `--${random.pick(['from', 'on'])}-front=${ref}`);
    await destroyAll();
  },
  'values that reach a service’s env file, as they are': async (_, nasty) => {
    const value = toArgument(nasty()).replaceAll('\r', '').replaceAll('$', '');
    const config = {
      name: 'shop',
      runtime: 'process',
      repos: REPOS,
      services: { front: { ...FRONT, env: { VALUE: value } } },
    };
    shop.write('stack.yml', stringify(config));
    const { code } = await ask('create', 'feat-01', '--no-start');
    if (code === 0) expect(readWithShell(shop.at('tickets/feat-01/front/.env.local'))).toBe(toUnicode(value));
    await destroyAll();
  },
  'words of a setup command, as they are': async (_, nasty) => {
    const words = [toArgument(nasty()), toArgument(nasty())].map((word) => word.replaceAll('$', ''));
    const setup = [['sh', '-c', 'printf "%s\\0" "$@" >got', 'sh', ...words]];
    const config = {
      name: 'shop',
      runtime: 'process',
      repos: { front: { ...REPOS.front, setup } },
      services: { front: FRONT },
    };
    shop.write('stack.yml', stringify(config));
    const { code } = await ask('create', 'feat-01', '--no-start');
    if (code === 0)
      expect(readFileSync(shop.at('tickets/feat-01/front/got'), 'utf8')).toBe(
        words.map((word) => `${toUnicode(word)}\0`).join(''),
      );
    await destroyAll();
  },
  'words of exec, as they are': async (_, nasty) => {
    const words = [toArgument(nasty()), toArgument(nasty())];
    const services = { front: { ...FRONT, command: 'exec sleep 1000', ready: { timeout: 1 } } };
    shop.write('stack.yml', stringify({ name: 'shop', runtime: 'process', repos: REPOS, services }));
    expect(await ask('create', 'feat-01', '--no-wait')).toMatchObject({ code: 0 });
    const { code, stdout } = await ask(
      'exec',
      'feat-01',
      'front',
      '--',
      'sh',
      '-c',
      'printf "%s\\0" "$@"',
      'sh',
      ...words,
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: words.map((word) => `${toUnicode(word)}\0`).join('') });
    await destroyAll();
  },
  'keys and values of stack.yml': async (random, nasty) => {
    const [one, other] = [nasty(), nasty()];
    const repo = random.pick([
      { ...REPOS.front, path: one },
      { ...REPOS.front, base: one },
      { ...REPOS.front, copy: [one, other] },
      { ...REPOS.front, env_file: one },
    ]);
    const service = random.pick([FRONT, { ...FRONT, dir: other }, { ...FRONT, env: { [other]: 'x' } }]);
    const top = random.pick([{}, { branch: `${one}\${ticket}` }, { worktrees: `./w/${one}` }, { name: one }]);
    shop.write(
      'stack.yml',
      stringify({ name: 'shop', runtime: 'process', ...top, repos: { front: repo }, services: { front: service } }),
    );
    await ask('create', 'feat-01', '--no-start');
    await destroyAll();
  },
  'the name of a repo’s folder': async (_, nasty) => {
    const name = path.basename(toArgument(nasty()).replaceAll(/[\0$]/g, '').slice(0, 60)) || 'x';
    if (['.', '..', '~'].includes(name) || name.startsWith('~') || existsSync(shop.at('repos', name))) return;
    makeRepo(shop.at('repos', name), { 'server.mjs': '' });
    const config = {
      name: 'shop',
      runtime: 'process',
      repos: { front: { path: `./repos/${name}`, base: 'main' } },
      services: { front: FRONT },
    };
    shop.write('stack.yml', stringify(config));
    const { code, stderr } = await ask('create', 'feat-01', '--no-start');
    expect({ name, code, stderr }).toMatchObject({ code: name.includes('\n') ? 2 : 0 });
    await destroyAll();
  },
};

const REPOS = { front: { path: './front', base: 'main' } };
const FRONT = { repo: 'front', command: 'node server.mjs' };

function toUnicode(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** Where a person's leases of all roots are: `$HOME/.local/state/stack`. */
const KEPT_FOR_A_PERSON = '.local';

function readWithShell(file: string): string {
  return execFileSync('sh', ['-c', '. "$0"; printf %s "$VALUE"', file], { encoding: 'utf8' });
}

describe(`${count} cases from seed ${seed}, each with the built bin and real git`, () => {
  const names = Object.keys(families);
  const original = (): string => shop.read('stack.yml');
  it.each(names)(
    '%s: nothing is run, nothing leaves the root, every answer is clean',
    async (name) => {
      const config = original();
      const outside = readdirSync(shop.folder).filter((one) => one !== KEPT_FOR_A_PERSON);
      for (let index = names.indexOf(name); index < count; index += names.length) {
        const own = seed + index * 7919;
        const random = createRandom(own);
        const said: string[] = [];
        try {
          await families[name]?.(random, () => {
            said.push(nastyText(random, canary, { nul: false }));
            return said.at(-1) ?? '';
          });
          expect(readdirSync(shop.folder).filter((one) => one !== KEPT_FOR_A_PERSON)).toEqual(outside);
        } catch (error) {
          throw new Error(`seed ${own}: ${said.map((text) => JSON.stringify(text)).join(', ')}`, { cause: error });
        } finally {
          writeFileSync(shop.at('stack.yml'), config);
        }
      }
    },
    600_000,
  );
});
