import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** Adds what it was told of to a file, and does then what a test asks for. */
const TELL = `printf '%s|%s|%s\\n%s\\n' "$STACK_EVENT" "$STACK_TICKETS" "$STACK_ROOT" "$STACK_TEXT" >>told; . ./then`;

describe('a person who wants to be told that tickets collide', () => {
  let shop: Shop;
  const read = (file: string): string[] =>
    existsSync(shop.at(file)) ? readFileSync(shop.at(file), 'utf8').trim().split('\n') : [];
  const told = (): string[] => read('told').filter((line) => !line.startsWith('collision|'));
  const notes = (ticket: string): string[] => read(`tickets/${ticket}/NOTES.md`);
  const work = (ticket: string, line: string): void => {
    shop.write(`tickets/${ticket}/front/text`, `1\n2\n3\n4\n5\n6\n${line}\n`);
  };
  const commit = (ticket: string) => shop.stack(['commit', ticket, '-a', '-m', 'Work']);

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => `notify: ${JSON.stringify(TELL)}\n${text}`);
    shop.write('then', '');
    shop.commit('front', 'text', '1\n2\n3\n4\n5\n6\n7\n');
    for (const ticket of ['one', 'two', 'three'])
      expect(await shop.stack(['create', ticket, '--no-start'])).toMatchObject({ code: 0 });
  });
  afterAll(() => shop.dispose());

  it('is told when a commit makes one of them, with the agents of both, and not again while it goes on', async () => {
    shop.write('then', '[ ! -L .stack/told-collisions.lock ] || echo others wait >>told');
    work('one', 'one');
    expect(await commit('one')).toMatchObject({ code: 0 });
    expect([told(), notes('one')]).toEqual([[], []]);
    work('two', 'two');
    expect(await commit('two')).toMatchObject({ code: 0, stderr: expect.not.stringContaining('conflicts') });
    const text = 'one conflicts with two: front/text; `stack conflicts` tells how';
    expect(read('told')).toEqual([`collision|one two|${shop.root}`, text]);
    expect(notes('one')).toEqual([expect.stringMatching(/^- \S+Z one conflicts with two: front\/text; /)]);
    expect(notes('two')).toEqual([expect.stringMatching(/^- \S+Z two conflicts with one: front\/text; /)]);
    work('two', 'two again');
    expect(await commit('two')).toMatchObject({ code: 0 });
    expect([told().length, notes('one').length, notes('two').length]).toEqual([1, 1, 1]);
  });

  it('is told by a watch of what begins while it looks, when that begins again too, and of nothing that goes on', async () => {
    rmSync(shop.at('told'));
    const running = shop.start(['conflicts', '--watch', '--json']);
    shop.write('tickets/three/front/text', '0\n1\n2\n3\n4\n5\n6\n7\n');
    await until('it has begun to touch', () => told().length === 2, 60);
    expect(told()).toEqual([
      expect.stringMatching(/^one touches what three does: front\/text; /),
      expect.stringMatching(/^two touches what three does: front\/text; /),
    ]);
    work('three', 'three');
    await until('it has come to a conflict', () => told().length === 4, 60);
    shop.git('tickets/three/front', 'checkout', 'text');
    const known = shop.at('.stack/told-collisions.json');
    await until('it has ended', () => !readFileSync(known, 'utf8').includes('three'), 60);
    work('three', 'three');
    await until('it has begun again', () => told().length === 6, 60);
    running.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(notes('three')).toHaveLength(6);
    expect(notes('one')).toHaveLength(4);
  });

  it('is told once by many who look at once, and not again where the telling was cut off', async () => {
    const known = shop.at('.stack/told-collisions.json');
    const before = notes('two').length;
    rmSync(known);
    rmSync(shop.at('told'));
    shop.write('then', 'read never <fifo');
    execFileSync('mkfifo', [shop.at('fifo')]);
    const runs = [1, 2, 3].map(() => shop.start(['conflicts', '--watch', '--json']));
    await until('it is being told', () => told().length > 0, 60);
    const [lines, noted] = [told(), notes('two').length];
    for (const run of runs) run.kill('SIGINT');
    await Promise.all(runs.map(({ ended }) => ended));
    shop.write('then', '');
    work('two', 'two as before');
    expect(await commit('two')).toMatchObject({ code: 0 });
    expect([told(), notes('two').length]).toEqual([lines, noted]);
    expect(noted).toBe(before + 2);
  });

  it('goes on to watch where what was told cannot be written down', async () => {
    const known = shop.at('.stack/told-collisions.json');
    rmSync(known);
    shop.write('.stack/told-collisions.json/in-the-way', '');
    const through = ['sh', '-c', 'exec "$@" 2>said', 'sh'];
    const running = shop.start(['conflicts', '--watch', '--json'], { through });
    const shows = (): boolean => existsSync(known) && !statSync(known).isDirectory();
    await until('it has looked', () => read('said').join('\n').includes('nobody was told of collisions: '), 60);
    rmSync(known, { recursive: true });
    await until('it is told', shows, 60);
    running.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
  });

  it('is told by a create and by a sync too, which say so themselves', async () => {
    rmSync(shop.at('told'));
    shop.git('front', 'branch', '-q', 'review', 'one');
    const made = await shop.stack(['create', 'four', '--no-start', '--on-front=review']);
    expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/four conflicts with two: front\/text/) });
    expect(told()).toEqual([
      expect.stringMatching(/^two conflicts with four: /),
      expect.stringMatching(/^three conflicts with four: /),
    ]);
    rmSync(shop.at('.stack/told-collisions.json'));
    rmSync(shop.at('told'));
    shop.commit('front', 'other', 'news');
    const synced = await shop.stack(['sync', 'one']);
    expect(synced).toMatchObject({ code: 0, stderr: expect.stringMatching(/one conflicts with two: front\/text/) });
    expect(told()).toEqual([
      expect.stringMatching(/^one conflicts with two: /),
      expect.stringMatching(/^one conflicts with three: /),
    ]);
  });

  it('is not told again of what could not be looked at for a while, which a create says', async () => {
    const id = shop.git('front', 'rev-parse', `${shop.git('front', 'merge-base', 'one', 'two')}:text`);
    const object = shop.at('front/.git/objects', id.slice(0, 2), id.slice(2));
    for (const ticket of ['one', 'two']) {
      work(ticket, `${ticket} as well`);
      shop.write(`tickets/${ticket}/front/package-lock.json`, `"${ticket}"\n`);
      shop.git(`tickets/${ticket}/front`, 'add', 'package-lock.json');
      await commit(ticket);
    }
    const known = (): object => JSON.parse(shop.read('.stack/told-collisions.json'));
    const look = async (): Promise<void> => {
      rmSync(shop.at('.stack/collisions.json'));
      shop.write('tickets/two/front/note', String(Math.random()));
      shop.git('tickets/two/front', 'add', 'note');
      expect(await commit('two')).toMatchObject({ code: 0 });
    };
    await look();
    const before = known();
    expect(before).toMatchObject({ 'one two': 'conflict' });
    rmSync(shop.at('told'), { force: true });
    renameSync(object, `${object}.away`);
    shop.git('front', 'branch', '-q', 'blind', 'one');
    const made = await shop.stack(['create', 'five', '--no-start', '--on-front=blind']);
    expect(made.stderr).toMatch(/not compared: two and five: front: git cannot merge them: /);
    expect(made.stderr).not.toMatch(/one and two/);
    await look();
    expect(await shop.stack(['destroy', 'five', '--yes'])).toMatchObject({ code: 0 });
    renameSync(`${object}.away`, object);
    await look();
    expect(known()).toEqual(before);
    expect(told().filter((line) => line.startsWith('one '))).toEqual([]);
  });

  it('hears of a command that fails, and whatever it said; the work is done all the same', async () => {
    rmSync(shop.at('.stack/told-collisions.json'));
    shop.write('then', 'echo no way to tell >&2; exit 3');
    work('two', 'two once more');
    const run = await commit('two');
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('committed in 1 repo') });
    expect(run.stderr).toContain('nobody was told by `notify:`: exit code 3: no way to tell');
  });

  it('has nothing run that came with git, before somebody has looked', async () => {
    rmSync(shop.at('.stack/told-collisions.json'));
    rmSync(shop.at('told'));
    shop.git('.', 'init', '--quiet');
    shop.git('.', 'add', '--force', 'stack.yml');
    work('two', 'two at last');
    const run = await commit('two');
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toMatch(/nobody was told by `notify:`: stack\.yml came with git/);
    expect(told()).toEqual([]);
  });
});
