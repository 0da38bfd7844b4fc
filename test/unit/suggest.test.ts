import { expect, test } from 'vitest';
import { renderSuggestion, suggest } from '../../src/domain/suggest.ts';

test.each([
  ['fornt', ['api', 'front'], ['front']],
  ['Port', ['ports', 'repo', 'env'], ['ports']],
  ['main', ['maine', 'main2', 'master', 'man', 'x'], ['maine', 'main2', 'man']],
  ['ui', ['feat/ui', 'feat/api'], ['feat/ui']],
  ['apii', ['api'], ['api']],
  ['db', ['api', 'up'], []],
  ['postgres.uri', ['postgres.url', 'postgres.user', 'redis.url'], ['postgres.url', 'postgres.user']],
  ['', ['a'], []],
])('%j among %j: %j', (word, known, expected) => {
  expect(suggest(word, known)).toEqual(expected);
});

test('the end of a headline names the nearest only', () => {
  expect(renderSuggestion('apy', ['front', 'api'])).toBe('; did you mean `api`?');
  expect(renderSuggestion('zebra', ['front', 'api'])).toBe('');
});
