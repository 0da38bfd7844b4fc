import Table from 'cli-table3';
import stringWidth from 'string-width';
import { cutText } from './fit.ts';
import { cleanText } from './safe-text.ts';
import { createStyle, type Paint } from './style.ts';

/** Between two columns. */
export const GAP = 2;
/** What is left of a word that is cut, in columns, is no less than this. */
const LEAST_CUT = 8;
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
  /** True: where the rows are still too wide, words are cut in the middle; else they stay whole, as what is to be copied must. */
  cut?: boolean;
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
  const widths = fitColumns(texts, options.columns, options.cut === true ? LEAST_CUT : undefined);
  const fitText = (text: string, index: number): string =>
    options.cut && widths ? cutWords(text, widths[index]!) : text;
  const table = new Table({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [], compact: true },
    ...(widths && { colWidths: widths.map((width) => width + GAP), wordWrap: true }),
  });
  const fitCell = (cell: Cell, index: number): string => paintCell(cell, fitText(textOf(cell), index));
  table.push(titles.map(fitText).map(style.dim), ...rows.map((row) => row.map(fitCell)));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

function textOf(cell: Cell): string {
  return cleanText(typeof cell === 'string' ? cell : cell.text);
}

function paintCell(cell: Cell, text: string): string {
  return typeof cell === 'string' ? text : cell.paint(text);
}

function cutWords(text: string, columns: number): string {
  return text
    .split(' ')
    .map((word) => cutText(word, columns, 'middle'))
    .join(' ');
}

/**
 * Widths of the columns where they have to be narrowed: the widest first, never below its longest word, so that URLs
 * stay whole; `most`: unless that is longer than this. Undefined when everything fits.
 */
function fitColumns(
  texts: readonly string[][],
  columns: number | undefined,
  most = Number.POSITIVE_INFINITY,
): number[] | undefined {
  if (columns === undefined) return undefined;
  const count = Math.max(...texts.map((row) => row.length));
  const of = (measure: (text: string) => number) =>
    Array.from({ length: count }, (_, index) => Math.max(1, ...texts.map((row) => measure(row[index] ?? ''))));
  const widths = of(stringWidth);
  const room = columns - GAP * (count - 1);
  if (sumOf(widths) <= room) return undefined;
  const longest = of((text) => Math.max(...text.split(' ').map((word) => stringWidth(word))));
  const least = sumOf(longest) <= room ? longest : longest.map((width) => Math.min(width, most));
  for (;;) {
    const excess = sumOf(widths) - room;
    const widest = indexOfWidest(widths, least);
    if (excess <= 0 || widest === -1) return widths;
    // Of names that are cut something is left in every column.
    const less = most === Number.POSITIVE_INFINITY ? excess : 1;
    widths[widest] = Math.max(least[widest]!, widths[widest]! - less);
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
