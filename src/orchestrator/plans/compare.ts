import { runGroup } from '../../adapters/process/exec.ts';
import { MARKER } from '../../adapters/process/table.ts';
import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { agentsMarker } from '../../domain/names.ts';
import { parseFigures } from '../../domain/plans/figures.ts';
import type { RunCost } from '../../domain/runs/run.ts';
import { readHeads, verifyCommits } from '../change/verify.ts';
import { requireInstances } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { measure, type Size, sum } from '../review/size.ts';
import { readWorks } from '../review/works.ts';
import { readRunEnv } from '../runs/env.ts';
import { viewRuns } from '../runs/observe.ts';

/** What a ticket has come to, beside others that were given the same task. */
export interface Compared {
  ticket: string;
  /** Who has worked in it. */
  agents: string[];
  /** What it has committed, in all its repos together. */
  size: Size;
  /** How its commits pass; null where nothing verifies. */
  verify: { exitCode: number; ms: number; log: string } | null;
  /** What the command that measures has printed. */
  figures: Record<string, string>;
  /** The exit code of that; null where there is none. */
  measured: number | null;
  /** What its agents have reported, by run. */
  costs: RunCost[];
}

/**
 * Compares tickets: what they have committed, whether `verify` passes on that in a fresh environment and how long it took, and the figures
 * that `measure` prints in the folder of each. Changes none of them. Throws `not-found`, `usage`, and what `create` and `destroy` throw.
 */
export async function compareTickets(
  stack: Stack,
  named: readonly string[],
  lines: { verify: string | undefined; measure: string | undefined },
): Promise<Compared[]> {
  const records = requireInstances(await stack.store.read(), named);
  if (records.length < 2)
    throw new StackError('usage', 'one ticket alone is compared with nothing', {
      hint: 'stack compare feat-01 feat-02',
    });
  const compared: Compared[] = [];
  // Each verification has the machine for itself: its time is told.
  for (const record of records) compared.push(await lookAt(stack, record, lines));
  return compared;
}

async function lookAt(
  stack: Stack,
  record: InstanceRecord,
  lines: { verify: string | undefined; measure: string | undefined },
): Promise<Compared> {
  const { ticket } = record;
  const [{ works, problems }, runs] = await Promise.all([readWorks(stack, record, []), viewRuns(stack, ticket)]);
  for (const text of problems) stack.emit({ type: 'warning', text: `${ticket}: ${text}` });
  const dirty = Object.entries(works).filter(([, { uncommitted }]) => uncommitted.changed.length > 0);
  if (dirty.length > 0) {
    const where = dirty.map(([repo]) => repo).join(', ');
    stack.emit({ type: 'warning', text: `${ticket}: what is not committed in ${where} does not count` });
  }
  return {
    ticket,
    agents: [...new Set(runs.map(({ agent }) => agent))],
    size: sum(await Promise.all(Object.values(works).map((work) => measure(stack, work)))),
    verify: lines.verify === undefined ? null : await verify(stack, record, lines.verify),
    ...(await takeFigures(stack, record, lines.measure)),
    costs: runs.flatMap(({ cost }) => cost ?? []),
  };
}

async function verify(stack: Stack, record: InstanceRecord, line: string): Promise<Compared['verify']> {
  const { ticket, own = {} } = record;
  const heads = Object.entries(await readHeads(record)).filter(([, commit]) => commit !== '');
  const commits = Object.fromEntries(heads);
  const wanted = { ticket, commits, line, own: Object.keys(own), start: false, alone: undefined };
  const { exitCode, ms, log } = await verifyCommits(stack, wanted);
  return { exitCode, ms, log };
}

async function takeFigures(
  stack: Stack,
  record: InstanceRecord,
  line: string | undefined,
): Promise<Pick<Compared, 'figures' | 'measured'>> {
  if (line === undefined) return { figures: {}, measured: null };
  const { ticket, folder } = record;
  const env = await readRunEnv(stack, await stack.store.read(), record);
  const said: string[] = [];
  const marked = { ...env, [MARKER]: `${agentsMarker(stack.rootId, ticket)}#measure` };
  const watch = { onLine: ({ text }: { text: string }) => said.push(text), note: async () => async () => undefined };
  const measured = await runGroup(['/bin/sh', '-c', line], { cwd: folder, env: marked }, watch, stack.signal);
  if (measured !== 0) {
    const last = said.at(-1);
    const text = `${ticket}: \`${line}\` ended with exit code ${measured}${last === undefined ? '' : `: ${last}`}`;
    stack.emit({ type: 'warning', text });
  }
  return { figures: parseFigures(said), measured };
}
