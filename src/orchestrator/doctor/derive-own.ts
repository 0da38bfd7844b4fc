import type { StackConfig } from '../../domain/config/config.ts';
import type { InstanceRecord, OwnDatabase, OwnPart, StackState } from '../../domain/instance.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { ALL_KINDS } from '../data/kinds.ts';
import type { OwnKind, SharedLeases } from '../data/own-kind.ts';
import type { Evidence } from './evidence.ts';
import { type Finding, offer } from './finding.ts';

/**
 * Returns a record that was derived from worktrees with what the ticket has of its own: its database says so in its comment, its
 * number of Redis is in its env files, a server is known by its container and its folder. Never throws; what cannot be asked is
 * left out.
 */
export async function withOwn(
  stack: Stack,
  config: StackConfig,
  record: InstanceRecord,
  { shared, evidence: { workloads } }: { shared: SharedLeases; evidence: Evidence },
): Promise<InstanceRecord> {
  const parts = await Promise.all(
    ALL_KINDS.map(async (kind): Promise<[string, OwnPart][]> => {
      const part = await kind.derive(stack, config, record, { shared, workloads });
      return part ? [[kind.service, part]] : [];
    }),
  );
  const own = { ...record.own, ...Object.fromEntries(parts.flat()) };
  return Object.keys(own).length > 0 ? { ...record, own } : record;
}

/** Finds databases of tickets whose records do not know of them: a destroy would leave them. */
export async function examineOwned(stack: Stack, state: StackState): Promise<Finding[]> {
  const config = await configIfReadable(stack);
  if (!config) return [];
  const found = ALL_KINDS.map(async (kind) => {
    const databases = (await kind.listMarked?.(stack, config, state.shared)) ?? new Map<string, OwnDatabase>();
    return [...databases].flatMap(([ticket, own]) => {
      const record = Object.hasOwn(state.instances, ticket) ? state.instances[ticket] : undefined;
      const isUnknown = record?.phase === 'ready' && !record.own?.[kind.service];
      return isUnknown ? [offerDatabase(stack, record, kind, own)] : [];
    });
  });
  return (await Promise.all(found)).flat();
}

function offerDatabase(
  stack: Stack,
  { ticket, createdAt: since }: InstanceRecord,
  { service }: OwnKind,
  own: OwnDatabase,
): Finding {
  const text = `the database ${own.database} is its own, and its record does not say so`;
  return offer(ticket, text, `Note that ${ticket} has the database ${own.database} of its own?`, async () => {
    await stack.store.update((draft) => {
      const record = draft.instances[ticket];
      // It may have been destroyed meanwhile, and made again without.
      if (record?.createdAt === since) record.own = { [service]: own, ...record.own };
    });
    return `${ticket} has ${own.database} again; \`stack start ${ticket}\` wires it`;
  });
}
