import path from 'node:path';
import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import type { SchemaChange } from '../domain/schema-diff.ts';
import { renderSuggestion } from '../domain/suggest.ts';
import { ticketOf } from '../domain/ticket.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

const ACTIONS = ['shell', 'url', 'reset', 'dump', 'load', 'diff'] as const;
type Action = (typeof ACTIONS)[number];

/** Those that a file is named for. */
const FILE_ACTIONS: readonly Action[] = ['dump', 'load'];

type Result =
  | { exitCode: number }
  | { ticket: string; url: string }
  | { ticket: string; changes: SchemaChange[] }
  | { ticket: string; file: string; bytes: number }
  | { ticket: string; done: string }
  | { refreshed: boolean };

export const db: Verb<{ force?: boolean }, Result> = {
  name: 'db',
  summary: 'a ticket’s database: shell, url, reset, dump FILE, load FILE, diff; refresh for the template of all',
  args: '[ticket] [action] [file]',
  command: 'strict',
  flags: [['--force', 'end the connections of others that are in the way']],
  examples: [
    'stack db feat-02 shell',
    "stack db feat-02 shell -- -c 'SELECT count(*) FROM items'",
    'stack db feat-02 diff',
    'stack db feat-02 dump before.dump && stack db feat-02 load before.dump',
    'stack db feat-02 reset',
    'stack db refresh',
  ],
  completes: { tickets: true, choices: ['refresh'], actions: ACTIONS, fileActions: FILE_ACTIONS },
  async run(context, { args, command, options }) {
    const force = options.force === true;
    if (args[0] === 'refresh' && args.length === 1) {
      const { refreshNow } = await import('../orchestrator/lifecycle/database.ts');
      return { refreshed: (await refreshNow(await context.stack(), { force })).made };
    }
    const request = await readRequest(context, args);
    if (request.action === 'shell') return { exitCode: await openShell(context, request.ticket, command) };
    return act(context, request, force);
  },
  async render(result) {
    if ('exitCode' in result) return '';
    if ('url' in result) return result.url;
    if ('file' in result) return `${result.file}: ${Math.ceil(result.bytes / 1024)} KB of ${result.ticket}`;
    if ('done' in result) return `${result.ticket}: ${result.done}`;
    if ('refreshed' in result) return 'the template has what the baseline’s database has now';
    const { renderChange } = await import('../domain/schema-diff.ts');
    if (result.changes.length === 0) return `${result.ticket}: no difference to the baseline`;
    return result.changes.map(renderChange).join('\n');
  },
  // What a shell prints is the answer.
  toJson: (result) => ('exitCode' in result ? undefined : result),
  exitCode: (result) => ('exitCode' in result ? result.exitCode : 0),
};

interface Request {
  ticket: string;
  action: Action;
  file: string | undefined;
}

/** `[TICKET] ACTION [FILE]`; a ticket may be called as an action is. Throws `usage`. */
async function readRequest(context: Context, args: readonly string[]): Promise<Request> {
  const isAction = (word: string | undefined): word is Action => ACTIONS.includes(word as Action);
  const [first, second, third] = args;
  const isNamed = isAction(second) || (second !== undefined && !isAction(first));
  const [named, action, file] = isNamed ? [first, second, third] : [undefined, first, second];
  if (!isAction(action)) throw await explainAction(context, action);
  const takesFile = FILE_ACTIONS.includes(action);
  if (takesFile !== (file !== undefined)) {
    throw new StackError('usage', takesFile ? `${action} needs a file` : `${action} takes no file`, {
      hint: `stack db TICKET ${action}${takesFile ? ' FILE' : ''}`,
    });
  }
  const [ticket = ''] = await namedTickets(context, named === undefined ? [] : [named]);
  return { ticket, action, file: file === undefined ? undefined : path.resolve(context.host.cwd, file) };
}

/** One word alone may be the ticket. */
async function explainAction(context: Context, word: string | undefined): Promise<StackError> {
  const hint = `stack db TICKET ${ACTIONS.join('|')}, or stack db refresh`;
  const { instances } = await (await context.stack()).store.read();
  if (word === undefined || Object.hasOwn(instances, ticketOf(word)))
    return new StackError('usage', 'which action?', { hint });
  const near = renderSuggestion(word, ACTIONS);
  return new StackError('usage', `\`${word}\` is not an action of db${near}`, { hint });
}

async function act(context: Context, { ticket, action, file = '' }: Request, force: boolean): Promise<Result> {
  const engine = await import('../orchestrator/lifecycle/database.ts');
  const stack = await context.stack();
  const found = await engine.findTicketDatabase(stack, ticket);
  if (action === 'url') return { ticket, url: found.url };
  if (action === 'diff' || action === 'dump') await engine.requireDatabase(found, ticket);
  if (action === 'diff') return { ticket, changes: await engine.diffDatabase(stack, ticket) };
  if (action === 'dump')
    return {
      ticket,
      file,
      bytes: await (await import('../orchestrator/data/postgres/dump.ts')).dumpDatabase(stack, found, file),
    };
  if (action === 'load') await engine.requireLoadable(stack, ticket, file);
  const what = action === 'load' ? `what ${file} holds` : 'a copy of the baseline’s';
  if (found.own) {
    // A yes to the question below, which may come by `--yes`, says nothing of what would run.
    await stack.requireTrust();
    await context.confirm(`Replace everything in ${found.database} of ${ticket} with ${what}?`);
  }
  if (action === 'load') {
    await engine.loadDatabase(stack, ticket, file, { force });
    return { ticket, done: `${file} is loaded` };
  }
  await engine.resetDatabase(stack, ticket, { force });
  return { ticket, done: 'the database is as the baseline’s' };
}

async function openShell(context: Context, ticket: string, words: readonly string[]): Promise<number> {
  const [{ findTicketDatabase, requireDatabase, withStatements }, { findShell }] = await Promise.all([
    import('../orchestrator/lifecycle/database.ts'),
    import('../orchestrator/data/postgres/dump.ts'),
  ]);
  const stack = await context.stack();
  const found = await findTicketDatabase(stack, ticket);
  await requireDatabase(found, ticket);
  const { server, database } = found;
  const { stdin, stdout, stderr } = context.host;
  const psql = await findShell(stack, server);
  if (psql) {
    const tty = stdin.isTTY === true && stdout.isTTY === true;
    return psql.run(['psql', ...words], database, { tty, stdin, stdout, stderr, signal: context.signal });
  }
  const { runSqlShell } = await import('./common/sql-shell.ts');
  return withStatements(found, (shell) => runSqlShell(shell, words, { stdin, stdout, stderr }), context.signal);
}
