import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';

describe('in a root where nothing was made yet', () => {
  it.each([['ps'], ['down'], ['restore', '--list'], ['trust']])('%s has nothing to do', async (...args) => {
    const shop = makeShop();
    try {
      expect(await shop.stack(args)).toMatchObject({ code: 0, stderr: '' });
    } finally {
      await shop.dispose();
    }
  });
});

describe('in a ticket’s folder', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    for (const ticket of ['feat-01', 'feat-02']) await shop.stack(['create', ticket, '--no-start']);
    mkdirSync(shop.at('tickets/feat-01/front/src'));
  });
  afterAll(() => shop.dispose());

  const inside = (...parts: string[]): { cwd: string } => ({ cwd: shop.at('tickets/feat-01', ...parts) });

  it.each(['.', 'front', 'front/src'])('(%s) verbs are about that ticket', async (folder) => {
    for (const verb of ['stop', 'restart']) {
      const run = await shop.stack([verb, '--json', '--service', 'zzz'], inside(folder));
      expect(JSON.parse(run.stdout).error.message).toBe('feat-01 has no service zzz of its own');
    }
  });

  it('verbs may be about another ticket', async () => {
    const run = await shop.stack(['stop', 'feat-02', '--json'], inside('front'));
    expect(JSON.parse(run.stdout).instances).toMatchObject([{ ticket: 'feat-02' }]);
  });

  it('the first word may be a service, of this ticket; a process that does not run lends its folder and env', async () => {
    const front = { code: 0, stdout: `${shop.at('tickets/feat-01/front')} feat-01` };
    const say = ['--', 'sh', '-c', 'echo "$PWD $STACK_TICKET"'];
    expect(await shop.stack(['exec', 'front', ...say], inside())).toMatchObject(front);
    expect(await shop.stack(['exec', ...say], inside('front', 'src'))).toMatchObject(front);
    renameSync(shop.at('tickets/feat-01/front'), shop.at('tickets/feat-01/elsewhere'));
    const gone = {
      code: 'not-found',
      message: /^front of feat-01 has no folder/,
      hint: /stack start feat-01/,
    } as const;
    await expectRefusal(shop, ['exec', 'front', '--', 'true'], gone, inside());
    renameSync(shop.at('tickets/feat-01/elsewhere'), shop.at('tickets/feat-01/front'));
  });

  it('`add` takes the repo alone', async () => {
    const expected = { message: /^feat-01 has its own front already/, hint: /tickets\/feat-01\/front/ };
    await expectRefusal(shop, ['add', 'front'], { code: 'exists', ...expected }, inside('front'));
  });

  it('`path` prints it, and the worktree of a repo', async () => {
    const print = async (args: string[], at?: { cwd: string }) => (await shop.stack(['path', ...args], at)).stdout;
    expect(await print([], inside('front/src'))).toBe(shop.at('tickets/feat-01'));
    expect(await print(['front'], inside())).toBe(shop.at('tickets/feat-01/front'));
    expect(await print(['feat-02'], inside())).toBe(shop.at('tickets/feat-02'));
    expect(await print(['feat-02', 'front'])).toBe(shop.at('tickets/feat-02/front'));
    const borrowed = { code: 'not-found', message: /^feat-02 has no copy of "api"$/, hint: /^it has front$/ } as const;
    await expectRefusal(shop, ['path', 'feat-02', 'api'], borrowed);
  });

  it('`here` shows it, with what it borrows and where we are; outside of any ticket it is a refusal', async () => {
    const look = async (at: { cwd: string }) => JSON.parse((await shop.stack(['here', '--json'], at)).stdout);
    const found = await look(inside('front/src'));
    expect(found).toMatchObject({
      ...{ ticket: 'feat-01', root: shop.root, repo: 'front', service: 'front', status: 'stopped', files: {} },
      services: { front: { borrowed: false, status: 'stopped' } },
    });
    expect(found.urls.front).toBe(`http://localhost:${found.services.front.ports.http}`);
    expect(await look(inside())).toMatchObject({ ticket: 'feat-01', repo: null, service: null });
    const config = shop.read('stack.yml');
    shop.write('stack.yml', ': no config');
    expect(await look(inside('front'))).toMatchObject({ ticket: 'feat-01', repo: 'front' });
    shop.write('stack.yml', config);
    const outside = { code: 'usage', message: /is in no ticket's folder$/, hint: /stack show TICKET/ } as const;
    await expectRefusal(shop, ['here'], outside);
  });

  it('`show` shows any ticket, with the notes on it', async () => {
    shop.write('tickets/feat-02/NOTES.md', '- a note\n');
    const { stdout } = await shop.stack(['show', 'feat-02']);
    expect(stdout).toMatch(/^feat-02 {2}stopped\n.*\/tickets\/feat-02\n/);
    expect(stdout).toMatch(/^front +http:\/\/localhost:\d+ +stopped +from front$/m);
    expect(stdout).toMatch(/^front +feat-02 +main +.*\/tickets\/feat-02\/front$/m);
    expect(stdout).toMatch(/^notes: .*\/tickets\/feat-02\/NOTES\.md$/m);
    rmSync(shop.at('tickets/feat-02/NOTES.md'));
    await expectRefusal(shop, ['show', 'nope'], { code: 'not-found', message: /no ticket "nope"/, hint: /feat-01/ });
  });

  it('`env` gives a shell what the service has', async () => {
    const print = async (...args: string[]) => (await shop.stack(['env', ...args], inside('front'))).stdout;
    const told = spawnSync('sh', ['-c', `${await print()}\necho "$PORT $STACK_TICKET"`], { encoding: 'utf8' }).stdout;
    const { services } = JSON.parse((await shop.stack(['here', '--json'], inside())).stdout);
    expect(told).toBe(`${services.front.ports.http} feat-01\n`);
    expect(await print('feat-02', 'front', '--format', 'dotenv')).toMatch(/^STACK_TICKET=feat-02$/m);
    expect(JSON.parse(await print('--format', 'json'))).toMatchObject({ STACK_SERVICE: 'front' });
    expect(JSON.parse(await print('--json'))).toMatchObject({ ticket: 'feat-01', service: 'front' });
    shop.write('tickets/feat-01/front/more.env', 'a.b=1\nPLAIN=1\n');
    const config = shop.read('stack.yml');
    shop.configure((text) => text.replace('repo: front\n', 'repo: front\n    env_file: [more.env]\n'));
    const shown = await shop.stack(['env'], inside('front'));
    shop.write('stack.yml', config);
    rmSync(shop.at('tickets/feat-01/front/more.env'));
    expect(shown).toMatchObject({ code: 0, stderr: expect.stringContaining('no variables of these names: a.b') });
    expect(shown.stdout).toMatch(/^export PLAIN=1$/m);
    expect(shown.stdout).not.toContain('a.b');
    const unknown = { code: 'usage', message: /no "shel"; did you mean `shell`/, hint: /shell, dotenv, json/ } as const;
    await expectRefusal(shop, ['env', '--format', 'shel'], unknown, inside());
  });

  it('`-C` is as good as being there, step by step', async () => {
    const at = { cwd: shop.folder };
    const run = await shop.stack(['-C', shop.root, '-q', '-C', 'tickets/feat-01', 'path', 'front'], at);
    expect(run).toEqual({ code: 0, stdout: shop.at('tickets/feat-01/front'), stderr: '' });
    const { stderr } = await shop.stack(['-C', shop.root, 'create', 'feat-03', '--no-start'], at);
    expect(stderr).toContain(`Next: \`cd ${shop.at('tickets/feat-03')}\``);
    await shop.stack(['destroy', 'feat-03']);
    const told = async (...args: string[]) => (await shop.stack(args)).stderr;
    expect(await told('-C', '/no/where', 'ps')).toMatch(
      /^stack: -C: \/no\/where is no folder\nhint: .*before the verb/,
    );
    expect(await told('-C', 'x'.repeat(300), 'ps')).toMatch(/^stack: -C: cannot go into .*: ENAMETOOLONG$/m);
    expect(await told('-C')).toMatch(/^stack: -C needs a folder/);
    expect((await shop.stack(['__complete', '-C', shop.root, 'path', 'feat-02'], at)).stdout).toBe('feat-02');
    expect((await shop.stack(['__complete', '-C', '/tm'], at)).stdout).toBe(':folders');
    expect((await shop.stack(['__complete', '-'], at)).stdout).toMatch(/^-C\t/);
  });

  it('`code` opens it in the person’s editor, and `cd` says how a shell goes there', async () => {
    const edit = async (args: string[], env: Record<string, string>) =>
      (await shop.stack(['code', ...args], { ...inside(), env })).stdout;
    expect(await edit([], { VISUAL: 'echo edits -w' })).toBe(`edits ${shop.at('tickets/feat-01')}`);
    expect(await edit(['front'], { EDITOR: 'pwd; :' })).toBe(shop.at('tickets/feat-01/front'));
    shop.write('stack.local.yml', 'editor: echo mine\n');
    expect(await edit(['feat-02'], { VISUAL: 'echo edits' })).toBe(`mine ${shop.at('tickets/feat-02')}`);
    expect(JSON.parse(await edit(['--json'], {}))).toMatchObject({ ticket: 'feat-01', editor: 'echo mine' });
    rmSync(shop.at('stack.local.yml'));
    const failed = await shop.stack(['code', 'feat-02'], { env: { VISUAL: 'exit 3;' } });
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/ended with exit code 3\nhint: .*editor:/) });
    const hint = /shell-init.*cd .*tickets\/feat-02\/front/;
    await expectRefusal(shop, ['cd', 'feat-02', 'front'], { code: 'usage', message: /^a program cannot/, hint });
  });

  it('`--root` is about that stack from anywhere, and looks in no folder above', async () => {
    const at = { cwd: shop.folder };
    const run = await shop.stack(['--root', 'shop', 'path', 'feat-02'], at);
    expect(run).toEqual({ code: 0, stdout: shop.at('tickets/feat-02'), stderr: '' });
    expect((await shop.stack([`--root=${shop.root}`, 'ps', '-q'], inside())).stdout).toBe('feat-01\nfeat-02');
    const told = async (...args: string[]) => (await shop.stack(args)).stderr;
    expect(await told('--root', 'front', 'ps')).toMatch(/^stack: no stack.yml in .*\/front\nhint: `-C DIR` looks/);
    expect(await told('--root', 'nowhere', 'ps')).toMatch(/^stack: --root: .* is no folder\nhint: .*before the verb/);
    expect((await shop.stack(['__complete', '--root', shop.root, 'path', 'feat-02'], at)).stdout).toBe('feat-02');
  });

  it('the whole stack is listed', async () => {
    const { stdout } = await shop.stack(['ps'], inside('front/src'));
    expect(stdout).toBe((await shop.stack(['ps'])).stdout);
  });

  it('the root of the ticket wins over a stack.yml that the worktree carries', async () => {
    shop.write('tickets/feat-01/front/stack.yml', 'name: another\nrepos: {}\nservices: {}\n');
    const { stdout } = await shop.stack(['ps', '--json'], inside('front/src'));
    expect(JSON.parse(stdout)).toMatchObject({ stack: 'shop', root: shop.root });
    rmSync(shop.at('tickets/feat-01/front/stack.yml'));
  });

  it('`destroy` takes the folder it is called in, and a shell that is still there goes on', async () => {
    const worktree = shop.at('tickets/feat-02/front');
    const line = '"$0" "$1" destroy && "$0" "$1" ps && "$0" "$1" --version && "$0" "$1" doctor';
    const options = { cwd: worktree, env: shop.env, encoding: 'utf8' } as const;
    const run = spawnSync('bash', ['-c', line, process.execPath, BIN], options);
    expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(/^feat-02 is gone\nTICKET .*\nfeat-01 /) });
    expect(await shop.stack(['destroy'], inside('front/src'))).toMatchObject({ code: 0, stdout: 'feat-01 is gone' });
    expect((await shop.ps()).instances).toEqual([]);
  });
});

describe('a pointer that leads nowhere', () => {
  it('is named, with what to do', async () => {
    const shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
    const folder = shop.at('tickets/feat-01');
    const pointer = shop.read('tickets/feat-01/.stack-ticket');
    shop.write('tickets/feat-01/.stack-ticket', pointer.replace(shop.root, `${shop.root}-moved`));
    const expected = { message: /\.stack-ticket leads to .*-moved, which is gone/, hint: /was the root moved\?/ };
    await expectRefusal(shop, ['ps'], { code: 'config', ...expected }, { cwd: folder });
    shop.write('tickets/feat-01/.stack-ticket', 'nonsense');
    const damaged = { message: /\.stack-ticket is damaged/, hint: /delete it, or write/ };
    await expectRefusal(shop, ['ps'], { code: 'config', ...damaged }, { cwd: folder });
    await shop.dispose();
  });
});
