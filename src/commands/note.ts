import { StackError } from '../domain/errors.ts';
import { NOTE_LETTERS } from '../domain/note.ts';
import { isNoted, NOTED_STATES } from '../domain/runs/state.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const note: Verb<{ status?: string }, { ticket: string }> = {
  name: 'note',
  summary: 'say from inside a ticket what you do, or what a person should know',
  args: '[text...]',
  flags: [['--status <state>', `of an agent: ${NOTED_STATES.join(', ')}`]],
  examples: ['stack note "the login works, the tests of it do not"', 'stack note --status waiting "which table?"'],
  ofRun: true,
  completes: {},
  async run(context, { args, options: { status } }) {
    const text = args.length > 0 ? args.join(' ') : undefined;
    if (status !== undefined && !isNoted(status))
      throw new StackError('usage', `--status takes no ${JSON.stringify(status)}`, {
        hint: `it takes ${NOTED_STATES.join(', ')}`,
      });
    if (status === undefined && text === undefined)
      throw new StackError('usage', 'nothing to note', { hint: 'stack note "what a person should know"' });
    if (text !== undefined && text.length > NOTE_LETTERS)
      throw new StackError('usage', `the note has ${text.length} letters, and ${NOTE_LETTERS} is the most`, {
        hint: 'write it into a file in the ticket’s folder, and note which',
      });
    const [{ appendNote, noteInRun }, stack] = await Promise.all([
      import('../orchestrator/runs/note.ts'),
      context.stack(),
    ]);
    const folder = context.host.env.STACK_RUN_DIR;
    const said = { ...(status !== undefined && { status }), ...(text !== undefined && { text }) };
    if (folder !== undefined) return { ticket: await noteInRun(stack, folder, said) };
    const [ticket = ''] = await namedTickets(context, []);
    if (text === undefined)
      throw new StackError('usage', 'only an agent has a state', {
        hint: 'it is called by what `stack run` has started',
      });
    await appendNote(stack, ticket, text);
    return { ticket };
  },
  render: () => '',
};
