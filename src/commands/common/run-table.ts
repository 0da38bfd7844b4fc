import { describeCost, type RunState, type RunView } from '../../domain/runs/run.ts';
import type { InstanceView } from '../../domain/view.ts';
import { formatDuration } from '../../ui/duration.ts';
import { cleanText } from '../../ui/safe-text.ts';
import { createStyle, type Paint } from '../../ui/style.ts';
import { renderTable } from '../../ui/table.ts';
import { wrapText } from '../../ui/wrap.ts';
import type { RenderOptions } from './verb.ts';

const MOST_LETTERS = 60;
/** On a terminal that is narrower the table has its first columns alone, and what agents say stands below it. */
const LEAST_COLUMNS = 80;

/** Returns the table of `stack runs`, and below it what agents wait for that does not stand in it as a whole. */
export async function renderRuns(
  { runs, hidden }: { runs: readonly RunView[]; hidden: number },
  view: RenderOptions,
): Promise<string> {
  if (runs.length === 0) return 'no agents: `stack run TICKET -d -- COMMAND` starts one';
  const isNarrow = view.columns !== undefined && view.columns < LEAST_COLUMNS;
  const paints = paintStates(view.color);
  const hasCost = runs.some(({ cost }) => cost !== null);
  const costOf = ({ cost }: RunView): string => (cost === null ? '' : describeCost(cost));
  const rows = runs.map((run) => [
    ...[run.ticket, run.id, run.name],
    { text: describeState(run), paint: paints[run.state] },
    `${tellAge(run)} ago`,
    ...(isNarrow ? [] : [run.source, ...(hasCost ? [costOf(run)] : []), shorten(run.text)]),
  ]);
  const more = isNarrow ? [] : ['Known by', ...(hasCost ? ['Cost'] : []), 'Says'];
  const table = await renderTable(['Ticket', 'Run', 'Name', 'State', 'Since', ...more], rows, view);
  const told = runs.flatMap((run) => {
    const isWhole = run.text === null || (!isNarrow && (run.state !== 'waiting' || shorten(run.text) === run.text));
    return isWhole ? [] : [tellWhole(run, view)];
  });
  const left = `${hidden} more ${hidden === 1 ? 'has' : 'have'} ended: \`stack runs --all\` lists them`;
  return [table, ...told, ...(hidden > 0 ? [left] : [])].join('\n');
}

function tellWhole({ ticket, name, id, state, text }: RunView, { columns }: RenderOptions): string {
  const lines = (state === 'waiting' ? (text ?? '') : shorten(text)).trim().split('\n');
  const told = lines.map((line) => `  ${wrapText(cleanText(line), columns, 2)}`.trimEnd());
  return [`${ticket}: ${name} (run ${id}) ${state === 'waiting' ? 'asks' : 'says'}:`, ...told].join('\n');
}

/** Returns how states are coloured. */
function paintStates(color: boolean): Record<RunState, Paint> {
  const { good, warn, dim, bad } = createStyle(color);
  return { starting: warn, working: good, waiting: warn, quiet: warn, done: good, exited: dim, unknown: bad };
}

/** Returns a state as a person reads it: `exited 1`. */
function describeState({ state, exitCode }: Pick<RunView, 'state' | 'exitCode'>): string {
  return state === 'exited' && exitCode !== null ? `exited ${exitCode}` : state;
}

/** Returns for how long a run has been in its state. */
function tellAge({ since }: Pick<RunView, 'since'>): string {
  return formatDuration(Date.now() - Date.parse(since)).replace(/\.\d+s$/, 's');
}

/** Returns a line for each agent of some tickets: what it does, for how long, and what it asks. */
export function describeAgents(instances: readonly InstanceView[], { color, columns }: RenderOptions): string[] {
  const paints = paintStates(color);
  return instances.flatMap(({ ticket, agents = [], cost }) =>
    agents.map((run, index) => {
      const asks = run.text === null ? '' : `: ${shorten(run.text)}`;
      return wrapText(
        `${ticket}: ${run.name} ${paints[run.state](describeState(run))} for ${tellAge(run)}${index === 0 && cost ? ` (${describeCost(cost)} so far)` : ''}${asks}`,
        columns,
        2,
      );
    }),
  );
}

/** Returns a text as one line, cut where it is long. */
function shorten(text: string | null): string {
  const line = cleanText(text ?? '').trim();
  return line.length > MOST_LETTERS ? `${line.slice(0, MOST_LETTERS - 1)}…` : line;
}
