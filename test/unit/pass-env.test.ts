import { describe, expect, it } from 'vitest';
import { pickBaseEnv } from '../../src/adapters/process/env.ts';
import { parseConfig } from '../../src/domain/config/text.ts';
import { type FailedCommand, pickPassed, tellLack } from '../../src/domain/pass-env.ts';
import { SMALL } from './stack-file.ts';

const named = (env: Record<string, string>): string[] => Object.keys(pickBaseEnv(env)).sort();
const set = (...names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, 'x']));

describe('what a host process gets of the shell', () => {
  it('is what package managers look for, and no other secret', () => {
    const managers = set('NPM_TOKEN', 'npm_config_registry', 'YARN_NPM_AUTH_TOKEN', 'PIP_INDEX_URL', 'UV_INDEX_URL');
    const others = set('BUNDLE_GEMS__X__COM', 'COMPOSER_AUTH', 'GOPRIVATE', 'CARGO_REGISTRIES_OURS_TOKEN');
    const secrets = set('AWS_SECRET_ACCESS_KEY', 'GITHUB_TOKEN', 'DATABASE_URL', 'GOOGLE_KEY', 'BUNDLE_GEMFILE');
    expect(named({ ...managers, ...others, ...secrets })).toEqual(Object.keys({ ...managers, ...others }).sort());
  });

  it('is not what npm tells of the place where it runs stack', () => {
    const env = { npm_execpath: '/npm', npm_config_local_prefix: '/here', npm_lifecycle_event: 'demo' };
    expect(named({ ...env, NPM_CONFIG_REGISTRY: 'x' })).toEqual(['NPM_CONFIG_REGISTRY']);
  });

  it('is more where stack.yml names it', () => {
    const env = { ...set('MY_KEY', 'MY_KEYS', 'npm_config_a', 'npm_config_b'), GONE: undefined };
    expect(Object.keys(pickPassed(env, ['MY_KEY', 'npm_config_*', 'GONE', 'NONE']))).toEqual([
      'MY_KEY',
      'npm_config_a',
      'npm_config_b',
    ]);
  });
});

it.each(['*', 'A-B', 'A*B', '1A', ''])('pass_env: %j names no variable', (name) => {
  const files = [{ path: 'stack.yml', text: `${SMALL}    pass_env: [${JSON.stringify(name)}]\n` }];
  expect(() => parseConfig({ files, values: () => undefined })).toThrow(/pass_env.*the name of a variable/);
});

describe('a command that failed', () => {
  const failed = (more: Partial<FailedCommand>): string | undefined =>
    tellLack({ repo: 'api', named: new Map(), printed: [], given: {}, shell: {}, ...more });
  const shell = { OUR_TOKEN: 'se3cret', EDITOR: 'vi' };

  it('is told what of the shell it was not given', () => {
    const way = 'it was not given OUR_TOKEN of your shell: `pass_env: [OUR_TOKEN]` of api in stack.yml passes it on';
    expect(failed({ shell, named: new Map([['OUR_TOKEN', '.npmrc']]) })).toBe(way);
    expect(failed({ shell, printed: ['no OUR_TOKEN, no EDITOR'] })).toBe(way);
  });

  it('is told what the shell does not have either', () => {
    const lacks = '.npmrc names OUR_TOKEN, which your shell does not have';
    expect(failed({ named: new Map([['OUR_TOKEN', '.npmrc']]), printed: ['SOME_WORD'] })).toBe(lacks);
  });

  it('is told nothing where it had all', () => {
    expect(failed({ shell, given: shell, named: new Map([['OUR_TOKEN', '.npmrc']]) })).toBeUndefined();
  });
});
