import stringWidth from 'string-width';
import { titleOfTask } from '../../domain/task.ts';
import type { TicketDetail } from '../../orchestrator/status/detail.ts';
import { cutText } from '../../ui/fit.ts';
import { cleanText } from '../../ui/safe-text.ts';
import { createStyle } from '../../ui/style.ts';
import { GAP, renderTable } from '../../ui/table.ts';
import { wrapText } from '../../ui/wrap.ts';
import type { RenderOptions } from './verb.ts';

const TITLES = ['Repo', 'Branch', 'Base', 'Worktree'] as const;

/** Returns all of one ticket: its services with their addresses, its worktrees, what is not as it should be. */
export function renderDetail(detail: TicketDetail, { color, columns }: RenderOptions): string {
  const { ticket, status, folder, services, urls, shared, repos, problems, files, repo, service } = detail;
  const { task, issue } = detail;
  const style = createStyle(color);
  const place = [repo, service].filter((part) => part !== null && part !== undefined);
  const rows = [
    ...Object.entries(services).map(([name, one]) => [
      ...[name, urls[name] ?? '-', one.status],
      one.borrowed ? 'the baseline’s' : `from ${one.repo}`,
    ]),
    ...Object.entries(shared).map(([name, one]) => [
      ...[name, one.url, one.status],
      one.own === null ? 'shared by all' : `its own: ${one.own}`,
    ]),
  ];
  const told = [
    ...(files.brief === undefined ? [] : [`brief: ${files.brief}`]),
    ...(files.documents ?? []).map((file) => `document: ${file}`),
    ...(files.notes === undefined ? [] : [`notes: ${files.notes}`]),
  ];
  const trees = Object.entries(repos).flatMap(([name, one]) =>
    one.mode === 'dedicated' ? [[name, one.branch, one.base, one.worktree]] : [],
  );
  const fits = fitTrees(trees, folder, columns);
  return [
    `${style.strong(ticket)}  ${status}${place.length > 0 ? style.dim(`  (here: ${[...new Set(place)].join(', ')})`) : ''}`,
    ...[titleOfTask(task ?? undefined), issue].flatMap((line) => (line ? [cleanText(line)] : [])),
    ...[folder, ''],
    renderTable(['Service', 'Address', 'Status', 'Whose'], rows, { color, columns }),
    '',
    renderTable(TITLES, fits, { color, columns }),
    ...(told.length > 0 ? ['', ...told.map(cleanText)] : []),
    ...problems.map((problem) => `${style.bad('!')} ${wrapText(problem, columns, 2)}`),
  ].join('\n');
}

/** Fewer characters of a branch tell nothing. */
const LEAST = 12;

/**
 * Returns the rows of worktrees as they are where they fit; else with paths from the ticket's folder, and bases and branches with `…` in
 * their middle.
 */
function fitTrees(rows: readonly string[][], folder: string, columns = Number.POSITIVE_INFINITY): string[][] {
  const widest = (all: readonly string[][], at: number): number =>
    Math.max(...all.map((row) => stringWidth(row[at] ?? '')), TITLES[at]!.length);
  const widthOf = (all: readonly string[][]): number =>
    TITLES.reduce((sum, _, at) => sum + widest(all, at) + GAP, -GAP);
  const cut = (all: readonly string[][], at: number): string[][] => {
    const room = Math.max(LEAST, widest(all, at) - Math.max(0, widthOf(all) - columns));
    return all.map((row) => row.with(at, cutText(row[at] ?? '', room, 'middle')));
  };
  if (rows.length === 0 || widthOf(rows) <= columns) return [...rows];
  const near = rows.map((row) => row.with(3, (row[3] ?? '').replace(`${folder}/`, './')));
  return cut(cut(near, 2), 1);
}
