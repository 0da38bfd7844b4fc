import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { isBranchName } from '../../src/adapters/git/names.ts';
import { takeRepoFlags } from '../../src/commands/common/repo-flags.ts';
import { orderWords } from '../../src/commands/common/word-order.ts';
import { listRunning } from '../../src/domain/config/commands.ts';
import type { StackConfig } from '../../src/domain/config/config.ts';
import { parseConfig } from '../../src/domain/config/text.ts';
import { checkInsidePath } from '../../src/domain/config/validate-paths.ts';
import { mergeEnvBlock, readEnvBlock, removeEnvBlock, renderEnvBlock } from '../../src/domain/env-block.ts';
import { StackError } from '../../src/domain/errors.ts';
import { builtImageName, networkAlias, workloadName } from '../../src/domain/names.ts';
import { parseRescue } from '../../src/domain/rescue.ts';
import { maskPasswords } from '../../src/domain/secrets.ts';
import { resolveShared, sharedAddress, sharedUrl } from '../../src/domain/shared.ts';
import { escapeTemplate, fillTemplate } from '../../src/domain/template.ts';
import { parseTicketName } from '../../src/domain/ticket.ts';
import { layValues } from '../../src/domain/values.ts';
import { renderError, renderErrorJson } from '../../src/ui/error.ts';
import { cleanText } from '../../src/ui/safe-text.ts';
import { chance, nastyText, readWish } from './fuzz-words.ts';
import { createRandom, type Random } from './random.ts';

const { count: cases, seed } = readWish(0.975, 1_200);
let folder: string;
let canary: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'stack-fuzz-'));
  canary = path.join(folder, 'canary');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a case a number of times, each from a seed of its own that a failure names. */
function fuzz(name: string, share: number, run: (random: Random, nasty: (options?: object) => string) => void): void {
  const count = Math.ceil(cases * share);
  it(`${name} (${count} cases from seed ${seed})`, () => {
    for (let index = 0; index < count; index++) {
      const own = seed + index * 7919;
      const random = createRandom(own);
      const said: string[] = [];
      const nasty = (options?: object): string => {
        const text = nastyText(random, canary, options);
        said.push(text);
        return text;
      };
      try {
        run(random, nasty);
      } catch (error) {
        throw new Error(`seed ${own}: ${said.map((text) => JSON.stringify(text)).join(', ')}`, { cause: error });
      }
    }
    expect(existsSync(canary)).toBe(false);
  }, 600_000);
}

/** Returns what a function gives, or the clean refusal it throws; anything else is a fault. */
function judge<Result>(codes: readonly string[], run: () => Result): Result | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    expect(codes).toContain(error.code);
    expectClean(renderError(error, { color: false }));
    expect(() => JSON.parse(renderErrorJson(error))).not.toThrow();
    return undefined;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const HARMFUL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

function expectClean(text: string): void {
  expect(text).not.toMatch(HARMFUL);
  expect(text).not.toMatch(/^\s+at /m);
  expect(text).not.toContain('fault in stack');
}

