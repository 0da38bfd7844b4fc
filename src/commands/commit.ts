import type { Context } from '../context.ts';
import { addHint, StackError } from '../domain/errors.ts';
import type { CommittedRepo, TicketCommit } from '../orchestrator/change/commit.ts';
import { exitCodeOf } from '../orchestrator/change/result.ts';
import { type Block, countOf, describeRefusal, listWith, renderChange } from './common/change-blocks.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  message?: string[];
  all?: boolean;
}

export const commit: Verb<Options, TicketCommit> = {
  name: 'commit',
  summary: 'commit what is staged in all repos of a ticket with one message, or in none; hooks run',
  args: '[ticket]',
  flags: [
    ['-m, --message <text...>', 'the message; again for one more paragraph; without it your editor opens'],
    ['-a, --all', 'take all changed files that git knows too; new ones are left out until `git add`'],
  ],
  examples: [
    'stack commit feat-02 -m "Show prices with tax"',
    'stack commit feat-02 -a -m "Show prices with tax"',
    'cd tickets/feat-02 && stack commit -a',
  ],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { commitTicket } = await import('../orchestrator/change/commit.ts');
    const [stack, [ticket = '']] = await Promise.all([context.stack(), namedTickets(context, args)]);
    const message = options.message?.join('\n\n').trim();
    if (message === '') throw new StackError('usage', 'the message is empty', { hint: 'say what the commit does' });
    const wanted = { ticket, message, all: options.all === true };
    return commitTicket(stack, wanted, (text) => edit(context, text));
  },
  render(result, view) {
    const { repos, message = '', messageFile } = result;
    const done = listWith(repos, 'committed');
    const bad = listWith(repos, 'refused', 'failed');
    const [subject = ''] = message.split('\n');
    const undone = listWith(repos, 'undone').length > 0 ? '; what was committed elsewhere is taken back' : '';
    const kept = messageFile === undefined ? '' : `; your message is kept in ${messageFile}`;
    const verdict =
      bad.length === 0
        ? `committed in ${countOf(done.length, 'repo')}: ${subject}`
        : `nothing is committed, because of ${bad.join(', ')}${undone}${kept}`;
    return renderChange(result, describe, verdict, view);
  },
  exitCode: exitCodeOf,
};

function describe(repo: CommittedRepo): Block {
  const { result, branch, to = '', files = 0, untracked = 0, changedByHooks = [], reason } = repo;
  const left = untracked > 0 ? [`left out: ${countOf(untracked, 'path')} that git does not know`] : [];
  if (result === 'unchanged') return { line: 'nothing to commit', more: left };
  if (result === 'waiting') return { line: 'not begun', more: [] };
  if (result === 'undone') return { line: `taken back: ${branch} and what is staged are as before`, more: [] };
  if (result !== 'committed') return describeRefusal(repo);
  const more = [
    ...(reason === undefined ? [] : [reason]),
    ...(changedByHooks.length > 0 ? [`a hook changed ${changedByHooks.join(', ')}`] : []),
    ...left,
  ];
  return { line: `${to.slice(0, 7)} on ${branch}, ${countOf(files, 'file')}`, more };
}

/** Throws `usage` where no editor can be shown. */
async function edit(context: Context, text: string): Promise<string> {
  const { stdin, stdout, env } = context.host;
  if (!stdin.isTTY || !stdout.isTTY || context.options.json) {
    throw new StackError('usage', 'a commit needs a message', { hint: 'stack commit -m "what it does"' });
  }
  const [{ editFile, findGitEditor }, { mkdtemp, readFile, rm, writeFile }, { tmpdir }, path] = await Promise.all([
    import('../adapters/editor.ts'),
    import('node:fs/promises'),
    import('node:os'),
    import('node:path'),
  ]);
  const folder = await mkdtemp(path.join(tmpdir(), 'stack-commit-'));
  const file = path.join(folder, 'COMMIT_EDITMSG');
  await writeFile(file, text);
  try {
    await editFile(await findGitEditor(env), file, env);
  } catch (error) {
    if ((await readFile(file, 'utf8')) !== text) throw addHint(error, `what you wrote is kept in ${file}`);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const written = await readFile(file, 'utf8');
  await rm(folder, { recursive: true, force: true });
  return written;
}
