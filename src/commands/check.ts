import type { Arrow } from '../domain/check/arrow.ts';
import type { CheckResult, TicketCheck } from '../orchestrator/check/check.ts';
import { cleanText } from '../ui/safe-text.ts';
import { createStyle, type Style } from '../ui/style.ts';
import type { Verb } from './common/verb.ts';

export const check: Verb<object, CheckResult> = {
  name: 'check',
  summary: 'prove the wiring: what each service was really given, and where it leads',
  args: '[ticket...]',
  flags: [],
  examples: ['stack check feat-02', 'stack check', 'stack check feat-02 --json'],
  completes: { tickets: true },
  async run(context, { args }) {
    const { checkTickets } = await import('../orchestrator/check/check.ts');
    const { ticket } = await context.place();
    const here = ticket === undefined ? [] : [ticket];
    return checkTickets(await context.stack(), args.length > 0 ? args : here);
  },
  render({ tickets }, { color }) {
    if (tickets.length === 0) return 'no tickets yet: `stack create TICKET` makes one';
    const style = createStyle(color);
    return tickets.map((one) => renderTicket(one, style)).join('\n\n');
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
};

/** The small picture, then a line for each arrow; those between the same two that are as they should be are one. */
function renderTicket({ ticket, picture, arrows }: TicketCheck, style: Style): string {
  const lines = groupArrows(arrows);
  const width = Math.max(0, ...lines.map(({ ends }) => ends.length));
  return [
    ...(picture.length > 0 ? picture : ['no wires']).map((chain) => `${style.strong(ticket)}  ${chain}`),
    ...lines.flatMap(({ ends, arrow, keys }) => {
      const { state, reason = '', hint } = arrow;
      const mark = { ok: style.good('✓'), warning: style.warn('!'), wrong: style.bad('✗') }[state];
      const told = [keys.length > 0 ? style.dim(keys.join(', ')) : '', cleanText(reason)].filter((text) => text !== '');
      const line = `  ${mark} ${ends.padEnd(width)}  ${told.join('  ')}`.trimEnd();
      return hint === undefined ? [line] : [line, `    ${' '.repeat(width)}  ${style.dim(cleanText(hint))}`];
    }),
  ].join('\n');
}

function groupArrows(arrows: readonly Arrow[]): { ends: string; arrow: Arrow; keys: string[] }[] {
  const groups = new Map<string, { ends: string; arrow: Arrow; keys: string[] }>();
  for (const arrow of arrows) {
    const ends = `${arrow.from} → ${arrow.to}`;
    const name = [ends, arrow.state, arrow.reason].join('\n');
    const group = groups.get(name) ?? { ends, arrow, keys: [] };
    if (arrow.key !== undefined && !group.keys.includes(arrow.key)) group.keys.push(arrow.key);
    groups.set(name, group);
  }
  return [...groups.values()];
}
