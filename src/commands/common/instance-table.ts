import type { InstanceStatus, InstancesView, InstanceView, StackView } from '../../domain/view.ts';
import { createStyle, type Paint } from '../../ui/style.ts';
import { wrapText } from '../../ui/wrap.ts';
import type { RepoCell, Row } from './instance-rows.ts';
import type { RenderOptions } from './verb.ts';

/**
 * Returns the table of `stack ps`: a row a ticket, a column a repo, then the status; what is not as it should be below it.
 */
export async function renderInstances(
  { repos, instances, problems: common = [] }: InstancesView & Partial<Pick<StackView, 'problems'>>,
  view: RenderOptions,
): Promise<string> {
  const style = createStyle(view.color);
  const paints: Record<InstanceStatus, Paint> = {
    running: style.good,
    partial: style.warn,
    paused: style.warn,
    stopped: style.dim,
    unknown: style.warn,
    creating: style.warn,
    broken: style.bad,
  };
  const rows = instances.map(
    (instance): Row => ({
      ticket: instance.ticket,
      repos: repos.map(({ name }) => describeRepo(instance, name)),
      status: { text: instance.status, paint: paints[instance.status] },
    }),
  );
  const titles = repos.map(({ title }) => title);
  const problems = instances.flatMap(({ ticket, problems }) => problems.map((problem) => `${ticket}: ${problem}`));
  const { renderRows } = await import('./instance-rows.ts');
  const table = renderRows(titles, rows, view);
  return [
    table,
    ...[...problems, ...common].map((problem) => `${style.bad('!')} ${wrapText(problem, view.columns, 2)}`),
  ].join('\n');
}

function describeRepo(instance: InstanceView, name: string): RepoCell {
  const repo = instance.repos[name];
  if (!repo) return { address: '-', label: '' };
  if (repo.mode === 'shared') return { address: 'shared', label: '' };
  // The base a new branch came from; the branch itself where it was there before.
  return { address: repo.url ?? '', label: `[${repo.existingBranch ? repo.branch : repo.base}]` };
}
