import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeRepo, writeHook } from '../support/git-repos.ts';
import { canMount, MOUNTING } from '../support/mounting.ts';
import { asUser } from '../support/other-user.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop, type StackOptions } from '../support/shop.ts';
import { until } from '../support/until.ts';

const isRoot = process.getuid?.() === 0;
/** Root opens everything: it plays somebody else. */
const PERSON = 4321;

describe('what cannot be saved keeps the ticket, with --force too', () => {
  let shop: Shop;
  beforeEach(async () => {
    shop = makeShop();
    shop.write('front/.gitignore', '.env.local\ntmp\nown\n');
    shop.git('front', 'commit', '--quiet', '--all', '--message', 'Ignore');
    own();
    const run = await shop.stack(['create', 'feat-01', '--no-start', '--quiet'], asPerson());
    expect(run).toMatchObject({ code: 0 });
  });
  afterEach(() => shop.dispose());

  const front = 'tickets/feat-01/front';
  const asPerson = (): StackOptions => ({ env: { TMPDIR: shop.folder }, ...(isRoot && { through: asUser(PERSON) }) });
  const own = (): void => {
    if (isRoot) execFileSync('chown', ['-R', `${PERSON}:${PERSON}`, shop.folder]);
  };
  const refuse = async (...lines: RegExp[]): Promise<void> => {
    const hint = /move it out of the ticket/;
    for (const [args, message] of [
      [['destroy', 'feat-01'], /^destroying feat-01 would lose work$/],
      [['destroy', 'feat-01', '--force'], /^feat-01 stays: it holds what cannot be saved$/],
    ] as const) {
      const run = await expectRefusal(shop, args, { code: 'dirty', message, hint }, asPerson());
      for (const line of lines) expect(run.stderr).toMatch(line);
    }
  };
  const goes = async (): Promise<void> => {
    expect(await shop.stack(['destroy', 'feat-01'], asPerson())).toMatchObject({ code: 0, stdout: 'feat-01 is gone' });
    await until('the trash is gone', () => !existsSync(shop.at('.stack/trash')));
  };

  it('another repo in a folder that git ignores', async () => {
    shop.write(`${front}/tmp/exp/file`, 'x');
    execFileSync('git', ['init', '--quiet', shop.at(front, 'tmp/exp')], { env: shop.env });
    own();
    await refuse(/^ {4}tmp\/exp\/ is a git repo of its own; 1 file not committed there: file$/m);
    execFileSync('rm', ['-r', shop.at(front, 'tmp/exp')]);
    await goes();
  });

  it('commits in another repo, also where the create did not finish', async () => {
    makeRepo(shop.at(front, 'tmp/exp'), { files: 1 });
    const state = JSON.parse(shop.read('.stack/state.json'));
    Object.assign(state.instances['feat-01'], { phase: 'creating' });
    shop.write('.stack/state.json', JSON.stringify(state));
    own();
    await refuse(/^ {4}tmp\/exp\/ is a git repo of its own; 1 commit that no remote of it has: /m);
    execFileSync('rm', ['-r', shop.at(front, 'tmp/exp')]);
    await goes();
  });

  it('a folder that nobody may enter, and one of somebody else', async () => {
    const shut = ['own/shut', 'tmp/shut', 'new'];
    const opened = (name: string) =>
      new RegExp(`^ {4}${name}/ may not be opened and emptied: \`chmod -R u\\+rwX \\S+${name}\` opens it$`, 'm');
    for (const name of [...shut, 'tmp/theirs']) shop.write(`${front}/${name}/file`, 'x');
    own();
    if (isRoot) chownSync(shop.at(front, 'tmp/theirs'), 999, 999);
    for (const name of shut) chmodSync(shop.at(front, name), 0);
    const taken = /^ {4}tmp\/theirs\/ may .*: it belongs to uid 999; `sudo chown -R 4321 \S+theirs` makes it yours$/m;
    await refuse(...shut.map(opened), ...(isRoot ? [taken] : []));
    execFileSync('chmod', ['-R', 'u+rwX', ...shut.map((name) => shop.at(front, name))]);
    execFileSync('rm', ['-r', ...['own', 'tmp', 'new'].map((name) => shop.at(front, name))]);
    await goes();
  });

  it('a folder beside it that nobody may enter', async () => {
    shop.write('tickets/feat-01/notes/file', 'x');
    own();
    chmodSync(shop.at('tickets/feat-01/notes'), 0);
    await refuse(/^ {4}notes\/ may not be opened and emptied: `chmod -R u\+rwX \S+notes` opens it$/m);
    execFileSync('chmod', ['-R', 'u+rwX', shop.at('tickets/feat-01/notes')]);
    execFileSync('rm', ['-r', shop.at('tickets/feat-01/notes')]);
    await goes();
  });

  it('a file that nobody may read, in it or beside it', async () => {
    const shut = ['server.mjs', 'new/file', 'own/file'].map((name) => `${front}/${name}`);
    for (const name of [...shut, 'tickets/feat-01/NOTES']) {
      shop.write(name, 'mine\n');
      chmodSync(shop.at(name), 0);
    }
    own();
    const opened = (name: string) =>
      new RegExp(`^ {4}${name} may not be read, and not be saved: \`chmod u\\+r \\S+${name}\` opens it$`, 'm');
    await refuse(...['server.mjs', 'new/file', 'own/file', 'NOTES'].map(opened));
    for (const name of [...shut, 'tickets/feat-01/NOTES']) chmodSync(shop.at(name), 0o644);
    const run = await shop.stack(['destroy', 'feat-01', '--force'], asPerson());
    expect(run).toMatchObject({ code: 0 });
  });

  it('a file that nobody may read in a submodule, changed or new', async () => {
    makeRepo(shop.at('lib'), { files: 1 });
    own();
    const [program = '', ...args] = [...(asPerson().through ?? []), 'git', '-C', shop.at(front)];
    const git = (...more: string[]): unknown => execFileSync(program, [...args, ...more], { env: shop.env });
    git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', shop.at('lib'), 'lib');
    git('commit', '--quiet', '--message', 'Add lib');
    const shut = ['lib/file-1', 'lib/new', 'lib/in/new'];
    for (const name of shut) {
      shop.write(`${front}/${name}`, 'mine\n');
      chmodSync(shop.at(front, name), 0);
    }
    own();
    const opened = (name: string) =>
      new RegExp(`^ {4}${name} may not be read, and not be saved: \`chmod u\\+r \\S+${name}\` opens it$`, 'm');
    await refuse(...shut.map(opened));
    for (const name of shut) chmodSync(shop.at(front, name), 0o644);
    expect(await shop.stack(['destroy', 'feat-01', '--force'], asPerson())).toMatchObject({ code: 0 });
  });

  it.each(['tickets/feat-01/front', 'tickets/feat-01'])('%s where its mode lets nobody move it', async (name) => {
    shop.write(`${front}/mine.txt`, 'mine\n');
    own();
    chmodSync(shop.at(name), 0o555);
    const place = shop.at(name);
    await refuse(new RegExp(`^ {4}${place} has mode 0555, with which .*: \`chmod u\\+wx ${place}\` allows that$`, 'm'));
    expect(shop.state()?.instances).toMatchObject({ 'feat-01': { phase: 'ready' } });
    chmodSync(place, 0o755);
    expect(await shop.stack(['destroy', 'feat-01', '--force'], asPerson())).toMatchObject({ code: 0 });
  });

  it.runIf(canMount)('what is mounted in it or beside it, whose content is somewhere else', async () => {
    for (const name of ['precious/gold', `${front}/tmp/x`, 'tickets/feat-01/node_modules/x']) shop.write(name, 'x');
    own();
    const places = [`${front}/tmp`, 'tickets/feat-01/node_modules'].map((name) => shop.at(name));
    const mounts = places.map((place) => `mount --bind ${shop.at('precious')} ${place}`).join(' && ');
    const through = [...MOUNTING, 'sh', '-c', `${mounts} && exec "$@"`, 'sh', ...(asPerson().through ?? [])];
    for (const force of [[], ['--force']]) {
      const run = await shop.stack(['destroy', 'feat-01', ...force], { ...asPerson(), through });
      expect(run).toMatchObject({ code: 4 });
      const [inside, beside] = places.map((place) => `is mounted from elsewhere: \`umount ${place}\` takes it out`);
      expect(run.stderr).toContain(`    tmp/ ${inside}\n`);
      expect(run.stderr).toContain(`    node_modules beside the worktrees ${beside}`);
    }
    await goes();
    expect(shop.read('precious/gold')).toBe('x');
  });

  it.runIf(isRoot)('names what could not be deleted', async () => {
    mkdirSync(shop.at('.stack/trash/front-0123abcd/theirs/file'), { recursive: true });
    chownSync(shop.at('.stack/trash'), PERSON, PERSON);
    const left = shop.at('.stack/trash/front-0123abcd.0');
    await shop.stack(['ps'], asPerson());
    await until('it is given up', () => existsSync(left));
    const run = await shop.stack(['ps'], asPerson());
    expect(run).toMatchObject({ code: 0, stderr: `! ${left} could not be deleted: \`sudo rm -rf ${left}\` does` });
  });
});

