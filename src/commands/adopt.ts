import path from 'node:path';
import type { InstancesView } from '../domain/view.ts';
import { askForRoom } from './common/ask-for-room.ts';
import { renderInstances } from './common/instance-table.ts';
import type { Verb } from './common/verb.ts';
import { CREATE_FLAGS, type CreateFlags, type Preview, readCreateFlags, renderPreview, toPreview } from './create.ts';

type Result = { preview: Preview } | { made: InstancesView };

export const adopt: Verb<CreateFlags & { as?: string }, Result> = {
  name: 'adopt',
  summary: 'make a ticket of worktrees that you or an agent made',
  args: '<path...>',
  flags: [['--as <ticket>', 'its name; default: that of the branch there'], ...CREATE_FLAGS],
  examples: [
    'stack adopt ../front-feat-01',
    'stack adopt front/.claude/worktrees/prices --as prices',
    'stack adopt ../wt/front ../wt/api --as feat-02 --own postgres',
    'stack adopt . --dry-run',
  ],
  completes: { folders: true },
  async run(context, { args, options, from, on }) {
    const [{ planAdoption }, { createInstance, previewCreate }, stack] = await Promise.all([
      import('../orchestrator/prepare/adopt.ts'),
      import('../orchestrator/lifecycle/create.ts'),
      context.stack(),
    ]);
    const paths = args.map((one) => path.resolve(context.host.cwd, one));
    const adoption = await planAdoption(stack, paths, options.as);
    const request = { ...readCreateFlags({ options, from, on }), ...adoption, ask: askForRoom(context) };
    if (options.dryRun) return { preview: toPreview(await previewCreate(stack, request)) };
    const ticket = await createInstance(stack, request);
    const { observeMade } = await import('../orchestrator/check/check.ts');
    return { made: await observeMade(stack, ticket, { wires: request.extent === 'ready' }) };
  },
  render: (result, view) =>
    'made' in result ? renderInstances(result.made, view) : renderPreview(result.preview, view),
  toJson: (result) => ('made' in result ? result.made.instances[0] : result.preview),
};
