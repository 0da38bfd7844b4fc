import { describe, expect, it } from 'vitest';
import { type Collision, describeNear, type FileChange, judgePair, mayConflict } from '../../src/domain/collision.ts';

const change = (path: string, status: FileChange['status'] = 'modified', to = path): FileChange => ({
  path,
  status,
  from: status === 'added' ? undefined : 'before',
  to: status === 'deleted' ? undefined : to,
});
const mine = (path: string, status?: FileChange['status']): FileChange => change(path, status, 'mine');
const theirs = (path: string, status?: FileChange['status']): FileChange => change(path, status, 'theirs');

function judge(
  one: FileChange[],
  other: FileChange[],
  more: { conflicts?: { path: string; kind: string }[]; between?: string[]; contracts?: RegExp[] } = {},
): Collision[] {
  const { conflicts = [], between = [], contracts = [] } = more;
  return judgePair({
    one,
    other,
    conflicts: conflicts.map((conflict) => ({ ...conflict, others: [] })),
    between: new Set(between),
    contracts: contracts.map((pattern) => (path) => pattern.test(path)),
  });
}

describe('two tickets in one repo', () => {
  it('do not collide where they change other files, or one file in the very same way', () => {
    expect(judge([mine('a')], [theirs('b')])).toEqual([]);
    expect(judge([change('a')], [change('a')])).toEqual([]);
    expect(mayConflict({ one: [mine('a')], other: [theirs('b')] })).toBe(false);
  });

  it('are told of each file once, by the gravest that is to be said of it', () => {
    const paths = ['a', 'b', 'package-lock.json', 'web/yarn.lock', 'types/x.ts'];
    const found = judge(
      [...paths.map((path) => mine(path)), mine('types/mine.ts', 'added')],
      paths.map((path) => theirs(path)),
      { conflicts: [{ path: 'a', kind: 'content' }], contracts: [/^types\//] },
    );
    expect(found.map(({ kind, paths: about }) => [kind, ...about])).toEqual([
      ['conflict', 'a'],
      ['lockfile', 'package-lock.json', 'web/yarn.lock'],
      ['contract', 'types/mine.ts', 'types/x.ts'],
      ['same-file', 'b'],
    ]);
  });

  it('have no conflict about what came with the base of one of them', () => {
    const conflicts = [{ path: 'a', kind: 'content' }];
    expect(judge([mine('a')], [theirs('b')], { conflicts, between: ['a'] })).toEqual([]);
    expect(judge([mine('a')], [theirs('a')], { conflicts, between: ['a'] })).toMatchObject([{ kind: 'conflict' }]);
  });

  it('collide over two names that are one on many disks', () => {
    expect(judge([mine('Read.md', 'added')], [theirs('READ.md', 'added')])).toMatchObject([
      { kind: 'same-file', paths: ['READ.md', 'Read.md'] },
    ]);
  });

  it.each([
    ['db/migrate/20240101_a.rb', 'db/migrate/20240102_b.rb', 'order: 20240101_a.rb before 20240102_b.rb'],
    ['app/migrations/0002_a.py', 'app/migrations/0002_b.py', 'same number: 2'],
    ['prisma/migrations/20240102_a/migration.sql', 'prisma/migrations/20240101_b/migration.sql', 'order: 20240101_b'],
    ['src/db/migration/V10__a.sql', 'src/db/migration/V9__b.sql', 'order: V9__b.sql before V10__a.sql'],
    ['alembic/versions/ab12cd34_a.py', 'alembic/versions/ef56ab78_b.py', undefined],
  ])('have an order to keep: %s and %s', (one, other, note) => {
    const [found] = judge([mine(one, 'added')], [theirs(other, 'added')]);
    expect(found).toMatchObject({ kind: 'migration', paths: [one, other].sort() });
    if (note === undefined) expect(found?.notes).toEqual({});
    else expect(found?.notes[one]).toContain(note);
  });

  it.each([
    ['a/migrations/1_a.sql', 'b/migrations/1_b.sql'],
    ['docs/migrating/1_a.md', 'docs/migrating/1_b.md'],
    ['migrations/readme.md', 'migrations/helper.js'],
  ])('have none: %s and %s', (one, other) => {
    expect(judge([mine(one, 'added')], [theirs(other, 'added')])).toEqual([]);
  });

  it('may conflict without a common file: a file and a folder of one name, and what was renamed', () => {
    expect(mayConflict({ one: [mine('a', 'added')], other: [theirs('a/b', 'added')] })).toBe(true);
    expect(mayConflict({ one: [mine('a', 'deleted'), mine('b', 'added')], other: [theirs('c')] })).toBe(true);
  });

  it.each([
    [[3, 5], [15, 15], 'near each other: lines 3-5 and line 15'],
    [[30, 30], [20, 21], 'near each other: line 30 and lines 20-21'],
    [[3, 5], [16, 16], undefined],
  ] as const)('are near each other or not: %j and %j', (one, other, expected) => {
    expect(describeNear([one], [other])).toBe(expected);
  });
});
