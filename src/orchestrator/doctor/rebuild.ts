import path from 'node:path';
import type { OwnEntry } from '../../adapters/state/copies.ts';
import { ifAnswered } from '../../domain/errors.ts';
import type { InstanceRecord, StackState } from '../../domain/instance.ts';
import { BASELINE } from '../../domain/instance.ts';
import { listLeases } from '../core/leases.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { findKind } from '../data/kinds.ts';
import { planPrerequisites } from '../prepare/prerequisites.ts';
import { withOwn } from './derive-own.ts';
import { deriveRecord, describeServices } from './derive-record.ts';
import { type Evidence, ticketOfEntry } from './evidence.ts';

/** Where the record of a ticket was found. */
export type Source = 'backup' | 'git' | 'worktrees';

/** A state as far as it can be known, and where each of its tickets comes from. */
export interface Rebuilt {
  known: Pick<StackState, 'stack' | 'shared' | 'baseline' | 'instances' | 'sequence'>;
  sources: Map<string, Source>;
}

/**
 * Makes a state again: from its backup, then from what git keeps beside the worktrees, then from worktrees and workloads
 * themselves. Changes nothing.
 */
export async function rebuildState(stack: Stack, evidence: Evidence): Promise<Rebuilt> {
  const start = evidence.backup?.state ?? sortByAge(evidence.entries)[0]?.state;
  const known: Rebuilt['known'] = {
    stack: start?.stack ?? stack.name,
    shared: start?.shared ?? {},
    baseline: start?.baseline ?? (await deriveBaseline(stack, evidence)),
    instances: {},
    sequence: Math.max(0, ...[evidence.backup, ...evidence.entries].map((copy) => copy?.state?.sequence ?? 0)),
  };
  const rebuilt: Rebuilt = { known, sources: new Map() };
  const saved = evidence.backup?.state.instances ?? {};
  for (const [ticket, record] of Object.entries(saved)) {
    // Where the disk was full, or a kill came in between, the backup is behind.
    const newer = findNewer(evidence, ticket, record);
    add(rebuilt, ticket, newer ?? record, newer ? 'git' : 'backup');
  }
  for (const ticket of listTickets(evidence)) {
    if (Object.hasOwn(saved, ticket)) continue;
    const found = await findRecord(stack, evidence, ticket, known.shared);
    if (found) add(rebuilt, ticket, ...found);
  }
  return rebuilt;
}

/** Returns what git keeps of a ticket where that was written after the backup, and says something else. */
function findNewer({ entries, backup }: Evidence, ticket: string, record: InstanceRecord): InstanceRecord | undefined {
  const [copy] = sortByAge(entries.filter((entry) => ticketOfEntry(entry) === ticket));
  const kept = copy?.state?.instances[ticket];
  if (!copy || !kept || (backup && compareAge(copy, backup) > 0)) return undefined;
  return JSON.stringify(kept) === JSON.stringify(record) ? undefined : kept;
}

/** Returns the entries whose copy can be read, the newest first. */
function sortByAge(entries: readonly OwnEntry[]): OwnEntry[] {
  return entries.filter(({ state }) => state).sort(compareAge);
}

/** Negative where one copy was written after the other. Their numbers tell; times do where older versions wrote none. */
function compareAge(one: Copy, other: Copy): number {
  return (other.state?.sequence ?? 0) - (one.state?.sequence ?? 0) || other.savedAt - one.savedAt;
}

type Copy = Pick<OwnEntry, 'state' | 'savedAt'>;

/** Returns the tickets that worktrees and folders tell of. */
export function listTickets({ entries, folders }: Evidence): string[] {
  return [...new Set([...entries.map(ticketOfEntry), ...folders.map((folder) => path.basename(folder))])].sort();
}

/** Returns the record of a ticket as git keeps it, else as its worktrees are; undefined when there is no worktree of it. */
export async function findRecord(
  stack: Stack,
  evidence: Evidence,
  ticket: string,
  shared: StackState['shared'],
): Promise<[InstanceRecord, Source] | undefined> {
  const [copy] = sortByAge(evidence.entries.filter((entry) => ticketOfEntry(entry) === ticket));
  const record = copy?.state?.instances[ticket];
  if (record) return [record, 'git'];
  const config = await configIfReadable(stack);
  if (!config) return undefined;
  const derived = await ifAnswered(() => deriveRecord(stack, config, evidence, ticket));
  const hasWorktree = Object.values(derived?.repos ?? {}).some(({ mode }) => mode === 'dedicated');
  return derived && hasWorktree
    ? [await withOwn(stack, config, derived, { shared, evidence }), 'worktrees']
    : undefined;
}

function add({ known, sources }: Rebuilt, ticket: string, record: InstanceRecord, source: Source): void {
  known.instances[ticket] = giveUpLeases(record, known);
  sources.set(ticket, source);
}

/** Returns a record without what is leased to others: the next start leases that again. Its owner may live, and be at work on it. */
export function giveUpLeases(record: InstanceRecord, others: Rebuilt['known']): InstanceRecord {
  const leased = listLeases(others);
  const services = Object.entries(record.services).map(([name, service]) => {
    const ports = Object.entries(service.ports).filter(([, { host }]) => !leased.has(host));
    return [name, { ...service, ports: Object.fromEntries(ports) }] as const;
  });
  const own = Object.entries(record.own ?? {}).map(([name, part]) => {
    return [name, findKind(name)?.giveUpLeases?.(part, others) ?? part] as const;
  });
  return { ...record, services: Object.fromEntries(services), ...(record.own && { own: Object.fromEntries(own) }) };
}

/** Returns the baseline as it runs now; undefined when nothing of it does, since `up` then makes it again. */
export async function deriveBaseline(stack: Stack, { workloads }: Evidence): Promise<InstanceRecord | undefined> {
  const running = workloads.filter(({ instance }) => instance === BASELINE);
  const config = await configIfReadable(stack);
  if (running.length === 0 || !config) return undefined;
  const empty: StackState = {
    version: 3,
    writtenBy: '',
    root: stack.root,
    stack: stack.name,
    shared: {},
    instances: {},
  };
  const { baseline } = await planPrerequisites(stack, config, empty);
  if (!baseline) return undefined;
  return { ...baseline, services: { ...baseline.services, ...describeServices(baseline.services, running) } };
}
