import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { StackError } from '../../domain/errors.ts';
import type { DatabaseSchema } from '../../domain/schema-diff.ts';
import type { Statements } from '../../orchestrator/lifecycle/database.ts';
import { cleanText } from '../../ui/safe-text.ts';
import { renderTable } from '../../ui/table.ts';

type SqlResult = Awaited<ReturnType<Statements['run']>>[number];
type Streams = { stdin: NodeJS.ReadStream; stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream };

/** Texts, names, bodies of functions and comments: a `;` in them ends no statement. */
const QUOTED =
  /\bE'(?:[^'\\]|\\[\s\S]|'')*'|(?<!\bE)'[^']*(?:''[^']*)*'|"[^"]*(?:""[^"]*)*"|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1|--.*|\/\*[\s\S]*?\*\//gi;
/** What begins one that has no end yet. */
const BEGUN = /['"]|\/\*|\$(?:[A-Za-z_]\w*)?\$/;
const OPEN_BODY = /\bBEGIN\s+ATOMIC\b(?![\s\S]*\bEND\s*;\s*$)/i;

/** Titles are names, which have capitals of their own. */
const NAMES = { color: false, asTheyAre: true };
const HELP = `statements end with ; and the line
\\d  tables with their columns    \\q, Ctrl-D  leave`;

/**
 * A small psql for machines without one: `-c SQL`, statements from a pipe, or at a prompt; `-A` and `-t` print as psql does. Returns
 * the exit code. Throws `usage` for other words.
 */
export async function runSqlShell(shell: Statements, words: readonly string[], host: Streams): Promise<number> {
  const { commands, ...style } = readWords(words);
  const print = (result: SqlResult): void => {
    const text = renderResult(result, style);
    if (text !== '') host.stdout.write(`${text}\n`);
  };
  const run = async (text: string): Promise<boolean> => {
    try {
      for (const result of await shell.run(text)) print(result);
      return true;
    } catch (error) {
      if (!(error instanceof StackError) || error.code !== 'database') throw error;
      host.stderr.write(`${cleanText(error.message)}\n`);
      return false;
    }
  };
  for (const text of commands) if (!(await run(text))) return 1;
  if (commands.length === 0) await converse(shell, run, host);
  return 0;
}

/** Reads statements until the end, line by line: one is whole at a `;` that ends a line. */
async function converse(
  { database, readSchema, cancel }: Statements,
  run: (text: string) => Promise<boolean>,
  { stdin, stdout }: Streams,
): Promise<void> {
  const isTty = stdin.isTTY === true && stdout.isTTY === true;
  const reader = createInterface({ input: stdin, ...(isTty && { output: stdout }), terminal: isTty });
  let begun: string[] = [];
  let isRunning = false;
  let cancelled: Promise<void> | undefined;
  const ask = (): void => {
    reader.setPrompt(`${database}${begun.length > 0 ? '->' : '=>'} `);
    if (isTty) reader.prompt();
  };
  const runBegun = async (): Promise<void> => {
    const text = begun.join('\n');
    begun = [];
    if (text.trim() === '') return;
    isRunning = true;
    await run(text);
    isRunning = false;
    // What stops one statement must not reach the next.
    await cancelled;
  };
  reader.on('SIGINT', () => {
    // As psql has it: Ctrl-C stops what runs, else drops what is typed; Ctrl-D leaves.
    if (isRunning) {
      stdout.write('^C\n');
      cancelled = cancel();
      return;
    }
    begun = [];
    reader.write(null, { ctrl: true, name: 'u' });
    stdout.write('^C\n');
    ask();
  });
  if (isTty) stdout.write('psql is not on this machine: this is a small one. \\? says what it knows.\n');
  ask();
  for await (const line of reader) {
    const word = begun.length === 0 ? /^\s*(\\\S*)/.exec(line)?.[1] : undefined;
    if (word === '\\q') break;
    if (word !== undefined) stdout.write(`${word === '\\d' ? describe(await readSchema()) : HELP}\n`);
    else begun.push(line);
    if (isWhole(begun)) await runBegun();
    ask();
  }
  reader.close();
  await runBegun();
}

/** True where lines end with the `;` of a statement. */
function isWhole(lines: readonly string[]): boolean {
  if (!lines.at(-1)?.includes(';')) return false;
  const bare = lines.join('\n').replace(QUOTED, ' ');
  return /;\s*$/.test(bare) && !BEGUN.test(bare) && !OPEN_BODY.test(bare);
}

function readWords(words: readonly string[]): { commands: string[]; plain: boolean; tuples: boolean } {
  try {
    const flag = (short: string) => ({ type: 'boolean', short }) as const;
    const { values } = parseArgs({
      args: [...words],
      options: {
        command: { type: 'string', short: 'c', multiple: true },
        'no-align': flag('A'),
        'tuples-only': flag('t'),
        'no-psqlrc': flag('X'),
        quiet: flag('q'),
      },
    });
    const { command = [], 'no-align': plain = false, 'tuples-only': tuples = false } = values;
    return { commands: command, plain, tuples };
  } catch (error) {
    throw new StackError('usage', `psql is not on this machine, and the small one knows -c, -A and -t alone`, {
      hint: 'or take another client: `stack db … url` says the address',
      cause: error,
    });
  }
}

function renderResult({ columns, rows, done }: SqlResult, style: { plain: boolean; tuples: boolean }): string {
  if (columns.length === 0) return style.tuples ? '' : done;
  const cells = rows.map((row) => row.map((cell) => cell ?? ''));
  const count = style.tuples ? [] : [`(${rows.length} row${rows.length === 1 ? '' : 's'})`];
  if (style.plain) {
    const all = style.tuples ? cells : [columns, ...cells];
    return [...all.map((row) => row.join('|')), ...count].join('\n');
  }
  const table = style.tuples ? renderTable(cells[0] ?? [], cells.slice(1), NAMES) : renderTable(columns, cells, NAMES);
  return [table, ...count].join('\n');
}

function describe({ tables, columns }: DatabaseSchema): string {
  if (tables.length === 0) return 'no tables';
  const listColumns = (table: string): string[] =>
    Object.entries(columns).flatMap(([name, definition]) =>
      name.startsWith(`${table}.`) ? [`  ${name.slice(table.length + 1)} ${definition}`] : [],
    );
  return tables
    .flatMap((table) => [table, ...listColumns(table)])
    .map(cleanText)
    .join('\n');
}
