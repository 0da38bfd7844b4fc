import { titleOfTask } from '../../domain/task.ts';
import type { TicketDetail } from '../../orchestrator/status/detail.ts';
import { cleanText } from '../../ui/safe-text.ts';
import { createStyle } from '../../ui/style.ts';
import { renderTable } from '../../ui/table.ts';
import { wrapText } from '../../ui/wrap.ts';
import type { RenderOptions } from './verb.ts';

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
  return [
    `${style.strong(ticket)}  ${status}${place.length > 0 ? style.dim(`  (here: ${[...new Set(place)].join(', ')})`) : ''}`,
    ...[titleOfTask(task ?? undefined), issue].flatMap((line) => (line ? [cleanText(line)] : [])),
    ...[folder, ''],
    renderTable(['Service', 'Address', 'Status', 'Whose'], rows, { color, columns }),
    '',
    renderTable(['Repo', 'Branch', 'Base', 'Worktree'], trees, { color, columns }),
    ...(told.length > 0 ? ['', ...told] : []),
    ...problems.map((problem) => `${style.bad('!')} ${wrapText(problem, columns, 2)}`),
  ].join('\n');
}