describe('whatever somebody types', () => {
  fuzz('is a ticket’s name that every tool takes, or refused', 0.2, (_, nasty) => {
    const argument = nasty();
    const name = judge(['usage'], () => parseTicketName(argument));
    if (!name) return;
    expect(path.dirname(path.resolve('/root/tickets', name.ticket))).toBe('/root/tickets');
    expect(name.ticket).toMatch(/^[A-Za-z0-9][\w.-]*$/);
    // A branch of that name can only be made with a pattern around it; git is asked before anything else.
    expect(isBranchName(name.argument) || name.argument === 'HEAD').toBe(true);
    expect(workloadName('shop', '0a1b2c3d', name.ticket, 'api')).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
    expect(networkAlias('api', name.ticket)).toMatch(/^api\.[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
    const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
    expect(builtImageName('shop', '0a1b2c3d', name.ticket, 'api')).toMatch(
      new RegExp(`^${component}(/${component})*:latest$`),
    );
  });

  fuzz('as flags comes through whole, or is refused', 0.1, (random, nasty) => {
    const value = nasty();
    const words = [`--from-front=${value}`, ...Array.from({ length: random.below(4) }, () => nasty())];
    const taken = judge(['usage'], () => takeRepoFlags(words, ['from', 'on']));
    if (taken) expect(taken.from.front).toBe(value);
    judge(['usage'], () => orderWords(['create', ...words], ['create', 'ps']));
    const repo = nasty().replaceAll('=', '');
    const other = repo === '' ? undefined : judge(['usage'], () => takeRepoFlags([`--on-${repo}=x`], ['on']));
    if (other) expect(Object.entries(other.on)).toEqual([[repo, 'x']]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  fuzz('is shown as one harmless line', 0.05, (_, nasty) => {
    const text = nasty();
    expectClean(cleanText(text));
    expect(cleanText(text)).not.toContain('\n');
    const password = encodeURIComponent(`pw${nasty()}`);
    expect(maskPasswords(`fatal: http://me:${password}@host:1/x?y ${text}`)).not.toContain(`:${password}@`);
  });
});

describe('whatever stands in stack.yml', () => {
  fuzz('is a config that keeps inside its repos, or refused with its line', 0.2, (random, nasty) => {
    const data = makeConfig();
    for (let hits = 1 + random.below(2); hits > 0; hits--) hitConfig(random, data, nasty({ nul: true, plain: 0.2 }));
    const text = stringify(data);
    const config = judge(['config'], () =>
      parseConfig({ files: [{ path: 'stack.yml', text }], values: layValues({ HOME: '/h' }) }),
    );
    if (config) expectInside(config);
    for (const line of listRunning(data)) expect(line).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]*$/u);
  });

  fuzz('may be no YAML at all', 0.05, (random, nasty) => {
    const text = Array.from({ length: 1 + random.below(5) }, () => nasty()).join(
      random.pick(['\n', ': ', '\n  ', ', ']),
    );
    judge(['config'], () => parseConfig({ files: [{ path: 'stack.yml', text }], values: layValues() }));
  });

  fuzz('is a path inside, or refused', 0.05, (random, nasty) => {
    const [value, from] = [nasty(), random.pick(['', 'apps/web'])];
    if (value.includes('\0') || checkInsidePath([], value, from).length > 0) return;
    const place = path.resolve('/repo', from, value);
    expect(place === '/repo' || place.startsWith('/repo/')).toBe(true);
  });

  fuzz('is never taken for a template that it is not', 0.05, (_, nasty) => {
    const text = nasty();
    expect(fillTemplate(escapeTemplate(text), () => 'WRONG')).toBe(text);
    judge(['config'], () => fillTemplate(text, () => undefined));
  });

  fuzz('makes addresses that hold what was meant, or is refused', 0.05, (_, nasty) => {
    const [user, password, database] = [nasty(), nasty(), `${nasty()}_`];
    const settings = { ...resolveShared('postgres', {}, layValues()), user, password, database };
    const url = new URL(sharedUrl(settings, 'localhost', 5432));
    expect([url.hostname, url.port]).toEqual(['localhost', '5432']);
    expect([url.username, url.password, url.pathname.slice(1)].map(decodeURIComponent)).toEqual([
      user,
      password,
      database,
    ]);
    const address = nasty();
    judge(['config'], () => {
      const own = resolveShared('redis', {}, layValues({ STACK_REDIS_URL: address }));
      return sharedAddress({ network: true }, 'redis', own, undefined);
    });
  });
});

describe('whatever an env file is to hold', () => {
  fuzz('is read back by stack, dotenv and docker as it was, or refused', 0.1, (_, nasty) => {
    const value = nasty();
    const before = nasty({ nul: false });
    const block = judge(['config'], () => renderEnvBlock({ FIRST: value, SECOND: 'after' }));
    if (block === undefined) return;
    const merged = mergeEnvBlock(before.includes('stack >>>') || before.includes('stack <<<') ? '' : before, block);
    expect(readEnvBlock(merged)).toEqual({ FIRST: value, SECOND: 'after' });
    if (!merged.startsWith('# >>>')) expect(removeEnvBlock(merged)).toBe(before);
    expect(parseDotenv(block).SECOND).toBe('after');
    // There are no quotes that a shell and dotenv both take for these; a shell that read them wrong might run them.
    const forShellsAlone = value.includes("'") && /["$\\`]/.test(value);
    if (!forShellsAlone && !value.includes('\r')) expect(parseDotenv(block).FIRST).toBe(value);
    if (/^[\w./:@%+,=-]*$/.test(value)) expect(block.split('\n')).toContain(`FIRST=${value}`);
  });

  const batches = Math.max(1, Math.ceil((cases * 0.1) / 50));
  it(`is read by a shell as it was, and nothing in it is run (${batches * 50} cases from seed ${seed})`, () => {
    for (let batch = 0; batch < batches; batch++) {
      const random = createRandom(seed + batch * 104_729);
      const values: Record<string, string> = {};
      while (Object.keys(values).length < 50) {
        const value = nastyText(random, canary, { nul: false });
        if (!/^# (>>>|<<<) stack/m.test(value)) values[`V${Object.keys(values).length}`] = toUnicode(value);
      }
      const file = path.join(folder, 'env');
      writeFileSync(file, renderEnvBlock(values));
      const script = '. "$0"; for name in "$@"; do eval "printf \'%s\\\\0\' \\"\\$$name\\""; done';
      const read = execFileSync('sh', ['-c', script, file, ...Object.keys(values)], { encoding: 'utf8' });
      expect({ batch, read: read.split('\0').slice(0, -1) }).toEqual({ batch, read: Object.values(values) });
      expect(existsSync(canary)).toBe(false);
    }
  });
});

describe('whatever a repo gives back', () => {
  fuzz('is a rescue, or none', 0.05, (random, nasty) => {
    const rescue = {
      ticket: nasty(),
      argument: nasty(),
      time: nasty(),
      repos: { [nasty()]: nasty() },
      [nasty()]: nasty(),
    };
    const text = chance(random, 0.5) ? JSON.stringify(rescue) : nasty();
    expect(() => parseRescue(text)).not.toThrow();
  });
});

/** A file can hold no half of a surrogate pair. */
function toUnicode(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

// biome-ignore lint/suspicious/noExplicitAny: the point is to put in what does not belong there
type Anything = any;

function makeConfig(): Anything {
  return {
    name: 'shop',
    runtime: 'process',
    branch: '${ticket}',
    shared: { postgres: { user: 'u', password: 'p', database: 'd' }, redis: null },
    repos: {
      front: { path: './front', base: 'main', setup: ['npm ci'], copy: ['keys'], env_file: '.env.local' },
      api: { path: './api', shared: true },
    },
    services: {
      api: { repo: 'api', command: 'npm start', ports: { http: { from: 4001 } }, env: { PORT: '${port.http}' } },
      front: {
        repo: 'front',
        dir: 'apps',
        image: 'node',
        command: ['npm', 'start'],
        volumes: { modules: '/app/node_modules' },
        ports: { http: { from: 3001 } },
        env: { API: '${api.url}' },
        ready: { http: '/' },
      },
    },
  };
}

/** Puts a text in the place of some value, or of some key. */
function hitConfig(random: Random, data: Anything, text: string): void {
  let place = data;
  for (;;) {
    const key = random.pick(Object.keys(place));
    const inner = place[key];
    if (typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0 && chance(random, 0.9)) {
      place = inner;
      continue;
    }
    if (chance(random, 0.75)) place[key] = text;
    else Object.defineProperty(place, text, { value: inner, enumerable: true, configurable: true, writable: true });
    return;
  }
}

function expectInside(config: StackConfig): void {
  for (const name of [config.name, ...Object.keys(config.repos), ...Object.keys(config.services)]) {
    expect(name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
  }
  for (const service of Object.values(config.services)) {
    const file = path.resolve('/worktree', service.dir, config.repos[service.repo]?.envFile ?? '');
    expect(file.startsWith('/worktree/')).toBe(true);
    expect(service.workingDir.startsWith('/')).toBe(true);
  }
  for (const pattern of Object.values(config.repos).flatMap(({ copy }) => copy)) {
    expect(path.resolve('/checkout', pattern)).toMatch(/^\/checkout(\/|$)/);
  }
  expect(isBranchName(fillTemplate(config.branch, () => 'feat-01'))).toBe(true);
}
