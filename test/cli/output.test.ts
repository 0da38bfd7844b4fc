import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';

describe('what is printed', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  const documents: string[][] = [
    ['create', 'feat-02'],
    ['ps'],
    ['up'],
    ['stop', 'feat-02'],
    ['start', 'feat-02'],
    ['restart', 'feat-02', '--no-wait'],
    ['add', 'feat-01', 'api', '--from', 'feat/endpoint'],
    ['doctor'],
    ['completion', 'bash'],
    ['destroy', 'feat-02'],
    ['down', '--force'],
  ];

  it.each(documents)('by %s --json is one JSON document, and nothing else', async (...args) => {
    const { code, stdout, stderr } = await shop.stack([...args, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(() => JSON.parse(stdout)).not.toThrow();
  });

  it('by `logs --json` is a document a line', async () => {
    await shop.stack(['start', 'feat-01']);
    const { stdout } = await shop.stack(['logs', 'feat-01', 'api', '--json']);
    const lines = stdout.split('\n').map((line) => JSON.parse(line));
    expect(lines).toEqual(
      expect.arrayContaining([
        {
          ticket: 'feat-01',
          service: 'api',
          time: expect.any(String),
          stream: 'stdout',
          text: expect.stringContaining('listens on'),
        },
      ]),
    );
  });

  it('by ps is what one asks of it: names, a line by a template, some tickets', async () => {
    const stdoutOf = async (...args: string[]) => (await shop.stack(['ps', ...args])).stdout;
    expect(await stdoutOf('-q')).toBe('feat-01');
    expect(await stdoutOf('--format', '{{ticket}}|{{repos.front.branch}}|{{&folder}}')).toBe(
      `feat-01|feat-01|${shop.at('tickets/feat-01')}`,
    );
    const narrow = await shop.stack(['ps'], { env: { STACK_COLUMNS: '30' } });
    expect(narrow.stdout).toMatch(/^feat-01 {2}\w+\n {2}front {2}http/);
    // As docker takes it.
    expect(await stdoutOf('--format', String.raw`{{.ticket}}\t{{ .repos.front.branch }}`)).toBe('feat-01\tfeat-01');
    expect(await stdoutOf('-q', '--filter', 'ticket=feat-*')).toBe('feat-01');
    expect(await stdoutOf('--filter', 'ticket=x*')).toBe('no ticket is like that');
    expect(JSON.parse(await stdoutOf('--json', '--filter', 'status=creating,broken')).instances).toEqual([]);
  });

  it.each([
    [['--format', '{{tickt}}'], /a ticket has no "tickt"; did you mean `ticket`\?/, /it has ticket, status/],
    [['--format', '{{#a'], /--format: Unclosed tag/, /--format '\{\{ticket\}\}/],
    [['--filter', 'stats=running'], /--filter knows no "stats=running"; did you mean `status`/, /status=stopped/],
    [['--filter', 'ticket='], /--filter knows no "ticket="/, /status=stopped/],
    [['--filter', 'status=runing'], /no ticket is ever "runing"; did you mean `running`/, /takes running, partial/],
  ])('by ps %j is a refusal', async (args, message, hint) => {
    await expectRefusal(shop, ['ps', ...args], { code: 'usage', message, hint });
  });

  it('says nothing on stderr with --quiet, whatever is done', async () => {
    for (const args of [
      ['stop', 'feat-01'],
      ['start', 'feat-01'],
      ['create', 'quiet-1'],
      ['destroy', 'quiet-1', 'feat-01'],
      ['down'],
    ]) {
      expect(await shop.stack([...args, '--quiet'])).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('narrates on stderr, a line a step with its time, and answers on stdout', async () => {
    const { stdout, stderr } = await shop.stack(['create', 'feat-03', '--no-start']);
    expect(stderr).toMatch(/^✓ front +worktree on feat-03, from main +\d+\.\d\ds$/m);
    expect(stderr).toMatch(/\nfeat-03 is made, after \d\S*s\. Next: `cd tickets\/feat-03`, or `stack start feat-03`$/);
    expect(stdout).toMatch(/^TICKET .*\nfeat-03 /);
    expect(stdout + stderr).not.toContain('\u001b');
  });

  it('has colours where they are asked for', async () => {
    const { stderr } = await shop.stack(['create', 'feat-03', '--no-start'], {
      env: { NO_COLOR: '', FORCE_COLOR: '1' },
    });
    expect(stderr).toContain('\u001b[');
  });

  it.each(['ps', 'ps --json', '--help', 'create --help', 'completion bash'])(
    'may be cut short: `stack %s | head -1`',
    (args) => {
      const line = `set -o pipefail; "$0" "$1" ${args} | head -1`;
      const run = spawnSync('bash', ['-c', line, process.execPath, BIN], {
        cwd: shop.root,
        env: shop.env,
        encoding: 'utf8',
      });
      expect(run).toMatchObject({ status: 0, stderr: '' });
      expect(run.stdout.split('\n')).toHaveLength(2);
    },
  );

  it('goes on where nobody reads the narration', () => {
    const line = '"$0" "$1" create feat-04 --no-start 2> >(exec <&-)';
    const run = spawnSync('bash', ['-c', line, process.execPath, BIN], {
      cwd: shop.root,
      env: shop.env,
      encoding: 'utf8',
    });
    expect(run.status).toBe(0);
    expect(shop.state()?.instances['feat-04']).toMatchObject({ phase: 'ready' });
  });

  it('asks nobody where nobody is: that is a refusal', async () => {
    const run = await shop.stack(['down', '--volumes']);
    expect(run.code).toBe(4);
    expect(run.stderr).toContain('hint: --yes answers yes');
  });
});
