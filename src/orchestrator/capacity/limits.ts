import type { StackConfig } from '../../domain/config/config.ts';
import { ifAnswered, StackError, throwIfAborted } from '../../domain/errors.ts';
import { type InstanceRecord, listWorkedOn } from '../../domain/instance.ts';
import { formatBytes } from '../../domain/size.ts';
import { isOwnerAlive } from '../core/claim.ts';
import { holdRoom } from '../core/room.ts';
import type { Stack } from '../core/stack.ts';
import { askAnswering } from '../workloads/observe.ts';
import { readLastUse, type Use } from './last-used.ts';
import { listRunning, pauseInstance } from './pause.ts';

/** What is about to run of a ticket. */
export interface RoomWish {
  ticket: string;
  /** With those that run already. */
  services: readonly string[];
  /** True where something of it runs, so that it is no ticket more. */
  isRunning?: boolean;
}

/** Asks a person, and returns the answer; undefined where nobody is there to ask. */
export type Ask = ((question: string) => Promise<boolean>) | undefined;

interface Running {
  record: InstanceRecord;
  /** Those that are about to run are among them. */
  services: string[];
  /** True where a command has written down that it is about to run. */
  isComing: boolean;
  /** True while a command is at it, which ends what it began by itself. */
  isBusy: boolean;
  /** False where its runtime does not answer: then all of it counts. */
  isSeen: boolean;
}

/**
 * Returns what `record` returns: it writes down, in an owner's `starts`, that a ticket's services are about to run. Nobody else comes
 * in between the look at what runs and that. Throws `conflict`, with what runs, where the services would go beyond `limits:` of
 * stack.yml; with `ask` a person may have the ticket paused that nobody has used for longest, and so on until there is room. Without a
 * wish nothing is about to run.
 */
export async function takeRoom<Recorded>(
  stack: Stack,
  config: StackConfig,
  { wish, ask }: { wish: RoomWish | undefined; ask: Ask },
  record: () => Promise<Recorded>,
): Promise<Recorded> {
  const { tickets, memoryBytes, cpus } = config.limits;
  if (!wish || (tickets === undefined && memoryBytes === undefined && cpus === undefined)) return record();
  // A pause that did not help is not offered again.
  const offered = new Set<string>();
  for (;;) {
    throwIfAborted(stack.signal);
    const found = await holdRoom(stack, async () => {
      const running = await listRunningTickets(stack, wish.ticket);
      if (offered.size === 0) warnOfUnseen(stack, running);
      const fault = await findShortage(stack, config, wish, running);
      return fault ? { fault, running } : { recorded: await record() };
    });
    if ('recorded' in found) return found.recorded;
    const { fault, running } = found;
    const uses = await Promise.all(running.map((one) => readUse(stack, one)));
    const pausable = running.filter(
      ({ record: { ticket }, isBusy, isSeen }) => isSeen && !isBusy && !offered.has(ticket),
    );
    const names = fault.isHopeless ? [] : pausable.map(({ record }) => record.ticket);
    const free = uses.filter(([ticket, { by }]) => names.includes(ticket) && by === undefined);
    const [idle] = free.sort(([, one], [, other]) => one.at - other.at);
    const isPaused = idle && ask && (await ask(`${fault.message}. Pause ${idle[0]}, ${describeUse(idle[1])}?`));
    if (!isPaused) throw refuse(fault, uses, idle?.[0]);
    offered.add(idle[0]);
    await pauseInstance(stack, idle[0], async () => undefined);
  }
}

function warnOfUnseen(stack: Stack, running: readonly Running[]): void {
  const unseen = running.flatMap(({ record, isSeen }) => (isSeen ? [] : [record.ticket]));
  if (unseen.length === 0) return;
  const text = `nobody can see what runs of ${unseen.join(', ')}: for \`limits:\` all of it counts`;
  stack.emit({ type: 'warning', text });
}

async function readUse(stack: Stack, { record, isSeen }: Running): Promise<[string, Use]> {
  const use = isSeen ? await ifAnswered(() => readLastUse(stack, record)) : undefined;
  return [record.ticket, use ?? { at: Date.parse(record.createdAt), by: 'nobody can see who' }];
}

