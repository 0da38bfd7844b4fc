import type { Link } from '../domain/check/link.ts';
import type { CheckResult, TicketCheck } from '../orchestrator/check/check.ts';
import { cleanText } from '../ui/safe-text.ts';
import { createStyle, type Style } from '../ui/style.ts';
import { wrapBehind } from '../ui/wrap.ts';
import type { Verb } from './common/verb.ts';

export const check: Verb<object, CheckResult> = {
  name: 'check',
  summary: 'prove the wiring: what each service was really given, and where it leads',
  args: '[ticket...]',
  flags: [],
  examples: ['stack check feat-02', 'stack check', 'stack check baseline', 'stack check feat-02 --json'],
  completes: { tickets: true },
  async run(context, { args }) {
    const { checkTickets } = await import('../orchestrator/check/check.ts');
    const { ticket } = await context.place();
    const here = ticket === undefined ? [] : [ticket];
    return checkTickets(await context.stack(), args.length > 0 ? args : here);
  },
  render({ tickets }, { color, columns }) {
    if (tickets.length === 0) return 'no tickets yet: `stack create TICKET` makes one';
    const style = createStyle(color);
    const unseen = tickets.flatMap(({ arrows }) => arrows.filter(({ state }) => state === 'unseen')).length;
    return [
      ...tickets.map((one) => renderTicket(one, style, columns)),
      ...(unseen > 0 ? [describeUnseen(unseen)] : []),
    ].join('\n\n');
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
};

function describeUnseen(count: number): string {
  return `${count} ${count === 1 ? 'link was' : 'links were'} not seen: nothing is proven of what has a ?`;
}

/** The small graph, then a line for each link; those between the same two that are as they should be are one. */
function renderTicket(
  { ticket, picture, arrows: links }: TicketCheck,
  style: Style,
  columns: number | undefined,
): string {
  const lines = groupLinks(links);
  const width = Math.max(0, ...lines.map(({ ends }) => ends.length));
  return [
    ...(picture.length > 0 ? picture : ['nothing to check: no service is given an address']).map(
      (chain) => `${style.strong(ticket)}  ${chain}`,
    ),
    ...lines.flatMap(({ ends, link, keys }) => {
      const { state, reason = '', hint } = link;
      const mark = { ok: style.good('✓'), unseen: style.warn('?'), warning: style.warn('!'), wrong: style.bad('✗') }[
        state
      ];
      const text = cleanText(state === 'unseen' ? `not seen: ${reason}` : reason);
      const told = [keys.length > 0 ? style.dim(keys.join(', ')) : '', text].filter((one) => one !== '');
      const line = wrapBehind(`  ${mark} ${ends}`, width + 6, told.join('  '), columns).trimEnd();
      return hint === undefined ? [line] : [line, wrapBehind('', width + 6, style.dim(cleanText(hint)), columns)];
    }),
  ].join('\n');
}

function groupLinks(links: readonly Link[]): { ends: string; link: Link; keys: string[] }[] {
  const groups = new Map<string, { ends: string; link: Link; keys: string[] }>();
  for (const link of links) {
    const ends = `${link.from} → ${link.to}`;
    const name = [ends, link.state, link.reason].join('\n');
    const group = groups.get(name) ?? { ends, link, keys: [] };
    if (link.key !== undefined && !group.keys.includes(link.key)) group.keys.push(link.key);
    groups.set(name, group);
  }
  return [...groups.values()];
}
