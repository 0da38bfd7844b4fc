import type { Inbox, ReadyTicket } from '../../orchestrator/review/inbox.ts';
import type { Size } from '../../orchestrator/review/size.ts';
import { cutText } from '../../ui/fit.ts';
import { cleanText } from '../../ui/safe-text.ts';
import { createStyle } from '../../ui/style.ts';
import { renderTable } from '../../ui/table.ts';
import { wrapText } from '../../ui/wrap.ts';
import { countOf } from './change-blocks.ts';
import type { RenderOptions } from './verb.ts';

/** Returns the tickets that are ready as a table, their last notes, and a line for each of the others. */
export function renderInbox({ ready, waiting }: Inbox, { color, columns }: RenderOptions): string {
  if (ready.length + waiting.length === 0) return 'no tickets yet: `stack create TICKET` makes one';
  const style = createStyle(color);
  const rows = ready.map((one) => [one.ticket, describeSize(one), describeSince(one.since), describeChecks(one)]);
  const table =
    ready.length === 0
      ? 'nothing is ready to be read'
      : renderTable(['Ticket', 'Size', 'Since you looked', 'Checks'], rows, { color, columns, cut: true });
  const noted = ready.filter(({ note }) => note !== null);
  const notes = noted.map(({ ticket, note }) =>
    cutText(cleanText(`${ticket}: ${note}`), columns ?? Number.POSITIVE_INFINITY),
  );
  const others = waiting.map(({ ticket, reason }) =>
    wrapText(cleanText(`${ticket}: not ready: ${reason}`), columns, 2),
  );
  return [
    table,
    ...(notes.length > 0 ? ['', ...notes.map((line) => style.dim(line))] : []),
    ...(others.length > 0 ? ['', ...others] : []),
  ].join('\n');
}

function describeSize({ files, additions, deletions }: Size): string {
  return `${countOf(files, 'file')} +${additions} -${deletions}`;
}

function describeSince(since: ReadyTicket['since']): string {
  if (since === null) return 'new';
  return since.files + since.commits === 0 ? '·' : describeSize(since);
}

function describeChecks({ checks: { verify, pushed, behind, conflicts } }: ReadyTicket): string {
  const parts = [
    ...(conflicts.length > 0 ? [`conflicts with ticket ${conflicts.join(' and ')}`] : []),
    ...(verify === null ? [] : [`verify ${verify}`]),
    ...(behind > 0 ? [`${behind} behind`] : []),
    ...(pushed ? ['pushed'] : []),
  ];
  return parts.join(', ') || '·';
}
