import type { InstanceStatus, InstancesView, InstanceView, RepoMarks, StackView } from '../../domain/view.ts';
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
      task: instance.title,
    }),
  );
  const titles = repos.map(({ title }) => title);
  const problems = instances.flatMap(({ ticket, problems }) => problems.map((problem) => `${ticket}: ${problem}`));
  const [{ renderRows }, { addTasks }] = await Promise.all([import('./instance-rows.ts'), import('./task-column.ts')]);
  const table = addTasks(renderRows(titles, rows, view), rows, view);
  const hasAgents = instances.some(({ agents = [] }) => agents.length > 0);
  return [
    table,
    ...explainMarks(instances).map((line) => style.dim(line)),
    ...(hasAgents ? (await import('./run-table.ts')).describeAgents(instances, view) : []),
    ...[...problems, ...common].map((problem) => `${style.bad('!')} ${wrapText(problem, view.columns, 2)}`),
  ].join('\n');
}

function describeRepo(instance: InstanceView, name: string): RepoCell {
  const repo = instance.repos[name];
  if (!repo) return { address: '-', label: '' };
  if (repo.mode === 'shared') return { address: 'shared', label: '' };
  // The base a new branch came from; the branch itself where it was there before.
  return { address: repo.url ?? '', label: `[${repo.existingBranch ? repo.branch : repo.base}]${listMarks(repo)}` };
}

const MARKS: [mark: string, meaning: string, isOn: (changes: RepoMarks) => boolean][] = [
  ['*', 'not committed', ({ dirty }) => dirty],
  ['↑', 'not pushed', ({ pushed }) => !pushed],
  ['≠', 'on another branch', ({ switched }) => switched],
];

function listMarks({ changes }: { changes?: RepoMarks }): string {
  return MARKS.map(([mark, , isOn]) => (changes && isOn(changes) ? mark : '')).join('');
}

/** Returns what the marks in the table mean; [] for none. */
function explainMarks(instances: readonly InstanceView[]): string[] {
  const all = instances.flatMap(({ repos }) =>
    Object.values(repos).flatMap((repo) => ('changes' in repo ? (repo.changes ?? []) : [])),
  );
  const told = MARKS.filter(([, , isOn]) => all.some(isOn)).map(([mark, meaning]) => `${mark} ${meaning}`);
  return told.length > 0 ? [told.join('  ')] : [];
}
