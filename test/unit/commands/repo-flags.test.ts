import { describe, expect, it } from 'vitest';
import { takeRepoFlags } from '../../../src/commands/common/repo-flags.ts';

describe('flags per repo', () => {
  it('take their value behind `=` or a space', () => {
    const taken = takeRepoFlags(['create', 'x', '--from-front=feat/ui', '--on-api', 'fix/y', '--json'], ['from', 'on']);
    expect(taken).toEqual({ from: { front: 'feat/ui' }, on: { api: 'fix/y' }, rest: ['create', 'x', '--json'] });
  });

  it('keep a value that holds `=`', () => {
    expect(takeRepoFlags(['--from-api=a=b'], ['from']).from).toEqual({ api: 'a=b' });
  });

  it('leave what stands behind `--` alone', () => {
    expect(takeRepoFlags(['x', '--', '--from-api=y'], ['from']).rest).toEqual(['x', '--', '--from-api=y']);
  });

  it('are not lost for a name that every object has', () => {
    expect(Object.entries(takeRepoFlags(['--on-__proto__=x', '--on-constructor=y'], ['on']).on)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  it('belong to verbs that have them only', () => {
    expect(takeRepoFlags(['ps', '--from-api=x'], []).rest).toEqual(['ps', '--from-api=x']);
  });

  it.each([[['--from-api']], [['--from-api=']], [['--from-api', '--json']], [['--on-api=a', '--on-api=b']]])(
    '%j is refused',
    (argv) => {
      expect(() => takeRepoFlags(argv, ['from', 'on'])).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );
});
