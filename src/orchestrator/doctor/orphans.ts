import { rm } from 'node:fs/promises';
import path from 'node:path';
import { POINTER_FILE } from '../../adapters/config-file.ts';
import { isThere, removeIfEmpty } from '../../adapters/files/files.ts';
import { withLock } from '../../adapters/lock.ts';
import { tolerate } from '../../domain/errors.ts';
import { BASELINE, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import { upLockOf } from '../../domain/layout.ts';
import { LABELS } from '../../domain/names.ts';
import { ownServer } from '../../domain/own.ts';
import { traitsOf, type WorkloadStatus } from '../../domain/runtime.ts';
import { isOwnerAlive } from '../core/claim.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { ALL_KINDS } from '../data/kinds.ts';
import { listBeside, removeNobodys } from '../safety/beside.ts';
import { isUpAtWork } from '../steps/up.ts';
import { askRuntimes } from '../workloads/observe.ts';
import { collectEvidence, type Evidence } from './evidence.ts';
import { type Finding, offer } from './finding.ts';
import { deriveBaseline, findRecord, giveUpLeases, listTickets } from './rebuild.ts';
import { listStrandedFolders } from './traces.ts';

/** Finds what is there of this root and in no record: tickets to take back, and things to remove. */
export async function examineOrphans(stack: Stack, state: StackState, evidence: Evidence): Promise<Finding[]> {
  const unknown = listTickets(evidence).filter((ticket) => !Object.hasOwn(state.instances, ticket));
  const tickets = await Promise.all(unknown.map((ticket) => examineTicket(stack, evidence, ticket, state.shared)));
  const baseline = state.baseline ? undefined : await deriveBaseline(stack, evidence);
  // Things of a ticket that may be taken back stay, whatever the answer.
  const spared = new Set([...unknown, ...(baseline ? [BASELINE] : [])]);
  const things = [
    ...listStrayWorkloads(stack, state, evidence),
    ...(await listStrayThings(stack, state, evidence)),
    ...(await listStrayData(stack, state, evidence)),
  ];
  // What was made while we looked has a record by now: that is written first.
  const now = await stack.store.read();
  return [
    ...tickets,
    ...(baseline ? [offerBaseline(stack, baseline)] : []),
    ...things
      .filter(({ instance, service }) => !spared.has(instance) && !isRecorded(now, instance, service))
      .map(({ finding }) => finding),
    ...(await listUnrecorded(stack, now)),
    ...(await listStranded(stack)),
  ];
}

/** Folders of tickets whose root was moved here, and whose state did not come with it: no command knows them. */
async function listStranded(stack: Stack): Promise<Finding[]> {
  const config = await configIfReadable(stack);
  // That they cannot be looked at is told with the evidence.
  const stranded = (await tolerate(listStrandedFolders(stack.root, config), 'files')) ?? [];
  return stranded.map(({ folder, root }) => ({
    subject: path.basename(folder),
    ok: false,
    text: `${folder} is the folder of a ticket of ${root}, which is not there any more`,
    hint: `move the root back to ${root} with its .stack; or take what you need out of the folder, delete it, and run \`git worktree prune\` in the repos`,
  }));
}

function isRecorded(state: StackState, instance: string, service: string | undefined): boolean {
  const record = recordOf(state, instance);
  return record !== undefined && (service === undefined || holdsWorkload(record, service));
}

async function examineTicket(
  stack: Stack,
  evidence: Evidence,
  ticket: string,
  shared: StackState['shared'],
): Promise<Finding> {
  const found = await findRecord(stack, evidence, ticket, shared);
  if (found) return offerTicket(stack, ticket, ...found);
  const text = 'there is something of it, and no record';
  const folder = evidence.folders.find((one) => path.basename(one) === ticket);
  const hasWorktree = evidence.entries.some(({ owner }) => owner.startsWith(`${ticket} (`));
  if (folder === undefined || hasWorktree || evidence.unseen.length > 0) {
    const where = evidence.unseen.length > 0 ? `look at ${evidence.unseen.join(', ')} first` : 'look at its worktrees';
    return { subject: ticket, ok: false, text, hint: where };
  }
  return offerFolder(stack, ticket, folder);
}

function offerTicket(
  stack: Stack,
  ticket: string,
  record: InstanceRecord,
  source: 'backup' | 'git' | 'worktrees',
): Finding {
  const whence =
    source === 'worktrees' ? ', as its worktrees are; its branches stay when it goes' : ', as git keeps it';
  const text = `it is at ${record.folder}, and not in the state file`;
  return offer(ticket, text, `Take ${ticket} back into the state file${whence}?`, async () => {
    if (!listTickets(await collectEvidence(stack)).includes(ticket)) return 'it is gone by now';
    await stack.store.update((draft) => {
      draft.instances[ticket] ??= giveUpLeases(record, draft);
    });
    return `it is back${whence}`;
  });
}

function offerFolder(stack: Stack, ticket: string, folder: string): Finding {
  const question = `Remove ${path.join(folder, POINTER_FILE)}, and the folder if nothing else is in it?`;
  return offer(ticket, `nothing is left of it but ${folder}`, question, () =>
    stack.store.update(async (now) => {
      if (isRecorded(now, ticket, undefined)) return `it belongs to ${ticket} by now`;
      await rm(path.join(folder, POINTER_FILE), { force: true });
      if ((await listBeside({ folder, worktrees: [] })).length === 0) await removeNobodys(folder);
      await removeIfEmpty(folder);
      return (await isThere(folder)) ? `${folder} stays with what people put there` : `${folder} is gone`;
    }),
  );
}

function offerBaseline(stack: Stack, baseline: InstanceRecord): Finding {
  const question = 'Take the baseline back into the state file, as it runs?';
  return offer(BASELINE, 'it runs, and is not in the state file', question, async () => {
    await stack.store.update((draft) => {
      draft.baseline ??= giveUpLeases(baseline, draft);
    });
    return 'it is back';
  });
}

type Workload = Pick<WorkloadStatus, 'instance' | 'service' | 'name' | 'runtime'>;

interface Stray {
  instance: string;
  /** Of a workload; undefined for what belongs to the ticket as a whole. */
  service?: string;
  finding: Finding;
}

/** Containers and process groups that no record knows. */
function listStrayWorkloads(stack: Stack, state: StackState, { workloads }: Evidence): Stray[] {
  return workloads.flatMap((workload) => {
    const { instance, service, name } = workload;
    if (holdsWorkload(recordOf(state, instance), service)) return [];
    const what = `the ${traitsOf(workload).workload} ${name}`;
    return [{ instance, service, finding: offerRemoval(stack, what, workload, () => removeWorkload(stack, workload)) }];
  });
}

function holdsWorkload(record: InstanceRecord | undefined, service: string): boolean {
  return record?.services[service] !== undefined || ownServer(service, record?.own) !== undefined;
}

async function removeWorkload(stack: Stack, { instance, service, name, runtime }: Workload): Promise<void> {
  const ref = { rootId: stack.rootId, stack: stack.name, instance, service, name };
  await (await stack.runtime(runtime)).remove(ref);
}

/** Volumes and built images of tickets that are gone. Those of the baseline are its data, which outlive it. */
async function listStrayThings(stack: Stack, state: StackState, { unseen }: Evidence): Promise<Stray[]> {
  // While a repo cannot be looked at, a ticket in there may still come back to its data.
  if (unseen.length > 0 || !(await stack.checkEngine()).ok) return [];
  const docker = await stack.docker();
  const { volumes, images } = await docker.listOwned(stack.rootId);
  const strays = (things: typeof volumes, what: string, remove: typeof docker.removeVolume): Stray[] =>
    things.flatMap(({ name, labels }) => {
      const instance = labels[LABELS.ticket];
      if (instance === undefined || instance === BASELINE || recordOf(state, instance)) return [];
      return [
        { instance, finding: offerRemoval(stack, `${what} ${name}`, { instance }, () => remove(name, stack.rootId)) },
      ];
    });
  return [...strays(volumes, 'the volume', docker.removeVolume), ...strays(images, 'the image', docker.removeImage)];
}

/** What tickets that are gone had of their own of the shared services. */
async function listStrayData(stack: Stack, state: StackState, { unseen }: Evidence): Promise<Stray[]> {
  if (unseen.length > 0) return [];
  const found = (await Promise.all(ALL_KINDS.map((kind) => kind.listStrays(stack, state)))).flat();
  return found.map(({ ticket: instance, service, what, remove }) => {
    const whose = { instance, ...(service !== undefined && { service }) };
    return { ...whose, finding: offerRemoval(stack, what, whose, remove) };
  });
}

/**
 * Processes of services that no process record tells of: `ps` takes them for stopped. Seen on Linux alone. `isOurs`: this command
 * holds the lock of `up`.
 */
async function listUnrecorded(stack: Stack, state: StackState, isOurs = false): Promise<Finding[]> {
  const records = await listAtRest(stack, state, isOurs);
  const services = records.flatMap((record) =>
    Object.entries(record.services).map(([service, { workload, runtime }]) => ({
      ...{ instance: record.ticket, service, name: workload, runtime },
    })),
  );
  const running = await askRuntimes(stack, services, (runtime) => runtime.listMarked?.());
  const candidates = services.filter(({ name }) => running.includes(name));
  if (candidates.length === 0) return [];
  // A command that has begun meanwhile starts a process a moment before it records it; one that is done has recorded it.
  const still = await listAtRest(stack, await stack.store.read(), isOurs);
  const seen = await askRuntimes(stack, candidates, (runtime) => runtime.status(stack.rootId));
  const known = new Set(seen.map(({ name }) => name));
  return candidates
    .filter(({ name, instance }) => !known.has(name) && still.some(({ ticket }) => ticket === instance))
    .map((one) => offerEnd(stack, one));
}

/** Returns the records that no living command is at work on. The baseline is worked on under the lock of `up`. */
async function listAtRest(
  stack: Stack,
  { instances, baseline }: StackState,
  isOurs: boolean,
): Promise<InstanceRecord[]> {
  const tickets = await Promise.all(
    Object.values(instances).map(async (record) => ((await isOwnerAlive(record)) ? [] : [record])),
  );
  const isHeld = baseline && !isOurs && (await isUpAtWork(stack));
  return [...tickets.flat(), ...(baseline && !isHeld ? [baseline] : [])];
}

function offerEnd(stack: Stack, one: Workload): Finding {
  const what = `${one.service} of ${one.instance}`;
  const question = `End the processes of ${what}, whose own record is lost?`;
  const end = (): Promise<string> =>
    stack.store.update(async (now) => {
      const found = await listUnrecorded(stack, now, true);
      if (!found.some(({ fix }) => fix?.question === question)) return `${what} has its record again`;
      await removeWorkload(stack, one);
      return `${what} is stopped; \`stack ${one.instance === BASELINE ? 'up' : `start ${one.instance}`}\` starts it`;
    });
  const text = `${what} runs, and its own record is lost, so that it passes for stopped`;
  return offer('orphans', text, question, () => withLock(upLockOf(stack.root), end));
}

function offerRemoval(
  stack: Stack,
  what: string,
  { instance, service }: { instance: string; service?: string },
  remove: () => Promise<void>,
): Finding {
  const text = `${what} belongs to no ticket`;
  // Whoever wants to make it again writes a record first, and waits until it is gone.
  return offer('orphans', text, `Remove ${what}, which belongs to no ticket?`, () =>
    stack.store.update(async (now) => {
      if (isRecorded(now, instance, service)) return `${what} belongs to ${instance} by now`;
      await remove();
      return `${what} is gone`;
    }),
  );
}

function recordOf(state: StackState, instance: string): InstanceRecord | undefined {
  if (instance === BASELINE) return state.baseline;
  return Object.hasOwn(state.instances, instance) ? state.instances[instance] : undefined;
}
