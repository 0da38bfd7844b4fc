import stringWidth from 'string-width';
import { EXIT_CODES } from '../domain/errors.ts';
import type { CollidingPair, Collisions } from '../orchestrator/review/collisions.ts';
import { cutText, padText } from '../ui/fit.ts';
import { cleanText } from '../ui/safe-text.ts';
import { createStyle, type Style } from '../ui/style.ts';
import { wrapText } from '../ui/wrap.ts';
import { type RenderOptions, renderAnswer, type Verb } from './common/verb.ts';

interface Options {
  watch?: boolean;
}

/** Undefined: all has been shown already, until Ctrl-C. */
type Result = Collisions | undefined;

export const conflicts: Verb<Options, Result> = {
  name: 'conflicts',
  jsonHelp: 'print one JSON document; with --watch, JSON lines: one for each change',
  summary: 'tell which tickets collide, before anybody merges',
  args: '[ticket...]',
  flags: [['--watch', 'go on, and show it again whenever it changes']],
  examples: ['stack conflicts', 'stack conflicts feat-02', 'stack conflicts --watch', 'stack conflicts --json'],
  completes: { tickets: true, several: true },
  async run(context, { args, options }) {
    const { findCollisions } = await import('../orchestrator/review/collisions.ts');
    const { ticketOf } = await import('../domain/ticket.ts');
    const { ticket } = await context.place();
    const here = ticket === undefined ? [] : [ticket];
    const about = args.length > 0 ? args.map((arg) => ticketOf(arg)) : here;
    const stack = await context.stack();
    if (!options.watch) return findCollisions(stack, about);
    const { watch } = await import('./common/watch.ts');
    const { watchCollisions } = await import('../orchestrator/runs/announce.ts');
    await watch(
      context,
      () => watchCollisions(stack, about),
      (found, view) => renderAnswer(conflicts, found, view),
    );
    return undefined;
  },
  render(found, view) {
    return found ? renderCollisions(found, view) : '';
  },
  exitCode(found) {
    if (!found) return EXIT_CODES.interrupted;
    if (found.pairs.some(({ kind }) => kind === 'conflict')) return EXIT_CODES.conflict;
    return found.problems.length > 0 ? EXIT_CODES.problems : 0;
  },
};

const NAMES: Record<CollidingPair['kind'], string> = {
  conflict: 'conflict',
  migration: 'migrations',
  lockfile: 'lockfile',
  contract: 'contract',
  'same-file': 'same file',
};
/** More files are counted. */
const SHOWN_PATHS = 8;

function renderCollisions({ tickets, pairs, problems }: Collisions, { color, columns }: RenderOptions): string {
  const style = createStyle(color);
  const about = groupByTickets(pairs);
  const blocks = [...about.values()].map((group) => renderBlock(group, { style, columns }));
  const matrix = columns === undefined || about.size === 0 ? [] : renderMatrix(pairs, { tickets, columns, style });
  const unseen = problems.map((text) => style.warn(wrapText(cleanText(`? ${text}`), columns, 2)));
  return [
    ...(matrix.length > 0 ? [matrix.join('\n')] : []),
    ...blocks,
    ...(unseen.length > 0 ? [unseen.join('\n')] : []),
    summarise(tickets, about, problems),
  ].join('\n\n');
}

function summarise(
  tickets: readonly string[],
  about: Map<string, CollidingPair[]>,
  problems: readonly string[],
): string {
  if (tickets.length === 0) return 'no tickets yet: `stack create TICKET` makes one';
  const groups = [...about.values()];
  const clashing = groups.filter((group) => group.some(({ kind }) => kind === 'conflict')).length;
  const warned = groups.length - clashing;
  if (groups.length === 0) return problems.length > 0 ? 'no collision was found in the rest' : 'no two tickets collide';
  const told = [
    ...(clashing > 0 ? [`${clashing} ${clashing === 1 ? 'pair conflicts' : 'pairs conflict'}`] : []),
    ...(warned > 0 ? [`${warned} ${warned === 1 ? 'pair touches' : 'pairs touch'} the same things`] : []),
  ];
  return told.join(', ');
}

