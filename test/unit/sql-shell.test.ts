import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runSqlShell } from '../../src/commands/common/sql-shell.ts';
import { StackError } from '../../src/domain/errors.ts';

/** Runs the shell on a database that answers each text with itself. Returns the exit code and what was printed. */
async function runShell(words: readonly string[], input = '') {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const statements = {
    database: 'shop_t1',
    async run(text: string) {
      if (text.includes('broken')) throw new StackError('database', 'there is no broken');
      if (text.startsWith('DELETE')) return [{ columns: [], rows: [], done: 'DELETE 1' }];
      return [
        {
          columns: ['Id', 'text'],
          rows: [
            ['1', text],
            ['2', null],
          ],
          done: 'SELECT 2',
        },
      ];
    },
    cancel: async () => undefined,
    readSchema: async () => ({ tables: ['items'], columns: { 'items.id': 'integer' }, indexes: {} }),
  };
  const streams = { stdin, stdout, stderr } as unknown as Parameters<typeof runSqlShell>[2];
  const code = await runSqlShell(statements, words, streams);
  const read = (stream: PassThrough): string => String(stream.read() ?? '');
  return { code, stdout: read(stdout), stderr: read(stderr) };
}

describe('the small psql', () => {
  it('runs what stands behind -c, and prints as psql does when told', async () => {
    expect(await runShell(['-c', 'x'])).toMatchObject({ code: 0, stdout: 'Id  text\n1   x\n2\n(2 rows)\n' });
    expect(await runShell(['-Atc', 'x', '-c', 'DELETE'])).toMatchObject({ stdout: '1|x\n2|\n' });
    expect(await runShell(['-c', 'DELETE'])).toMatchObject({ stdout: 'DELETE 1\n' });
  });

  it('ends with 1 at what fails behind -c, and goes on after it on a pipe', async () => {
    expect(await runShell(['-c', 'broken', '-c', 'x'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'there is no broken\n',
    });
    const piped = await runShell([], 'broken\nstill;\nDELETE');
    expect(piped).toEqual({ code: 0, stdout: 'DELETE 1\n', stderr: 'there is no broken\n' });
  });

  it('reads statements of several lines, lists tables, and leaves at \\q', async () => {
    const { stdout } = await runShell(['-At'], 'one\n  two;\n\\d\n\\q\nDELETE;\n');
    expect(stdout).toBe('1|one\n  two\n2|\nitems\n  id integer\n'.replace('two', 'two;'));
  });

  it.each([
    'CREATE FUNCTION f() RETURNS trigger AS $$\nBEGIN\n  DELETE FROM sessions;\nEND $$ LANGUAGE plpgsql;',
    'CREATE FUNCTION f() BEGIN ATOMIC\n  DELETE FROM sessions;\nEND;',
    "INSERT INTO notes VALUES ('first;\nDELETE FROM sessions;\n');",
    "INSERT INTO notes VALUES (E'it\\'s;\nDELETE FROM sessions;\n');",
    '/* first;\nDELETE FROM sessions;\n*/ SELECT 1; -- done;',
  ])('runs no part of a statement by itself: %j', async (statement) => {
    expect((await runShell(['-At'], `${statement}\none;\n`)).stdout).toBe(`1|${statement}\n2|\n1|one;\n2|\n`);
  });

  it('refuses words that it does not know', async () => {
    await expect(runShell(['-f', 'x.sql'])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('-c'),
    });
  });
});