describe.runIf(canMount)('what is mounted is not emptied', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
    shop.write('front/.gitignore', '.env.local\ntmp\n');
    shop.git('front', 'commit', '--quiet', '--all', '--message', 'Ignore');
  });
  afterEach(() => shop.dispose());

  const front = 'tickets/feat-01/front';

  it('in a ticket after the first look, or in what is about to be deleted', async () => {
    expect(await shop.stack(['create', 'feat-01', '--no-start', '--quiet'])).toMatchObject({ code: 0 });
    shop.write('precious/gold', 'x');
    shop.write(`${front}/tmp/x`, 'x');
    shop.commit(front, 'done.txt', 'done\n');
    shop.write(`${front}/done.txt`, 'otherwise\n');
    shop.git(front, 'commit', '--quiet', '--all', '--amend', '--no-edit');
    shop.git('front', 'merge', '--quiet', 'feat-01');
    const mount = `mount --bind '${shop.at('precious')}' '${shop.at(front, 'tmp')}'`;
    const isSaved = 'test "$1" = committed && grep -q refs/stack/record';
    writeHook(shop.at('front'), 'reference-transaction', `${isSaved} && ${mount}; exit 0`);
    const run = await shop.stack(['destroy', 'feat-01'], { through: MOUNTING });
    expect(run).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`tmp in ${shop.at(front)} is mounted from elsewhere`),
    });
    const left = shop.at('.stack/trash/front-0123abcd');
    mkdirSync(`${left}/tmp`, { recursive: true });
    const script = `mount --bind '${shop.at('precious')}' '${left}/tmp' && exec "$@"`;
    const later = await shop.stack(['ps'], { through: [...MOUNTING, 'sh', '-c', script, 'sh'] });
    expect(later).toMatchObject({ code: 0, stderr: expect.stringContaining(`\`umount ${left}/tmp\` takes it out`) });
    expect(existsSync(left)).toBe(true);
    expect(shop.read('precious/gold')).toBe('x');
  });
});
