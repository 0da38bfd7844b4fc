import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import type { DestroyPlan } from '../orchestrator/lifecycle/destroy.ts';
import type { DestroyedTicket } from '../orchestrator/lifecycle/remove.ts';
import type { TicketRisk } from '../orchestrator/safety/risks.ts';
import { numberSteps } from '../ui/wrap.ts';
import { namedTickets } from './common/tickets.ts';
import type { RenderOptions, Verb } from './common/verb.ts';

interface Options {
  force?: boolean;
  keepBranch?: boolean;
  merged?: boolean;
  dryRun?: boolean;
  dump: boolean;
}

/** `left`: what `--merged` left because of these; `risks`: what stands in the way of what was only planned. */
type Result = { destroyed: DestroyedTicket[]; left?: TicketRisk[] } | { planned: DestroyPlan[]; risks: TicketRisk[] };

export const destroy: Verb<Options, Result> = {
  name: 'destroy',
  aliases: ['rm', 'remove'],
  summary: 'remove a ticket and everything that was made for it',
  args: '[tickets...]',
  flags: [
    ['--force', 'also where work would be lost; saves it first, for `stack restore`'],
    ['--keep-branch', 'keep the branches'],
    ['--no-dump', 'drop its own database without saving it for `stack restore` first'],
    ['--merged', 'every ticket whose branches are all merged and that has nothing to lose'],
    ['--dry-run', 'say what would go, and what stands in the way; touch nothing'],
  ],
  examples: [
    'stack destroy feat-02',
    'stack destroy feat-01 feat-02 --keep-branch',
    'stack destroy feat-03 --force',
    'stack destroy --merged --dry-run',
  ],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { destroyTickets, previewDestroy } = await import('../orchestrator/lifecycle/destroy.ts');
    const stack = await context.stack();
    const { force = false, keepBranch = false, merged = false } = options;
    const how = { force, keepBranch, noDump: !options.dump, abandon: force, leaves: merged };
    const wanted = await chooseTickets(context, args, options);
    if (options.dryRun) return previewDestroy(stack, wanted, how);
    const { destroyed, left } = await destroyTickets(stack, wanted, how, context.confirm);
    return { destroyed, ...(merged && { left }) };
  },
  async render(result, view) {
    const { listRisks } = await import('../orchestrator/safety/risks.ts');
    if ('destroyed' in result) return renderDestroyed(result.destroyed, result.left && listRisks(result.left));
    const risks = listRisks(result.risks).map((line) => `  ${line}`);
    const needs = risks.length > 0 ? ['it needs --force, because of this:', ...risks] : [];
    return [renderPlanned(result.planned, view), ...needs].join('\n');
  },
};

async function chooseTickets(context: Context, args: readonly string[], options: Options): Promise<string[]> {
  if (!options.merged) return namedTickets(context, args);
  const clash = args.length > 0 ? 'names of tickets' : options.force ? '--force' : undefined;
  if (clash !== undefined) {
    throw new StackError('usage', `--merged does not go with ${clash}`, {
      hint: 'it takes every ticket that is merged and has nothing to lose',
    });
  }
  const { listMergedTickets } = await import('../orchestrator/review/merged.ts');
  return listMergedTickets(await context.stack());
}

function renderDestroyed(destroyed: readonly DestroyedTicket[], left: readonly string[] = []): string {
  const gone = destroyed.flatMap((one) => {
    const saved = renderSaved(one);
    const back = saved.length > 0 ? [`  \`stack restore ${one.ticket}\` makes it again as it was`] : [];
    return [`${one.ticket} is gone`, ...saved, ...back];
  });
  if (left.length > 0)
    return [...gone, 'merged, and left because of this:', ...left.map((line) => `  ${line}`)].join('\n');
  return gone.length > 0 ? gone.join('\n') : 'no ticket is merged';
}

/** Returns a line for each thing that was saved of a ticket; [] where nothing was. */
export function renderSaved({ ticket, rescued, beside, quiet, data }: DestroyedTicket): string[] {
  return [
    ...rescued.map(({ repo, ref }) => `  its work in ${repo} is saved: git branch ${ticket}-rescued ${ref}`),
    ...(beside ? [`  its files beside the worktrees are saved: ${beside.slice(0, 4).join(', ')}`] : []),
    ...listDumps(data).map((dump) => `  its database is saved: .stack/dumps/${dump}`),
    ...(quiet?.some(({ files }) => !files)
      ? ['  commits that were amended, rebased away or taken back are kept for 30 days']
      : []),
    ...(quiet ?? []).flatMap(({ repo, ref, files }) =>
      files ? [`  what was written in ${repo} while its set-up ran is kept for 30 days: git show ${ref}`] : [],
    ),
  ];
}

/** Returns the files that its databases are saved in. */
function listDumps(data: DestroyedTicket['data'] = {}): string[] {
  return Object.values(data).flatMap(({ database, dump }) => (database !== undefined && dump ? [dump] : []));
}

/** Returns what would go, in order. */
export function renderPlanned(planned: readonly DestroyPlan[], { columns }: Pick<RenderOptions, 'columns'>): string {
  if (planned.length === 0) return 'no ticket is merged';
  const lines = planned.flatMap(({ ticket, steps }) => {
    return [
      `${ticket} would be removed:`,
      ...numberSteps(
        steps.map(({ subject, title }) => [subject, title]),
        columns,
      ),
    ];
  });
  return lines.join('\n');
}
