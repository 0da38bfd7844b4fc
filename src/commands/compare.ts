import { EXIT_CODES, StackError } from '../domain/errors.ts';
import { ticketOf } from '../domain/ticket.ts';
import type { Compared } from '../orchestrator/plans/compare.ts';
import { formatDuration } from '../ui/duration.ts';
import { createStyle } from '../ui/style.ts';
import { type Cell, renderTable } from '../ui/table.ts';
import type { RenderOptions, Verb } from './common/verb.ts';

interface Options {
  verify?: string;
  measure?: string;
  keep?: string;
  force?: boolean;
}

interface Result {
  tickets: Compared[];
  kept: string | null;
  destroyed: string[];
}

export const compare: Verb<Options, Result> = {
  name: 'compare',
  summary: 'compare tickets that were given the same task: size, verification, figures, cost',
  args: '[tickets...]',
  flags: [
    ['--verify <command>', 'a shell line that is run on the commits of each; default: `verify:` of stack.yml'],
    ['--measure <command>', 'a shell line that prints figures in the folder of each: `bundle: 120 kB`'],
    ['--keep <ticket>', 'destroy the others, as `stack destroy` does'],
    ['--force', 'with --keep: save what would be lost first, for `stack restore`'],
  ],
  examples: [
    'stack compare feat-01 feat-02',
    'stack compare feat-01 feat-02 --measure "du -sk front/dist | sed s/^/size:/"',
    'stack compare feat-01 feat-02 feat-03 --keep feat-02 --force',
  ],
  completes: { tickets: true, several: true },
  async run(context, { args, options }) {
    const tickets = [...new Set(args.map((arg) => ticketOf(arg)))];
    const kept = options.keep === undefined ? undefined : tickets.find((one) => one === ticketOf(options.keep ?? ''));
    if (options.keep !== undefined && kept === undefined)
      throw new StackError('usage', `--keep ${options.keep} is none of those compared`, {
        hint: 'name it among the tickets as well',
      });
    if (options.force && kept === undefined)
      throw new StackError('usage', '--force says how others go, and --keep is missing', {
        hint: 'stack compare feat-01 feat-02 --keep feat-02 --force',
      });
    const { compareTickets } = await import('../orchestrator/plans/compare.ts');
    const stack = await context.stack();
    const verify = options.verify ?? (await stack.config()).verify;
    const compared = await compareTickets(stack, tickets, { verify, measure: options.measure });
    const others = kept === undefined ? [] : tickets.filter((one) => one !== kept);
    if (others.length > 0) {
      const { destroyTickets } = await import('../orchestrator/lifecycle/destroy.ts');
      await destroyTickets(stack, others, { force: options.force === true, keepBranch: false }, context.confirm);
    }
    return { tickets: compared, kept: kept ?? null, destroyed: others };
  },
  render: renderCompared,
  exitCode: ({ tickets, kept }) =>
    kept === null && tickets.every(({ verify }) => verify !== null && verify.exitCode !== 0) ? EXIT_CODES.process : 0,
};

/** A column a ticket, since there are few of them and many lines. */
function renderCompared({ tickets, kept, destroyed }: Result, view: RenderOptions): string {
  const style = createStyle(view.color);
  const names = [...new Set(tickets.flatMap(({ figures }) => Object.keys(figures)))];
  const row = (title: string, cell: (one: Compared) => Cell): Cell[] => [title, ...tickets.map(cell)];
  const rows = [
    row('agents', ({ agents }) => agents.join(', ') || '-'),
    row('commits', ({ size }) => String(size.commits)),
    row('files', ({ size }) => String(size.files)),
    row('lines', ({ size }) => `+${size.additions} -${size.deletions}`),
    row('verify', ({ verify }) => {
      if (verify === null) return '-';
      const took = `in ${formatDuration(verify.ms)}`;
      return verify.exitCode === 0
        ? { text: `passes ${took}`, paint: style.good }
        : { text: `exit code ${verify.exitCode} ${took}`, paint: style.bad };
    }),
    ...names.map((name) => row(name, ({ figures }) => figures[name] ?? '-')),
    row('cost', ({ costs }) => tellCost(costs)),
  ];
  const titles = ['', ...tickets.map(({ ticket }) => ticket)];
  const gone =
    kept === null ? [] : [`${kept} stays; ${destroyed.join(', ')} ${destroyed.length === 1 ? 'is' : 'are'} gone`];
  return [renderTable(titles, rows, { ...view, asTheyAre: true }), ...gone].join('\n');
}

function tellCost(costs: Compared['costs']): string {
  const add = (key: 'usd' | 'input' | 'output'): number => costs.reduce((sum, cost) => sum + (cost[key] ?? 0), 0);
  if (costs.length === 0) return '-';
  const tokens = `${add('input')} in, ${add('output')} out`;
  return costs.some(({ usd }) => usd !== null) ? `$${add('usd').toFixed(2)}, ${tokens}` : tokens;
}
