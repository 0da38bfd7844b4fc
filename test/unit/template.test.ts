import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/domain/config/text.ts';
import { StackError } from '../../src/domain/errors.ts';
import { escapeTemplate, fillTemplate, listKnownNames, listNames, renderNames } from '../../src/domain/template.ts';
import { layValues } from '../../src/domain/values.ts';
import { SHOP } from './stack-file.ts';

const fill = (text: string, names: Record<string, string> = {}) => fillTemplate(text, (name) => names[name]);

describe('a template', () => {
  test('is filled in, each place by its name', () => {
    expect(fill('http://${host}:${port.http}/$1 $x {y}', { host: 'h', 'port.http': '80' })).toBe(
      'http://h:80/$1 $x {y}',
    );
  });

  test('`$${` is the text `${`', () => {
    expect(fill('$${HOME} $$${x} ${a}', { a: '1' })).toBe('${HOME} $${x} 1');
  });

  test('values are not filled in again', () => {
    expect(fill('${a}${b}', { a: '$', b: '{a}' })).toBe('${a}');
  });

  test('an unknown name is an error, never an empty text', () => {
    expect(() => fill('${x}')).toThrow(StackError);
    expect(() => fill('${x}')).toThrow('`${x}` has no value here');
  });

  test('names are listed once each, in order', () => {
    expect(listNames('${b} ${a} $${c} ${b} ${open')).toEqual(['b', 'a']);
  });

  test('any text can be escaped to stand beside anything', () => {
    for (const text of ['$', '${', '${a}', '$$', 'a$', '{a}', '$${a}', '']) {
      for (const [before, after] of [
        ['', ''],
        ['$$${a}', '{a}'],
        ['${a}', '${a}'],
        ['x', '$${a}'],
      ]) {
        const expected = fill(before!, { a: '1' }) + text + fill(after!, { a: '1' });
        expect(fill(before + escapeTemplate(text) + after, { a: '1' })).toBe(expected);
        expect(listNames(escapeTemplate(text))).toEqual([]);
      }
    }
  });
});

describe('the known names of a service', () => {
  const config = parseConfig({
    files: [{ path: 'stack.yml', text: `${SHOP}  worker: { repo: api, command: work }\n` }],
    values: layValues(),
  });

  test('are its ports, the shared services, the services that have ports, and the ticket’s own facts', () => {
    expect(renderNames(listKnownNames(config, 'front'))).toBe(
      'ticket, branch, stack, root, worktree, bind, port.http, ' +
        'postgres.{url,host,port,user,password,database,internal_url}, ' +
        'redis.{url,host,port,user,password,database,internal_url,db,prefix}, ' +
        '{api,front}.{url,host,port,internal_url,internal_host,internal_port,port.http}, ' +
        'tickets.{api.urls,front.urls}',
    );
  });

  test('hold no port for a service that has none', () => {
    expect(listKnownNames(config, 'worker').filter((name) => name.startsWith('port.'))).toEqual([]);
  });
});
