import { requireService } from '../../domain/instance.ts';
import type { Step, StepId } from '../../domain/step.ts';
import { moveLease, startOnLease } from '../core/leases.ts';
import type { Work } from '../core/work.ts';
import { observeWorkload } from '../workloads/observe.ts';
import { buildSpec, refOf } from '../workloads/spec.ts';
import { forgetReady } from './ready-mark.ts';

/** One running service: a container, or a process group. */
export function workloadStep(work: Work, service: string, waitsFor: readonly StepId[]): Step {
  const own = requireService(work.record, service);
  const rebuilt = work.rebuild && own.builtImage !== undefined;
  let isOutdated = false;
  return {
    id: { kind: 'workload', of: service },
    subject: service,
    title: own.runtime === 'docker' ? 'container' : 'process',
    after: own.runtime === 'docker' ? [{ kind: 'image', of: service }, { kind: 'network' }] : [],
    afterIfListed: [
      { kind: 'setup', of: own.repo },
      { kind: 'migrate', of: own.repo },
      { kind: 'env-file', of: own.repo },
      { kind: 'volumes', of: service },
      ...waitsFor,
    ],
    async inspect() {
      const found = await observeWorkload(work, service);
      const needsRecreate = work.needsRecreate.delete(service);
      if (!found) return 'absent';
      // A new image has the tag of the old one, a new worktree its path: the runtime would see no difference.
      isOutdated = rebuilt || needsRecreate;
      if (isOutdated) return 'different';
      const { hash, aliases } = await buildSpec(work, service);
      const isAsMade = found.hash === hash && found.name === own.workload;
      // Others find it by its names in the network, from which somebody may have disconnected it.
      const isJoined = aliases.every((alias) => found.aliases?.includes(alias) ?? true);
      return found.state === 'running' && isAsMade && isJoined ? 'present' : 'different';
    },
    async apply(progress) {
      const runtime = await work.stack.runtime(own.runtime);
      if (isOutdated) await runtime.remove(refOf(work.stack, work.record, service));
      await startOnLease(
        progress,
        async () => runtime.start(await buildSpec(work, service), progress.signal),
        (taken) => moveLease(work, service, taken),
      );
    },
    async revert() {
      await forgetReady(work, service);
      await (await work.stack.runtime(own.runtime)).remove(refOf(work.stack, work.record, service));
    },
  };
}