function refuse(
  { message, key, isHopeless }: Shortage,
  uses: readonly [string, Use][],
  idle: string | undefined,
): StackError {
  const running = uses.map(([ticket, { at, by }]) => ({ ticket, usedAt: new Date(at).toISOString(), by: by ?? null }));
  const raise = `raise \`limits: { ${key} }\``;
  const pause =
    idle === undefined
      ? `${raise}, or \`stack pause\` one that can wait`
      : `\`stack pause ${idle}\` makes room: it was not used for longest`;
  const hint = isHopeless ? raise : pause;
  return new StackError('conflict', message, {
    hint,
    lines: uses.map(([ticket, use]) => `${ticket}: ${describeUse(use)}`),
    details: { limit: key, running, ...(isHopeless && { hopeless: true }) },
  });
}

/** Returns how a ticket's last use is told: `used by claude (run 1)`, `not used for 3h`. */
export function describeUse({ at, by }: Use): string {
  if (by !== undefined) return `used by ${by}`;
  const minutes = Math.floor((Date.now() - at) / 60_000);
  if (minutes < 1) return 'used a moment ago';
  return `not used for ${minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)}h`}`;
}

async function listRunningTickets(stack: Stack, but: string): Promise<Running[]> {
  const records = listWorkedOn(await stack.store.read()).filter(({ ticket }) => ticket !== but);
  const all = await Promise.all(
    records.map(async (record): Promise<Running> => {
      const [seen, isBusy] = await Promise.all([ifAnswered(() => listRunning(stack, record)), isOwnerAlive(record)]);
      const starts = isBusy ? record.owner?.starts : undefined;
      const meant = record.started && !record.paused ? Object.keys(record.services) : [];
      const services = [...new Set([...(starts ?? []), ...(seen ?? meant)])];
      return { record, services, isComing: starts !== undefined, isBusy, isSeen: seen !== undefined };
    }),
  );
  return all.filter(({ services, isComing }) => services.length > 0 || isComing);
}

function describeCount(count: number): string {
  return count === 1 ? 'a ticket runs' : `${count} tickets run`;
}

/** Sums of decimals have digits that nobody wrote. */
function round(sum: number): number {
  return Number(sum.toFixed(2));
}

interface Shortage {
  message: string;
  /** True where no pause of another would do. */
  isHopeless?: boolean;
  key: 'tickets' | 'memory' | 'cpus';
}

async function findShortage(
  stack: Stack,
  { limits, services }: StackConfig,
  wish: RoomWish,
  running: readonly Running[],
): Promise<Shortage | undefined> {
  const { tickets, memoryBytes, cpus } = limits;
  if (tickets !== undefined && !wish.isRunning && running.length >= tickets)
    return {
      key: 'tickets',
      message: `${describeCount(running.length)}, and \`limits: { tickets: ${tickets} }\` lets no more`,
    };
  const all = running.flatMap(({ record, services: names }) => names.map((name) => ({ ticket: record.ticket, name })));
  if (cpus !== undefined) {
    const sum = (names: readonly string[]): number =>
      names.reduce((total, name) => total + (services[name]?.cpus ?? 0), 0);
    const [taken, wanted] = [sum(all.map(({ name }) => name)), sum(wish.services)];
    if (taken + wanted > cpus + 1e-9)
      return {
        key: 'cpus',
        message: `${wish.ticket} wants ${round(wanted)} cpus, and ${round(taken)} of ${cpus} are taken`,
        isHopeless: wanted > cpus,
      };
  }
  if (memoryBytes === undefined) return undefined;
  const used = await measureMemory(stack, running);
  const memoryOf = (name: string, ticket?: string): number => {
    const said = services[name]?.memoryBytes;
    if (said !== undefined) return said;
    if (ticket !== undefined) return used.get(`${ticket}/${name}`) ?? 0;
    // Elsewhere it is the same program.
    return Math.max(0, ...[...used].flatMap(([key, bytes]) => (key.endsWith(`/${name}`) ? [bytes] : [])));
  };
  const taken = all.reduce((total, { ticket, name }) => total + memoryOf(name, ticket), 0);
  const wanted = wish.services.reduce((total, name) => total + memoryOf(name), 0);
  if (taken + wanted <= memoryBytes) return undefined;
  const [of, needs, has] = [memoryBytes, wanted, taken].map(formatBytes);
  const message = `${wish.ticket} needs about ${needs} of memory, and ${has} of ${of} are taken`;
  return { key: 'memory', message, isHopeless: wanted > memoryBytes };
}

async function measureMemory(stack: Stack, running: readonly Running[]): Promise<Map<string, number>> {
  const services = running.flatMap(({ record }) => Object.values(record.services));
  const used = await askAnswering(stack, services, (runtime) => runtime.usage(stack.rootId));
  return new Map(used.map(({ instance, service, memoryBytes }) => [`${instance}/${service}`, memoryBytes]));
}
