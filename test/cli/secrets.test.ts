import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

/** In every place where a person may put a secret. */
const SECRETS = {
  shared: 'c4nary-in-shared-url',
  settings: 'c4nary-in-shared-settings',
  env: 'c4nary-in-the-environment',
  dotenv: 'c4nary-in-dotenv',
  plain: 'c4nary-in-an-env-value',
  remote: 'c4nary-in-a-remote',
  setup: 'c4nary-in-a-setup-command',
  command: 'c4nary-in-a-command',
  mistake: 'c4nary-where-a-port-should-be',
};

const config = (port: number): string =>
  shopConfig(port)
    .replace(
      'repos:',
      `shared:
  postgres: { url: "postgres://me:${SECRETS.shared}@127.0.0.1:1/shop?sslpassword=${SECRETS.shared}" }
  redis: { url: "redis://:\${env.DOTENV_SECRET}@127.0.0.1:1" }
repos:`,
    )
    .replace('path: ./front,', 'path: ./front, setup: ["true ${env.SETUP_SECRET}"],')
    .replaceAll('command: node server.mjs', 'command: "node server.mjs localhost ${env.COMMAND_SECRET}"')
    .replace(
      "env: { PORT: '${port.http}', API_URL",
      `env: { PLAIN: ${SECRETS.plain}, FROM_ENV: '\${env.ENV_SECRET}', PG: '\${postgres.url}', DB_WORD: '\${postgres.password}', PORT: '\${port.http}', API_URL`,
    );

describe('a secret', () => {
  let shop: Shop;
  let said: { args: readonly string[]; text: string }[];
  beforeEach(() => {
    shop = makeShop({ config });
    said = [];
    Object.assign(shop.env, {
      ENV_SECRET: SECRETS.env,
      SETUP_SECRET: SECRETS.setup,
      COMMAND_SECRET: SECRETS.command,
      MISTAKE_SECRET: SECRETS.mistake,
    });
    shop.write('.env', `DOTENV_SECRET=${SECRETS.dotenv}\n`);
    shop.git('front', 'remote', 'add', 'origin', `http://me:${SECRETS.remote}@127.0.0.1:1/front.git`);
    shop.git('api', 'remote', 'add', 'origin', `ssh://me:${SECRETS.remote}@127.0.0.1:1/api.git`);
  });
  afterEach(() => shop.dispose());

  const run = async (...args: string[]): Promise<number> => {
    const { code, stdout, stderr } = await shop.stack(args, { env: { STACK_DEBUG: '1' } });
    said.push({ args, text: stdout + stderr });
    return code;
  };

  const expectSilence = (): void => {
    for (const { args, text } of said) expect({ args, found: findSecrets(text) }).toEqual({ args, found: [] });
    for (const file of listFiles(shop.at('.stack'))) {
      expect({ file, found: findSecrets(readFileSync(file, 'utf8')) }).toEqual({ file, found: [] });
    }
  };

  it('is in no output and no file of .stack, whatever is done, and still reaches what needs it', async () => {
    expect(await run('create', 'feat-01', '--with', 'api')).toBe(0);
    for (const args of [
      ['ps'],
      ['ps', '--json'],
      ['doctor'],
      ['doctor', '--json'],
      ['create', 'feat-02', '--dry-run'],
      ['create', 'feat-02', '--no-wait', '--json'],
      ['logs', 'feat-01'],
      ['logs', 'feat-01', '--setup'],
      ['trust'],
      ['up'],
      ['stop', 'feat-01'],
      ['start', 'feat-01'],
      ['restart', 'feat-01', '--json'],
      ['add', 'feat-02', 'api'],
      ['check'],
      ['check', '--json'],
    ]) {
      await run(...args);
    }
    expect(shop.read('tickets/feat-01/front/.env.local')).toContain(SECRETS.env);
    const before = shop.read('tickets/feat-01/front/.env.local');
    shop.write('tickets/feat-01/front/.env.local', before.replace(/(FROM_ENV|DB_WORD)=.*/g, '$&-edited'));
    for (const flags of [[], ['--json']]) expect(await run('check', 'feat-01', ...flags)).toBe(1);
    shop.write('tickets/feat-01/front/.env.local', before);
    const { stdout } = await shop.stack(['exec', 'feat-01', 'front', '--', 'printenv', 'FROM_ENV', 'PLAIN', 'PG']);
    for (const secret of [SECRETS.env, SECRETS.plain, SECRETS.shared]) expect(stdout).toContain(secret);
    await run('destroy', 'feat-01', '--force');
    await run('restore', '--list', '--json');
    await run('down', '--force');
    expectSilence();
  });

  it('is in no error: of git, of a command that fails, of a config that is wrong', async () => {
    const original = shop.read('stack.yml');
    expect(await run('create', 'feat-01', '--from-front=only-on-the-remote')).not.toBe(0);
    expect(await run('create', 'feat-01', '--from-api=only-on-the-remote', '--json')).not.toBe(0);
    expect(await run('create', 'feat-01', `--from-front=https://me:${SECRETS.remote}@127.0.0.1:1/x`)).not.toBe(0);
    const mistakes: [string, string][] = [
      ['"true ${env.SETUP_SECRET}"', '"false ${env.SETUP_SECRET}"'],
      ['"true ${env.SETUP_SECRET}"', '[no-such-program, "${env.SETUP_SECRET}"]'],
      ['node server.mjs localhost', 'exit 3;'],
      ['"node server.mjs localhost ${env.COMMAND_SECRET}"', '[no-such-program, "${env.COMMAND_SECRET}"]'],
      ['runtime: process', 'runtime: "${env.MISTAKE_SECRET}"'],
      ['name: shop', 'name: "${env.MISTAKE_SECRET} "'],
      ['ready: { http: / }', 'ready: { http: "${env.MISTAKE_SECRET}" }'],
      ['from: ', 'baseline: "${env.MISTAKE_SECRET}", from: '],
      [
        'redis: { url: "redis',
        'redis: { url: "${env.MISTAKE_SECRET}", provider: "${env.MISTAKE_SECRET}" }\n  other: { url: "redis',
      ],
      ['redis: { url: "redis://', 'redis: { url: "//'],
    ];
    for (const [text, instead] of mistakes) {
      shop.write(
        'stack.yml',
        original.replaceAll(text, () => instead),
      );
      expect({ instead, failed: (await run('create', 'feat-01')) !== 0 }).toEqual({ instead, failed: true });
      await run('ps', '--json');
      await run('destroy', 'feat-01', '--force', '--json');
    }
    expectSilence();
  });
});

function findSecrets(text: string): string[] {
  return Object.values(SECRETS).filter((secret) => text.includes(secret));
}

function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => lstatSync(file).isFile());
}
