import { StackError } from '../domain/errors.ts';
import type { Rescue } from '../domain/rescue.ts';
import { ticketOf } from '../domain/ticket.ts';
import type { InstancesView } from '../domain/view.ts';
import { askForRoom } from './common/ask-for-room.ts';
import { renderInstances } from './common/instance-table.ts';
import type { RenderOptions, Verb } from './common/verb.ts';
import {
  CREATE_FLAGS,
  CREATE_REPO_FLAGS,
  type CreateFlags,
  type Preview,
  readCreateFlags,
  renderPreview,
  toPreview,
} from './create.ts';

interface Options extends CreateFlags {
  list?: boolean;
  time?: string;
  forget?: boolean;
}

type Result = { rescues: Rescue[] } | { forgotten: Rescue } | { preview: Preview } | { made: InstancesView };

export const restore: Verb<Options, Result> = {
  name: 'restore',
  summary: 'make a ticket again from what `destroy --force` saved',
  args: '[ticket]',
  flags: [
    ['--list', 'show what is saved; touch nothing'],
    ['--time <time>', 'the one saved at that time, as --list shows it; default: the newest'],
    ['--forget', 'delete what was saved, after asking, instead of restoring it'],
    ...CREATE_FLAGS,
  ],
  repoFlags: CREATE_REPO_FLAGS,
  examples: [
    'stack restore --list',
    'stack restore feat-02',
    'stack restore feat-02 --time 20261121T0930 --no-start',
    'stack restore feat-02 --with api --own postgres',
    'stack restore feat-02 --forget',
  ],
  completes: { saved: true },
  async run(context, { args: [ticket], options, from, on }) {
    const { forgetRescue, previewRestore, requireRescue, restoreInstance } = await import(
      '../orchestrator/lifecycle/restore.ts'
    );
    const stack = await context.stack();
    if (options.list) {
      const { listRescues } = await import('../orchestrator/safety/rescues.ts');
      const all = await listRescues(stack);
      return { rescues: all.filter((one) => ticket === undefined || one.ticket === ticketOf(ticket)) };
    }
    if (ticket === undefined) {
      throw new StackError('usage', 'which ticket?', { hint: '`stack restore --list` shows what is saved' });
    }
    const which = { ticket, time: options.time };
    if (options.forget) {
      const rescue = await requireRescue(stack, which);
      await context.confirm(`Delete what was saved of ${rescue.ticket} at ${rescue.time}?`);
      await forgetRescue(stack, rescue);
      return { forgotten: rescue };
    }
    const keepRuntimes = context.options.runtime === undefined;
    const request = { ...which, ...readCreateFlags({ options, from, on }), keepRuntimes, ask: askForRoom(context) };
    if (options.dryRun) return { preview: toPreview(await previewRestore(stack, request)) };
    const made = await restoreInstance(stack, request);
    const { observeMade } = await import('../orchestrator/check/check.ts');
    return { made: await observeMade(stack, made, { wires: request.extent === 'ready' }) };
  },
  render(result, view) {
    if ('rescues' in result) return renderRescues(result.rescues, view);
    if ('forgotten' in result)
      return `what was saved of ${result.forgotten.ticket} at ${result.forgotten.time} is gone`;
    return 'made' in result ? renderInstances(result.made, view) : renderPreview(result.preview, view);
  },
  toJson(result) {
    if ('made' in result) return result.made.instances[0];
    return 'preview' in result ? result.preview : result;
  },
};

async function renderRescues(rescues: readonly Rescue[], { color, columns }: RenderOptions): Promise<string> {
  if (rescues.length === 0) return 'nothing is saved';
  const { renderTable } = await import('../ui/table.ts');
  const rows = rescues.map(({ ticket, time, halfMade, quiet, repos }) => {
    const own = Object.entries(repos).flatMap(([repo, one]) =>
      one.mode === 'dedicated' ? [`${repo} [${one.base}]`] : [],
    );
    const isSetUp = Object.values(repos).some((one) => one.mode === 'dedicated' && one.files !== undefined);
    const what = halfMade ? 'half-made' : quiet ? (isSetUp ? 'of a set-up' : 'taken back') : '';
    return [ticket, time, own.join(', '), what];
  });
  return renderTable(['Ticket', 'Saved', 'Repos', ''], rows, { color, columns });
}
