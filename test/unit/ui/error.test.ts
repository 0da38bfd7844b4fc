import { describe, expect, it } from 'vitest';
import { StackError } from '../../../src/domain/errors.ts';
import { renderError, renderErrorJson } from '../../../src/ui/error.ts';

const plain = { color: false };

describe('renderError', () => {
  it('says the message, then the hint, then the lines', () => {
    const error = new StackError('unhealthy', 'api ended with 1 before it was ready', {
      hint: 'see `stack logs feat-01 api`\nor run it by hand',
      lines: ['Error: \u001b[31mno database\u001b[39m', '    at server.js:3', ''],
    });
    expect(renderError(error, plain)).toBe(
      [
        'stack: api ended with 1 before it was ready',
        'hint: see `stack logs feat-01 api`',
        'hint: or run it by hand',
        '  Error: no database',
        '      at server.js:3',
        '',
      ].join('\n'),
    );
  });

  it('wraps message and hint between words at the width of the terminal', () => {
    const error = new StackError('git', 'front has no branch feat/a-long-name of its own', {
      hint: 'try again later, or now',
    });
    expect(renderError(error, { ...plain, columns: 32 })).toBe(
      [
        'stack: front has no branch',
        '       feat/a-long-name of its',
        '       own',
        'hint: try again later, or now',
      ].join('\n'),
    );
  });

  it('keeps the message on one line and harmless', () => {
    const error = new StackError('git', 'no branch \u001b[2Jx\ny\u0007');
    expect(renderError(error, plain)).toBe('stack: no branch x y?');
  });

  it('asks for a report when the error is none of ours', () => {
    expect(renderError(new TypeError('x is not a function'), plain)).toBe(
      'stack: x is not a function\nhint: this is a fault in stack: set STACK_DEBUG=1, run it again, and report what it prints',
    );
    expect(renderError('boom', plain)).toMatch(/^stack: boom\n/);
    expect(renderError(new Error(''), plain)).toMatch(/^stack: Error\n/);
  });

  it('adds the traces of the error and its causes for debugging', () => {
    const cause = new Error('inner');
    const text = renderError(new StackError('git', 'outer', { cause }), { color: false, debug: true });
    expect(text).toMatch(/^stack: outer\nStackError: outer\n {4}at /);
    expect(text).toMatch(/\ncaused by:\nError: inner\n {4}at /);
  });

  it('paints only the two leading words', () => {
    expect(renderError(new StackError('usage', 'no', { hint: 'yes' }), { color: true })).toBe(
      '\u001b[31mstack:\u001b[39m no\n\u001b[33mhint:\u001b[39m yes',
    );
  });
});

describe('renderErrorJson', () => {
  const parse = (error: unknown) => JSON.parse(renderErrorJson(error)).error;

  it('is one document with code, message, hint and details', () => {
    const error = new StackError('config', 'bad', { hint: 'fix', details: { file: 'stack.yml', line: 3 } });
    expect(renderErrorJson(error)).toBe(
      '{"error":{"code":"config","message":"bad","hint":"fix","details":{"file":"stack.yml","line":3}}}',
    );
  });

  it('has null where there is nothing to say', () => {
    expect(parse(new StackError('git', 'bad'))).toEqual({ code: 'git', message: 'bad', hint: null, details: null });
  });

  it('holds the lines a person is shown', () => {
    expect(parse(new StackError('git', 'bad', { lines: ['a'] })).details).toEqual({ lines: ['a'] });
    expect(parse(new StackError('git', 'bad', { lines: ['a'], details: { b: 1 } })).details).toEqual({
      lines: ['a'],
      b: 1,
    });
    expect(parse(new StackError('git', 'bad', { lines: ['a'], details: ['b'] })).details).toEqual(['b']);
  });

  it('calls everything unknown internal', () => {
    expect(parse(new Error('boom'))).toMatchObject({ code: 'internal', message: 'boom', details: null });
  });
});
