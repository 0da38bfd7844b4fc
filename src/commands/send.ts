import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import { suggest } from '../domain/suggest.ts';
import { ticketOf } from '../domain/ticket.ts';
import { RUN_FLAG } from './common/start-run.ts';
import type { Verb } from './common/verb.ts';

export const send: Verb<{ run?: string }, { ticket: string; run: string; name: string }> = {
  name: 'send',
  summary: 'type a text into an agent’s terminal, with Enter behind it',
  args: '[ticket] [text...]',
  flags: [RUN_FLAG],
  examples: [
    'stack send feat-02 "use the other table"',
    'cd tickets/feat-02 && stack send "go on"',
    'stack send feat-02 --run reviewer "go on"',
  ],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { ticket, text } = await readText(context, args);
    const [{ pickRun }, { sendToRun }, stack] = await Promise.all([
      import('../orchestrator/runs/pick.ts'),
      import('../orchestrator/runs/talk.ts'),
      context.stack(),
    ]);
    const live = await pickRun(stack, ticket, options.run);
    await sendToRun(stack, live, text);
    const { run } = live;
    return { ticket: run.ticket, run: run.id, name: run.name };
  },
  render: ({ ticket, run, name }) => `sent to ${name} in ${ticket} (run ${run})`,
};

/** Inside a ticket it need not be named. A first word that is nearly the name of one was meant for it. Throws `usage`, `not-found`. */
async function readText(context: Context, args: readonly string[]): Promise<{ ticket: string; text: string }> {
  const { instances } = await (await context.stack()).store.read();
  const [first = '', ...rest] = args;
  const here = (await context.place()).ticket;
  const named = ticketOf(first);
  const isHere =
    here !== undefined && !Object.hasOwn(instances, named) && suggest(named, Object.keys(instances)).length === 0;
  const words = isHere ? args : rest;
  const text = words.join(' ');
  if (first !== '' && text.trim() !== '') return { ticket: isHere ? here : named, text };
  throw new StackError('usage', here === undefined ? 'a ticket and a text are needed' : 'a text is needed', {
    hint: here === undefined ? 'stack send feat-02 "go on"' : 'stack send "go on"',
  });
}
