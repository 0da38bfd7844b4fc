import type { InstanceStatus, InstancesView, InstanceView, StackView } from '../../domain/view.ts';
import { createStyle } from '../../ui/style.ts';
import type { Cell } from '../../ui/table.ts';
import type { RenderOptions } from './verb.ts';

/** Returns the table of `stack ps`: a row a ticket, a column a repo, then the status; what is not as it should be below it. */
export async function renderInstances(
  { repos, instances, problems: common = [] }: InstancesView & Partial<Pick<StackView, 'problems'>>,
  { color, columns }: RenderOptions,
): Promise<string> {
  const { renderTable } = await import('../../ui/table.ts');
  const style = createStyle(color);
  const paints: Record<InstanceStatus, (text: string) => string> = {
    running: style.good,
    partial: style.warn,
    paused: style.warn,
    stopped: style.dim,
    unknown: style.warn,
    creating: style.warn,
    broken: style.bad,
  };
  const rows = instances.map((instance): Cell[] => [
    instance.ticket,
    ...repos.map(({ name }) => describeRepo(instance, name)),
    { text: instance.status, paint: paints[instance.status] },
  ]);
  const table = renderTable(['Ticket', ...repos.map((repo) => repo.title), 'Status'], rows, { color, columns });
  const problems = instances.flatMap(({ ticket, problems }) =>
    problems.map((problem) => `${style.bad('!')} ${ticket}: ${problem}`),
  );
  return [table, ...problems, ...common.map((problem) => `${style.bad('!')} ${problem}`)].join('\n');
}

function describeRepo(instance: InstanceView, name: string): Cell {
  const repo = instance.repos[name];
  if (!repo) return '-';
  if (repo.mode === 'shared') return 'shared';
  // The base a new branch came from; the branch itself where it was there before.
  const label = `[${repo.existingBranch ? repo.branch : repo.base}]`;
  return repo.url === undefined ? label : `${repo.url} ${label}`;
}
