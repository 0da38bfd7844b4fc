import { explainShortage } from '../../domain/errors.ts';
import { sendSignal } from './stat.ts';
import { listNumbers, readMarker } from './table.ts';

/** A process group, and what all carry that were started in it, those that left it included; '' where that is nothing. */
interface Dependent {
  signal: NodeJS.Signals;
  marker: string;
}

/** What must not outlive this process. */
const groups = new Map<number, Dependent>();
let watching = false;

/**
 * Ends a process group, and who carries its marker where the system shows that (Linux), should this process leave before they
 * have ended (a second Ctrl-C): groups of their own are not reached by what the terminal sends. Returns what takes that back.
 */
export function endWithMe(group: number, mortal: Dependent): () => void {
  groups.set(group, mortal);
  if (!watching) process.on('exit', endAll);
  watching = true;
  return () => void groups.delete(group);
}

/** Nothing is waited for any more here. */
function endAll(): void {
  if (groups.size === 0) return;
  const signals = new Map<string, NodeJS.Signals>();
  for (const [group, { signal, marker }] of groups) {
    sendSignal(-group, signal);
    if (marker !== '') signals.set(marker, signal);
  }
  try {
    if (process.platform === 'linux' && signals.size > 0) endMarked(signals);
  } catch (error) {
    // The exit must not end here for want of descriptors.
    if (!explainShortage(error)) throw error;
  }
}

function endMarked(signals: ReadonlyMap<string, NodeJS.Signals>): void {
  for (const pid of listNumbers('/proc')) {
    const signal = pid === process.pid ? undefined : signals.get(readMarker(pid) ?? '');
    if (signal !== undefined) sendSignal(pid, signal);
  }
}
