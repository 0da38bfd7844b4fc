import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verbs } from '../../src/program.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('help', () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
  });
  afterAll(() => shop.dispose());

  it.each([[[]], [['help']], [['--help']]])(
    'is what `stack %s` prints: the verbs and the first steps',
    async (args) => {
      const run = await shop.stack(args);
      expect(run).toMatchObject({ code: 0, stderr: '' });
      expect(run.stdout).toMatch(/^Usage: stack/);
      const text = run.stdout.replace(/\n {10,}/g, ' ');
      for (const { name, summary } of verbs) expect(text).toMatch(new RegExp(`^  ${name}[ ,].*${summary}$`, 'm'));
      expect(run.stdout).toContain('$ stack create feat-01');
    },
  );

  it.each(verbs.map(({ name }) => name))('of %s has its flags and examples', async (name) => {
    const run = await shop.stack([name, '--help']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toMatch(new RegExp(`^Usage: stack ${name}[ |]`));
    expect(run.stdout).toMatch(/\nExamples:\n {2}\$ .*stack /);
    expect(run.stdout).toContain('--json');
  });

  it('fits 80 columns, and has the flags of every verb', async () => {
    for (const args of [[], ...verbs.map(({ name }) => [name])]) {
      const { stdout } = await shop.stack([...args, '--help']);
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
      for (const flag of ['--json', '-q, --quiet', '-y, --yes', '--runtime <name>', '-h, --help'])
        expect(stdout).toContain(`\n  ${flag} `);
    }
  });

  it('has what a flag does below it where there is no room beside it', async () => {
    const { stdout } = await shop.stack(['create', '--help'], { env: { STACK_COLUMNS: '40' } });
    const [, flags = ''] = /\nOptions:\n([\s\S]*)\nExamples:\n/.exec(stdout) ?? [];
    expect(flags).toContain('\n  --with <repo...>\n      its own copy of a shared repo,\n      from the repo’s base\n');
    expect(flags.split('\n').filter((line) => line.length > 40)).toEqual([]);
  });

  it.each([
    ['environment', 'NO_COLOR'],
    ['exit-codes', '130, 143'],
    ['stack.yml', '`depends_on`'],
  ])('about %s is of docs/, and fits 80 columns', async (topic, word) => {
    const { code, stdout } = await shop.stack(['help', topic]);
    expect({ code, tooLong: stdout.split('\n').filter((line) => line.length > 80) }).toEqual({ code: 0, tooLong: [] });
    expect(stdout).toContain(word);
    expect(stdout).not.toMatch(/&#\d+;|\]\(/);
  });

  it('of a verb can be asked for both ways', async () => {
    expect(await shop.stack(['help', 'create'])).toEqual(await shop.stack(['create', '--help']));
  });

  it('needs no stack.yml', async () => {
    expect(await shop.stack(['create', '--help'], { cwd: shop.folder })).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(['--version', '-V'])('%s prints the version of package.json', async (flag) => {
    const { version } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(await shop.stack([flag])).toEqual({ code: 0, stdout: version, stderr: '' });
  });

  it.each(['bash', 'zsh', 'fish'])('the completion script for %s is one its shell reads', async (shell) => {
    const { code, stdout } = await shop.stack(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('stack');
    const file = path.join(shop.folder, `completion.${shell}`);
    writeFileSync(file, stdout);
    const read = spawnSync(shell, [shell === 'fish' ? '--no-execute' : '-n', file], { encoding: 'utf8' });
    if (read.error) console.warn(`\n!!! SKIPPED: there is no ${shell} to read the script with\n`);
    else expect(read).toMatchObject({ status: 0, stderr: '' });
  });

  describe('when something is mistyped', () => {
    it.each([
      ['a verb', ['creat', 'feat-01'], /unknown command 'creat'/, /Did you mean create\?/],
      ['an alias', ['rmm', 'feat-01'], /unknown command 'rmm'/, /Did you mean rm\?/],
      ['the verb of another tool', ['delete', 'a'], /unknown command 'delete'/, /^`stack destroy`: remove a ticket/],
      ['a flag per repo, apart', ['create', 'a', '--form-api', 'x'], /unknown option '--form-api'/, /--from-api\?/],
      ['a flag per repo', ['create', 'a', '--form-api=x'], /unknown option '--form-api/, /did you mean --from-api\?/],
      ['an unknown verb', ['frobnicate'], /unknown command 'frobnicate'/, /`stack --help` lists the verbs/],
      ['no verb but a flag', ['--quiet'], /which verb\?/, /`stack --help` lists the verbs/],
      ['a flag', ['create', 'feat-01', '--no-strat'], /unknown option '--no-strat'/, /Did you mean --no-start\?/],
      ['an unknown flag', ['ps', '--frobnicate'], /unknown option '--frobnicate'/, /`stack ps --help`/],
      ['a flag before the verb', ['--frobnicate', 'ps'], /unknown option '--frobnicate'/, /`stack ps --help`/],
      ['a missing argument', ['create'], /missing required argument 'ticket'/, /`stack create --help`/],
      ['one argument too many', ['create', 'a', 'b'], /too many arguments for 'create'/, /`stack create --help`/],
      [
        'a runtime',
        ['create', 'a', '--runtime', 'podman'],
        /podman.* docker, process or auto/,
        /`stack create --help`/,
      ],
      ['a shell', ['completion', 'fsh'], /no completion for "fsh"/, /bash, zsh, fish/],
      ['a moment', ['logs', 'a', '--since', 'yesterday'], /^--since takes how long ago.*"yesterday"/, /--since 10m/],
      ['a tail', ['logs', 'a', '--tail', 'few'], /^--tail takes a number.*"few"/, /--tail 50/],
      ['--from without a ref', ['create', 'a', '--from-front'], /--from-front needs a value/, /--from-front=feat\/x/],
      ['--from= without a ref', ['create', 'a', '--from-front='], /--from-front needs a value/, /--from-front=feat\/x/],
      ['--from twice', ['create', 'a', '--from-api=x', '--from-api=y'], /--from-api is given twice/, /./],
      ['exec without a command', ['exec', 'feat-01'], /no command to run/, /behind `--`/],
      ['exec with a runtime', ['exec', 'a', 'api', '--runtime=process', 'ls'], /too many arguments/, /behind `--`/],
      ['exec with a flag of ours', ['exec', 'a', 'api', 'ls', '-q'], /too many arguments/, /command behind `--`/],
    ] as const)('says what is wrong with %s', async (_, args, message, hint) => {
      await expectRefusal(shop, args, { code: 'usage', message, hint });
    });
  });

  it('says which verb was meant, whatever stands around it', async () => {
    const told = { code: 2, stdout: '', stderr: expect.stringContaining('hint: Did you mean destroy?') };
    expect(await shop.stack(['help', 'destory'])).toMatchObject(told);
    expect(await shop.stack(['destory', '--help'])).toMatchObject(told);
    expect(await shop.stack(['-q', 'destory', 'feat-01', '--force'])).toMatchObject(told);
  });

  it.each([
    ['ls', 'ps'],
    ['list', 'ps'],
    ['new', 'create'],
    ['rm', 'destroy'],
    ['remove', 'destroy'],
  ])('takes %s for %s', async (alias, name) => {
    expect(await shop.stack(['help', alias])).toEqual(await shop.stack(['help', name]));
    expect(await shop.stack([alias, '--help'])).toEqual(await shop.stack([name, '--help']));
    expect(await shop.stack(['-q', alias, '--frobnicate'])).toEqual(await shop.stack([name, '-q', '--frobnicate']));
  });

  it('takes the flags of every verb before the verb too', async () => {
    const run = await shop.stack(['--json', 'ps']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(run.stdout)).toMatchObject({ stack: 'shop', instances: [] });
    expect(await shop.stack(['-q', '--json', 'ps'])).toEqual(run);
  });

  it('takes the ticket after `--with REPO`, and a list with commas', async () => {
    const run = await shop.stack(['create', '--with', 'api,front', 'feat-01', '--dry-run', '--no-start']);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain('feat-01 would be created:');
    expect(run.stdout).toMatch(/ api +worktree/);
  });
});
