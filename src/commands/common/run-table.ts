import type { RunState, RunView } from '../../domain/runs/run.ts';
import type { InstanceView } from '../../domain/view.ts';
import { formatDuration } from '../../ui/duration.ts';
import { cleanText } from '../../ui/safe-text.ts';
import { createStyle, type Paint } from '../../ui/style.ts';
import { renderTable } from '../../ui/table.ts';
import { wrapText } from '../../ui/wrap.ts';
import type { RenderOptions } from './verb.ts';

const MOST_LETTERS = 60;

/** Returns the table of `stack runs`. */
export async function renderRuns(runs: readonly RunView[], { color, columns }: RenderOptions): Promise<string> {
  if (runs.length === 0) return 'no agents: `stack run TICKET -d -- COMMAND` starts one';
  const paints = paintStates(color);
  const rows = runs.map((run) => [
    ...[run.ticket, run.id, run.name],
    { text: describeState(run), paint: paints[run.state] },
    ...[`${tellAge(run)} ago`, run.source, shorten(run.text)],
  ]);
  return renderTable(['Ticket', 'Run', 'Name', 'State', 'Since', 'Known by', 'Says'], rows, { color, columns });
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
  return instances.flatMap(({ ticket, agents = [] }) =>
    agents.map((run) => {
      const asks = run.text === null ? '' : `: ${shorten(cleanText(run.text))}`;
      return wrapText(
        `${ticket}: ${run.name} ${paints[run.state](describeState(run))} for ${tellAge(run)}${asks}`,
        columns,
        2,
      );
    }),
  );
}

function shorten(text: string | null): string {
  const [line = ''] = (text ?? '').split('\n');
  return line.length > MOST_LETTERS ? `${line.slice(0, MOST_LETTERS - 1)}…` : line;
}
