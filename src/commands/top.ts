import { formatBytes } from '../domain/size.ts';
import type { TopView } from '../orchestrator/status/top.ts';
import { createStyle } from '../ui/style.ts';
import { renderTable } from '../ui/table.ts';
import { wrapText } from '../ui/wrap.ts';
import { namedTickets } from './common/tickets.ts';
import type { RenderOptions, Verb } from './common/verb.ts';

export const top: Verb<Record<string, never>, TopView> = {
  name: 'top',
  summary: 'show what each ticket and service uses: processors, memory, disk',
  args: '[tickets...]',
  flags: [],
  examples: ['stack top', 'stack top feat-02', 'stack top --json'],
  completes: { tickets: true, several: true },
  async run(context, { args }) {
    const [{ observeTop }, { requireInstances }, stack] = await Promise.all([
      import('../orchestrator/status/top.ts'),
      import('../orchestrator/core/claim.ts'),
      context.stack(),
    ]);
    const tickets = args.length > 0 ? await namedTickets(context, args) : undefined;
    if (tickets) requireInstances(await stack.store.read(), tickets);
    return observeTop(stack, tickets);
  },
  render: renderTop,
};

type Used = TopView['baseline'];

function renderTop({ tickets, baseline, freeBytes, problems }: TopView, { color, columns }: RenderOptions): string {
  const style = createStyle(color);
  const rows = [
    ...tickets.flatMap((one) => [[one.ticket, '', ...describe(one), one.status], ...listServices(one)]),
    ...(Object.values(baseline.services).some(({ status }) => status !== 'stopped')
      ? [['baseline', '', ...describe(baseline), ''], ...listServices(baseline)]
      : []),
  ];
  if (rows.length === 0) return 'no tickets yet: `stack create TICKET` makes one';
  return [
    renderTable(['Ticket', 'Service', 'CPU', 'Memory', 'Disk', 'Status'], rows, { color, columns }),
    `${formatBytes(freeBytes)} of the disk are free`,
    ...problems.map((problem) => `${style.bad('!')} ${wrapText(problem, columns, 2)}`),
  ].join('\n');
}

function listServices({ services }: Pick<Used, 'services'>): string[][] {
  return Object.entries(services).map(([name, one]) => ['', name, ...describe(one, one.limits), one.status]);
}

/** Of a processor, 100 % is all of one, as `docker stats` counts. */
function describe(
  { cpus, memoryBytes, diskBytes }: Omit<Used, 'services'>,
  limits: { cpus: number | null; memoryBytes: number | null } = { cpus: null, memoryBytes: null },
): string[] {
  const of = (shown: string, limit: string | undefined): string =>
    limit === undefined ? shown : `${shown} of ${limit}`;
  const percent = (value: number): string => `${Math.round(value * 100)}%`;
  const bytes = (value: number | null): string | undefined => (value === null ? undefined : formatBytes(value));
  return [
    cpus === null ? '-' : of(percent(cpus), limits.cpus === null ? undefined : percent(limits.cpus)),
    memoryBytes === null ? '-' : of(formatBytes(memoryBytes), bytes(limits.memoryBytes)),
    bytes(diskBytes) ?? '-',
  ];
}
