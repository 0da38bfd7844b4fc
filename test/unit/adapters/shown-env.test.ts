import { describe, expect, it } from 'vitest';
import { readVariables } from '../../../src/adapters/process/shown-env.ts';

describe('an environment as ps shows it', () => {
  const wanted = 'http://localhost:4001';

  it.each<[string, string, Record<string, string>, string[]]>([
    ['the value, last', ' A=1 API_URL=http://localhost:4001', { API_URL: wanted }, []],
    ['the value, before others', ' API_URL=http://localhost:4001 B=2', { API_URL: wanted }, []],
    ['another value', ' API_URL=http://localhost:4002 B=2', { API_URL: 'http://localhost:4002' }, []],
    [
      'a value with more behind it',
      ' API_URL=http://localhost:4001 and more B=2',
      { API_URL: `${wanted} and more` },
      [],
    ],
    ['none', ' A=1 MY_API_URL=http://localhost:4001', {}, []],
    ['an empty one', ' API_URL= B=2', { API_URL: '' }, []],
    ['two of them', ` API_URL=${wanted} SCRIPT=env API_URL=${wanted} node x`, {}, ['API_URL']],
    ['something behind it that may be its own', ` API_URL=${wanted} --to=x B=2`, {}, ['API_URL']],
    ['letters that may stand for others', ' API_URL=http://jos\\303\\251 B=2', {}, ['API_URL']],
  ])('tells %s', (_, shown, env, unseen) => {
    expect(readVariables(shown, { API_URL: wanted })).toEqual({ env, unseen });
  });

  it('tells nothing of a value that it would show in other letters', () => {
    expect(readVariables(' NAME=josé B=2', { NAME: 'josé' })).toEqual({ env: {}, unseen: ['NAME'] });
  });

  it('tells of a value that holds blanks and other variables’ names', () => {
    const value = 'one PORT=2 three';
    expect(readVariables(` NAME=${value} B=2`, { NAME: value })).toEqual({ env: { NAME: value }, unseen: [] });
  });
});
