import { StackError } from '../domain/errors.ts';
import { OWNABLE } from '../domain/own-kinds.ts';
import { ticketOf } from '../domain/ticket.ts';
import type { InstancesView } from '../domain/view.ts';
import type { Stack } from '../orchestrator/core/stack.ts';
import { renderInstances } from './common/instance-table.ts';
import { listValues, type Verb } from './common/verb.ts';

export const add: Verb<{ from?: string; own?: string[]; migrate?: boolean }, InstancesView> = {
  name: 'add',
  summary: 'give a ticket its own copy of a repo it borrows',
  args: '[ticket] [repo]',
  flags: [
    ['--from <ref>', 'where its new branch starts; default: the repo’s base'],
    ['--own <service...>', `its own database in these shared services: ${OWNABLE.join(', ')}`],
    ['--migrate', 'run `migrate:` commands also on the database that all share'],
  ],
  examples: [
    'stack add feat-01 api',
    'stack add feat-01 api --from feat/endpoint',
    'cd tickets/feat-01 && stack add api',
  ],
  completes: { tickets: true, repos: 'borrowed' },
  async run(context, { args, options }) {
    const stack = await context.stack();
    const [first, second] = args;
    const repo = second ?? first;
    if (repo === undefined) throw new StackError('usage', 'which repo?', { hint: 'stack add TICKET REPO' });
    const ticket = second === undefined ? (await context.place()).ticket : first && ticketOf(first);
    if (ticket === undefined) throw await explainOneWord(stack, repo);
    const { addRepo } = await import('../orchestrator/lifecycle/add.ts');
    const own = { own: listValues(options.own), migrate: options.migrate === true };
    await addRepo(stack, ticket, repo, { from: options.from, ...own });
    const { observeInstances } = await import('../orchestrator/status/view.ts');
    return observeInstances(stack, [ticket]);
  },
  render: renderInstances,
  toJson: ({ instances }) => instances[0],
};

/** One word outside of a ticket's folder is a ticket or a repo: what is missing is the other. */
async function explainOneWord(stack: Stack, word: string): Promise<StackError> {
  const ticket = ticketOf(word);
  const record = (await stack.store.read()).instances[ticket];
  if (!record) return new StackError('usage', 'which ticket?', { hint: `stack add TICKET ${word}` });
  const borrowed = Object.keys(record.repos).filter((repo) => record.repos[repo]?.mode === 'shared');
  const hint = borrowed.length > 0 ? `stack add ${ticket} ${borrowed.join('|')}` : `${ticket} borrows none`;
  return new StackError('usage', 'which repo?', { hint });
}
