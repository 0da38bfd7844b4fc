import { explainShortage } from '../../domain/errors.ts';
import { isUnseen } from './ask-tool.ts';
import { isSameStart, type ProcessIdentity } from './identity.ts';
import { readPsTableNow } from './ps-table.ts';
import { sendSignal } from './stat.ts';
import { listNumbers, listStarted, readMarker } from './table.ts';

/** A process group, and what all carry that were started in it, those that left it included; '' where that is nothing. */
interface Dependent {
  signal: NodeJS.Signals;
  marker: string;
}

/** What must not outlive this process. */
const groups = new Map<number, Dependent & { strays: readonly ProcessIdentity[] }>();
let watching = false;

/**
 * Ends a process group, and what was started in it and has left it, should this process leave before they have ended (a second
 * Ctrl-C): groups of their own are not reached by what the terminal sends. What left it carries its marker, where the system shows
 * that (Linux); elsewhere it is what its members have started. Returns what takes that back.
 */
export function endWithMe(group: number, mortal: Dependent): () => void {
  groups.set(group, { ...mortal, strays: [] });
  if (!watching) process.on('exit', endAll);
  watching = true;
  return () => void groups.delete(group);
}

/** Says what has left such a group, before the group is ended: once who started it has ended, nothing leads to it. */
export function noteStrays(group: number, strays: readonly ProcessIdentity[]): void {
  const known = groups.get(group);
  if (known) known.strays = strays;
}

/** Nothing is waited for any more here. */
function endAll(): void {
  if (groups.size === 0) return;
  const strays = process.platform === 'linux' ? [] : ifPossible(listStrays);
  for (const [group, { signal }] of groups) sendSignal(-group, signal);
  for (const [pid, signal] of strays ?? []) sendSignal(pid, signal);
  if (process.platform === 'linux') ifPossible(endMarked);
}

/** The exit must not end here for want of descriptors, or of a `ps`: whom nobody sees is left alone. */
function ifPossible<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch (error) {
    if (!explainShortage(error) && !isUnseen(error)) throw error;
    return undefined;
  }
}

/** Returns what the groups' members, and those that left before, have started, with the signal for each. Throws `unseen`. */
function listStrays(): [pid: number, signal: NodeJS.Signals][] {
  const rows = [...readPsTableNow().values()].filter(({ zombie }) => !zombie);
  return [...groups].flatMap(([group, { signal, strays }]) => {
    const members = rows.filter((row) => row.group === group);
    // Its number may be another's by now.
    const left = rows.filter((row) =>
      strays.some((one) => one.pid === row.pid && isSameStart(one.startTime, row.began)),
    );
    const parents = [...members, ...left].map(({ pid }) => pid);
    return [...left, ...listStarted(rows, parents)].map(({ pid }) => [pid, signal] as [number, NodeJS.Signals]);
  });
}

function endMarked(): void {
  const marked = [...groups.values()].filter(({ marker }) => marker !== '');
  if (marked.length === 0) return;
  const signals = new Map(marked.map(({ marker, signal }) => [marker, signal]));
  for (const pid of listNumbers('/proc')) {
    const signal = pid === process.pid ? undefined : signals.get(readMarker(pid) ?? '');
    if (signal !== undefined) sendSignal(pid, signal);
  }
}
