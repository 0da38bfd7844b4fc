import type { InstancesView } from '../domain/view.ts';
import type { RecreatePlan } from '../orchestrator/change/recreate.ts';
import type { DestroyedTicket } from '../orchestrator/lifecycle/remove.ts';
import { askForRoom } from './common/ask-for-room.ts';
import { renderInstances } from './common/instance-table.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';
import { CREATE_FLAGS, CREATE_REPO_FLAGS, type CreateFlags, readCreateFlags } from './create.ts';
import { renderPlanned, renderSaved } from './destroy.ts';

type Result = { preview: RecreatePlan } | { made: InstancesView; was: DestroyedTicket };

export const recreate: Verb<CreateFlags, Result> = {
  name: 'recreate',
  summary: 'make a ticket again from the tips of its bases; saves what was there',
  args: '[ticket]',
  flags: CREATE_FLAGS,
  repoFlags: CREATE_REPO_FLAGS,
  examples: [
    'stack recreate feat-02',
    'stack recreate feat-02 --from-api=feat/other',
    'stack recreate feat-02 --dry-run',
    'cd tickets/feat-02 && stack recreate --own postgres',
  ],
  completes: { tickets: true },
  async run(context, { args, options, from, on }) {
    const { previewRecreate, recreateInstance } = await import('../orchestrator/change/recreate.ts');
    const stack = await context.stack();
    const [ticket = ''] = await namedTickets(context, args);
    const keepRuntimes = context.options.runtime === undefined;
    const request = { ticket, ...readCreateFlags({ options, from, on }), keepRuntimes, ask: askForRoom(context) };
    if (options.dryRun) return { preview: await previewRecreate(stack, request) };
    const was = await recreateInstance(stack, request, context.confirm);
    const { observeMade } = await import('../orchestrator/check/check.ts');
    return { was, made: await observeMade(stack, was.ticket, { wires: request.extent === 'ready' }) };
  },
  async render(result, view) {
    if ('made' in result) {
      const saved = renderSaved(result.was);
      const back = '  it comes back once this ticket is gone: `stack restore --list`';
      const told = saved.length > 0 ? ['', `what was there of ${result.was.ticket}:`, ...saved, back] : [];
      return [await renderInstances(result.made, view), ...told].join('\n');
    }
    const { listRisks } = await import('../orchestrator/safety/risks.ts');
    const { planned, risks, create } = result.preview;
    const saved =
      risks.length > 0 ? ['this would be saved first:', ...listRisks(risks).map((line) => `  ${line}`)] : [];
    return [renderPlanned(planned, view), ...saved, `and made again, as by: ${create}`].join('\n');
  },
  toJson(result) {
    if ('preview' in result) return result.preview;
    const { ticket: _, ...saved } = result.was;
    return { ...result.made.instances[0], saved };
  },
};
