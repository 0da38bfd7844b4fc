import path from 'node:path';
import { makeFolder } from '../../adapters/files/files.ts';
import { inspectLock, withLock } from '../../adapters/lock.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { BASELINE } from '../../domain/instance.ts';
import { upLockOf } from '../../domain/layout.ts';
import { traitsOf } from '../../domain/runtime.ts';
import { type Extent, type Step, type StepId, stepName } from '../../domain/step.ts';
import { listLeases } from '../core/leases.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { findKind } from '../data/kinds.ts';
import { embeddedStep } from './embedded.ts';
import { fillStep, isFillCheap, listFillHosts, listFilling } from './fill.ts';
import { networkStep } from './network.ts';
import { listPrerequisiteSteps, listServiceSteps } from './service.ts';
import { sharedStep } from './shared.ts';

/** Longer than another command takes to pull its images, or to make the first data of a server on a slow disk. */
const WAIT_SECONDS = 1800;

/** What of it is wanted: these services of the baseline, the shared services, the network for a ticket's sake. */
export interface UpRequest {
  services: readonly string[];
  shared: readonly string[];
  network: boolean;
  /** The shared services of which the copies are wanted that tickets' own begin as. */
  templates: readonly string[];
  extent: Extent;
}

/** Everything that tickets share: network, shared services, and the services of the baseline that are asked for. */
export function listUpSteps(work: Work, config: StackConfig | undefined, request: UpRequest): Step[] {
  const own = work.baseline ? { ...work, record: work.baseline } : work;
  const shared = Object.entries(work.shared).filter(([name]) => request.shared.includes(name));
  const composed = shared.flatMap(([name, { provider }]) => (provider === 'compose' ? [name] : []));
  const embedded = shared.flatMap(([name, { provider }]) => (provider === 'embedded' ? [name] : []));
  const services = request.services.flatMap((name) => own.record.services[name] ?? []);
  const needsNetwork =
    request.network || [...services, ...shared.map(([, lease]) => lease)].some((one) => traitsOf(one).network);
  return [
    ...(needsNetwork ? [networkStep(work)] : []),
    ...(composed.length > 0 ? [sharedStep(work, composed)] : []),
    ...embedded.map((name) => embeddedStep(work, name)),
    ...afterFill(request.templates.flatMap((name) => findKind(name)?.templateStep?.(work) ?? [])),
    ...listBaselineSteps(own, config, request),
  ];
}

/** The services that are wanted, and before them what their database is filled with. */
function listBaselineSteps(own: Work, config: StackConfig | undefined, request: UpRequest): Step[] {
  const services = request.services.flatMap((service) => listServiceSteps(own, config, service, request.extent));
  const steps = [...(config ? listFillSteps(own, config, request) : []), ...services];
  const once = [...new Map(steps.map((step) => [stepName(step.id), step])).values()];
  return afterFill(once.map(nameBaseline));
}

function listFillSteps(own: Work, config: StackConfig, { services, shared }: UpRequest): Step[] {
  const { record, fill } = own;
  const repos = record.ticket === BASELINE ? listFilling(record, config) : [];
  const needed = services.length > 0 || fill.wish !== undefined;
  const isOff = fill.wish?.migrate === false && fill.wish.seed === false;
  if (repos.length === 0 || isOff || !(needed || (shared.length > 0 && isFillCheap(record, repos)))) return [];
  return [
    ...listFillHosts(record, config).flatMap((service) => listPrerequisiteSteps(own, service)),
    fillStep(own, config, { needed }),
  ];
}

/** What is copied from the baseline's database, and who connects to it, comes once it is filled. */
function afterFill(steps: readonly Step[]): Step[] {
  return steps.map((step) =>
    step.id.kind === 'workload' || step.id.kind === 'template'
      ? { ...step, afterIfListed: [...(step.afterIfListed ?? []), { kind: 'fill', baseline: true } as const] }
      : step,
  );
}

/** True while a command makes or unmakes some of the stack's own parts. */
export async function isUpAtWork(stack: Pick<Stack, 'root'>): Promise<boolean> {
  return (await inspectLock(upLockOf(stack.root))) === 'held';
}

/** Holds while the stack's own parts are made or unmade; `create`, `up` and `down` may run at once. */
export async function withUpLock<Result>(
  work: Work,
  run: () => Promise<Result>,
  note?: (text: string) => void,
  signal?: AbortSignal,
): Promise<Result> {
  const file = upLockOf(work.stack.root);
  // Nothing may have been made in this root yet.
  await makeFolder(path.dirname(file));
  const onWait = (): void => note?.('waiting for another command');
  return withLock(file, run, { signal, onWait, waitSeconds: WAIT_SECONDS });
}

/**
 * Wraps steps of `up` for a command that may run beside others like it: each is made under the lock, and unmade after a
 * failure only when this run made it and no other ticket is there to need it.
 */
export function guardUpSteps(work: Work, steps: readonly Step[]): Step[] {
  return steps.map((step) => {
    let begun = false;
    return {
      ...step,
      async apply(progress) {
        const applyOnce = async (): Promise<void> => {
          await readLeases(work);
          if ((await step.inspect()) === 'present') return;
          begun = true;
          await step.apply(progress);
        };
        await withUpLock(work, applyOnce, progress.note, progress.signal);
      },
      async revert() {
        if (!begun) return;
        await withUpLock(work, async () => {
          const { instances } = await work.stack.store.read();
          if (Object.keys(instances).every((ticket) => ticket === work.record.ticket)) await step.revert();
        });
      },
    };
  });
}

/** Another command may have moved a lease before it gave the lock to us; what was wired to the old one gets a second look. */
async function readLeases(work: Work): Promise<void> {
  const { shared, baseline } = await work.stack.store.read();
  await work.stack.ownPasswords();
  const before = listPorts(work);
  Object.assign(work.shared, shared);
  for (const [name, service] of Object.entries(work.baseline?.services ?? {})) {
    service.ports = baseline?.services[name]?.ports ?? service.ports;
  }
  if (listPorts(work) !== before) work.leases.moved.add('what tickets share');
}

function listPorts({ shared, baseline }: Work): string {
  return [...listLeases({ shared, baseline, instances: {} })].sort().join();
}

const STACK_KINDS: readonly StepId['kind'][] = ['network', 'shared services', 'embedded', 'template'];

/** A ticket's own list may hold a service of the same name: the baseline's steps are told apart. */
function nameBaseline(step: Step): Step {
  const rename = (id: StepId): StepId => (STACK_KINDS.includes(id.kind) ? id : { ...id, baseline: true });
  return {
    ...step,
    id: rename(step.id),
    subject: `${step.subject} (${BASELINE})`,
    after: step.after.map(rename),
    afterIfListed: step.afterIfListed?.map(rename) ?? [],
  };
}