function groupByTickets(pairs: readonly CollidingPair[]): Map<string, CollidingPair[]> {
  const groups = new Map<string, CollidingPair[]>();
  for (const pair of pairs) {
    const key = pair.tickets.join('\0');
    groups.set(key, [...(groups.get(key) ?? []), pair]);
  }
  return groups;
}

function renderBlock(
  group: readonly CollidingPair[],
  { style, columns }: { style: Style; columns: number | undefined },
): string {
  const [one = '', other = ''] = group[0]?.tickets ?? [];
  const isConflict = group.some(({ kind }) => kind === 'conflict');
  const mark = isConflict ? style.bad('✗') : style.warn('!');
  const widestOf = (nameOf: (pair: CollidingPair) => string): number =>
    Math.max(...group.map((pair) => nameOf(pair).length));
  const ofRepo = widestOf(({ repo }) => repo);
  const ofKind = widestOf(({ kind }) => NAMES[kind]);
  return [
    `${mark} ${style.strong(wrapText(`${one} and ${other}`, columns, 2))}`,
    ...group.flatMap(({ repo, kind, paths, notes }) => {
      const head = `${padText(repo, ofRepo)}  ${padText(NAMES[kind], ofKind)}`;
      const indent = head.length + 4;
      const fitPath = (path: string): string => renderPath(path, notes[path], { style, columns, indent });
      const shown = paths.slice(0, SHOWN_PATHS).map(fitPath);
      const more = paths.length - shown.length;
      const lines = more > 0 ? [...shown, style.dim(`and ${more} more`)] : shown;
      return lines.map((line, index) => `  ${index === 0 ? head : ' '.repeat(head.length)}  ${line}`);
    }),
  ].join('\n');
}

/** What is said of a path stands below it where there is no room beside. */
function renderPath(
  path: string,
  note: string | undefined,
  { style, columns, indent }: { style: Style; columns: number | undefined; indent: number },
): string {
  const room = columns === undefined ? Number.POSITIVE_INFINITY : columns - indent;
  const name = cutText(cleanText(path), room, 'middle');
  if (note === undefined) return name;
  const told = cleanText(note);
  const isBeside = stringWidth(name) + 2 + stringWidth(told) <= room;
  if (isBeside) return `${name}  ${style.dim(told)}`;
  return `${name}\n${' '.repeat(indent)}${style.dim(wrapText(told, columns, indent))}`;
}

/** Each column is called by the number of its row: names would take the whole terminal. */
function renderMatrix(
  pairs: readonly CollidingPair[],
  { tickets, columns, style }: { tickets: readonly string[]; columns: number; style: Style },
): string[] {
  const shown = tickets.filter((ticket) => pairs.some((pair) => pair.tickets.includes(ticket)));
  const cell = String(shown.length).length + 1;
  const left = columns - cell * (shown.length + 1) - 2;
  const least = 8;
  if (left < least) return [];
  const width = Math.min(left, Math.max(...shown.map((ticket) => ticket.length)));
  const numbers = shown.map((_, index) => String(index + 1).padStart(cell));
  const head = `${' '.repeat(cell + 1 + width)} ${numbers.join('')}`;
  const rows = shown.map((row, index) => {
    const cells = shown.map((column) => renderCell(pairs, row, column, cell, style));
    return `${style.dim(numbers[index] ?? '')} ${padText(cutText(row, width), width)} ${cells.join('')}`.trimEnd();
  });
  return [style.dim(head), ...rows];
}

function renderCell(pairs: readonly CollidingPair[], row: string, column: string, width: number, style: Style): string {
  if (row === column) return style.dim('·'.padStart(width));
  const both = pairs.filter(({ tickets }) => tickets.includes(row) && tickets.includes(column));
  if (both.length === 0) return ' '.repeat(width);
  return both.some(({ kind }) => kind === 'conflict')
    ? style.bad('✗'.padStart(width))
    : style.warn('!'.padStart(width));
}
