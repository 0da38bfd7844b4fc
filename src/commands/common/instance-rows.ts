import stringWidth from 'string-width';
import type { InstanceStatus } from '../../domain/view.ts';
import { cutText, padText } from '../../ui/fit.ts';
import { cleanText } from '../../ui/safe-text.ts';
import type { Paint } from '../../ui/style.ts';
import { GAP, renderTable } from '../../ui/table.ts';
import type { RenderOptions } from './verb.ts';

/** What a ticket has of a repo: where it answers, and what it was made from. */
export interface RepoCell {
  address: string;
  label: string;
}

export interface Row {
  ticket: string;
  repos: RepoCell[];
  status: { text: InstanceStatus; paint: Paint };
  /** The first line of its task. */
  task?: string | undefined;
}

/** No branch is cut to less than this, brackets included. */
const LEAST_LABEL = 10;

/**
 * Returns the rows of tickets as a table with a title a column. Where the terminal is narrow, addresses are `:3101`, then branches
 * have `…` in their middle, then each ticket is a block; a ticket alone is one at once.
 */
export function renderRows(
  titles: readonly string[],
  rows: readonly Row[],
  { color, columns = Number.POSITIVE_INFINITY }: RenderOptions,
): string {
  const write = ({ address, label }: RepoCell, width: number): string =>
    `${address} ${cutText(label, width, 'middle')}`.trim();
  const render = (shown: readonly Row[], width: number): string => {
    const cells = shown.map(({ ticket, repos, status }) => [
      ticket,
      ...repos.map((repo) => write(repo, width)),
      status,
    ]);
    return renderTable(['Ticket', ...titles, 'Status'], cells, { color });
  };
  const longest = Math.max(LEAST_LABEL, ...rows.flatMap(({ repos }) => repos.map(({ label }) => stringWidth(label))));
  if (measure(titles, rows)(longest) <= columns) return render(rows, longest);
  const short = rows.map((row) => ({ ...row, repos: row.repos.map(shortenAddress) }));
  const widthAt = measure(titles, short);
  // A table is read; a ticket alone has just been made, and its addresses are to be clicked.
  const least = rows.length > 1 ? LEAST_LABEL : longest + 1;
  for (let width = longest; width >= least; width--) if (widthAt(width) <= columns) return render(short, width);
  const titleWidth = Math.max(0, ...titles.map((title) => stringWidth(title)));
  const blocks = rows.flatMap(({ ticket, repos, status }) => [
    `${ticket}  ${status.paint(status.text)}`,
    ...repos.map((whole, index) => {
      const roomFor = ({ address }: RepoCell): number => columns - titleWidth - address.length - 5;
      const least = Math.min(LEAST_LABEL, stringWidth(whole.label));
      const repo = rows.length > 1 && roomFor(whole) < least ? shortenAddress(whole) : whole;
      const room = roomFor(repo);
      return `  ${padText(titles[index]!, titleWidth)}  ${write(repo, Math.max(LEAST_LABEL, room))}`;
    }),
  ]);
  return blocks.join('\n');
}

/** Returns how wide the table is where no label is wider than so much. */
function measure(titles: readonly string[], rows: readonly Row[]): (label: number) => number {
  const widest = (texts: readonly string[]): number => Math.max(...texts.map((text) => stringWidth(cleanText(text))));
  const ends =
    widest(['Ticket', ...rows.map((row) => row.ticket)]) + widest(['Status', ...rows.map((row) => row.status.text)]);
  const columns = titles.map((title, index) => ({
    title: widest([title]),
    cells: rows.map(({ repos }) => ({
      address: widest([repos[index]!.address]),
      label: widest([repos[index]!.label]),
    })),
  }));
  return (most) =>
    columns.reduce((sum, { title, cells }) => {
      const widths = cells.map(({ address, label }) => address + (label === 0 ? 0 : 1 + Math.min(label, most)));
      return sum + GAP + Math.max(title, ...widths);
    }, ends + GAP);
}

/** The addresses of tickets are on this machine: their ports tell them apart. */
function shortenAddress({ address, label }: RepoCell): RepoCell {
  return { address: address.replace(/^http:\/\/localhost(?=:\d+$)/, ''), label };
}
