import Table from 'cli-table3';
import stringWidth from 'string-width';
import { cleanText } from './safe-text.ts';
import { createStyle, type Paint } from './style.ts';

/** Between two columns. */
export const GAP = 2;
const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/** A cell; `paint` colours it, after its text has been made harmless. */
export type Cell = string | { text: string; paint: Paint };

export interface TableOptions {
  color: boolean;
  /** Width of the terminal: cells with spaces are wrapped to fit in. Left out: nothing is wrapped. */
  columns?: number | undefined;
  /** True: titles as they are, which are names. */
  asTheyAre?: boolean;
}

/** Returns a table without lines, as `docker ps` prints one: titles in capitals, two spaces between columns. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string {
  const style = createStyle(options.color);
  const titles = head.map(cleanText).map((title) => (options.asTheyAre ? title : title.toUpperCase()));
  const texts = [titles, ...rows.map((row) => row.map(textOf))];
  const widths = fitColumns(texts, options.columns);
  const table = new Table({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [], compact: true },
    ...(widths && { colWidths: widths.map((width) => width + GAP), wordWrap: true }),
  });
  table.push(titles.map(style.dim), ...rows.map((row) => row.map(paintCell)));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

function textOf(cell: Cell): string {
  return cleanText(typeof cell === 'string' ? cell : cell.text);
}

function paintCell(cell: Cell): string {
  return typeof cell === 'string' ? textOf(cell) : cell.paint(textOf(cell));
}

/**
 * Widths of the columns where they have to be narrowed: the widest first, never below its longest word, so that URLs
 * stay whole. Undefined when everything fits.
 */
function fitColumns(texts: readonly string[][], columns: number | undefined): number[] | undefined {
  if (columns === undefined) return undefined;
  const count = Math.max(...texts.map((row) => row.length));
  const of = (measure: (text: string) => number) =>
    Array.from({ length: count }, (_, index) => Math.max(1, ...texts.map((row) => measure(row[index] ?? ''))));
  const widths = of(stringWidth);
  const room = columns - GAP * (count - 1);
  if (sumOf(widths) <= room) return undefined;
  const least = of((text) => Math.max(...text.split(' ').map((word) => stringWidth(word))));
  for (;;) {
    const excess = sumOf(widths) - room;
    const widest = indexOfWidest(widths, least);
    if (excess <= 0 || widest === -1) return widths;
    widths[widest] = Math.max(least[widest]!, widths[widest]! - excess);
  }
}

function sumOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0);
}

function indexOfWidest(widths: readonly number[], least: readonly number[]): number {
  let found = -1;
  for (const [index, width] of widths.entries()) {
    if (width > least[index]! && (found === -1 || width > widths[found]!)) found = index;
  }
  return found;
}
