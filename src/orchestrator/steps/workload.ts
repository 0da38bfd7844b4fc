import { requireService } from '../../domain/instance.ts';
import { type Runtime, traitsOf, type WorkloadSpec } from '../../domain/runtime.ts';
import type { Step, StepId } from '../../domain/step.ts';
import { moveLease, startOnLease } from '../core/leases.ts';
import type { Work } from '../core/work.ts';
import { observeWorkload } from '../workloads/observe.ts';
import { buildSpec, listChanges, refOf } from '../workloads/spec.ts';
import { forgetReady } from './ready-mark.ts';

/** One running service: a container, or a process group. */
export function workloadStep(work: Work, service: string, waitsFor: readonly StepId[]): Step {
  const own = requireService(work.record, service);
  const traits = traitsOf(own);
  const rebuilt = work.rebuild && own.builtImage !== undefined;
  // A new image has the tag of the old one, a new worktree its path: the runtime would see no difference.
  const whyReplace = (): string[] => [
    ...(rebuilt ? ['its image is a new one'] : []),
    ...(work.needsRecreate.has(service) ? ['its worktree is a new one'] : []),
  ];
  return {
    id: { kind: 'workload', of: service },
    subject: service,
    title: traits.workload,
    after: [
      ...(traits.images ? [{ kind: 'image', of: service } as const] : []),
      ...(traits.network ? [{ kind: 'network' } as const] : []),
    ],
    afterIfListed: [
      { kind: 'setup', of: own.repo },
      { kind: 'migrate', of: own.repo },
      { kind: 'env-file', of: own.repo },
      { kind: 'volumes', of: service },
      ...waitsFor,
    ],
    async inspect() {
      const found = await observeWorkload(work, service);
      if (!found) return 'absent';
      const { hash, aliases } = await buildSpec(work, service);
      // Others find it by its names in the network, from which somebody may have disconnected it.
      const isJoined = aliases.every((alias) => found.aliases?.includes(alias) ?? true);
      const changes = listChanges(found.hash, hash);
      const reasons = [
        ...whyReplace(),
        ...(changes.length > 0 ? [`changed: ${changes.join(', ')}`] : []),
        ...(found.name === own.workload ? [] : [`it was renamed to ${found.name}`]),
        ...(isJoined ? [] : ['it was not in the stack’s network']),
        ...(found.state === 'running' ? [] : [found.state === 'exited' ? 'it had ended' : `it was ${found.state}`]),
      ];
      return reasons.length === 0 ? 'present' : { different: reasons.join(', ') };
    },
    async apply(progress) {
      const runtime = await work.stack.runtime(own.runtime);
      if (whyReplace().length > 0 && (await observeWorkload(work, service)))
        await runtime.remove(refOf(work.stack, work.record, service));
      await startOnLease(
        progress,
        async () => {
          const spec = await buildSpec(work, service);
          await runtime.start(spec, progress.signal);
          await tellLimits(work, runtime, spec);
        },
        (taken) => moveLease(work, service, taken),
      );
      work.needsRecreate.delete(service);
    },
    async revert() {
      await forgetReady(work, service);
      await (await work.stack.runtime(own.runtime)).remove(refOf(work.stack, work.record, service));
    },
  };
}

/** Says of limits that cannot be kept here that they are not. */
async function tellLimits({ stack }: Work, runtime: Runtime, spec: WorkloadSpec): Promise<void> {
  const { instance, service, memoryBytes, cpus } = spec;
  const said = [...(memoryBytes === undefined ? [] : ['memory']), ...(cpus === undefined ? [] : ['cpus'])];
  const fault = said.length === 0 ? undefined : await runtime.explainLimits?.(spec);
  if (fault === undefined) return;
  const text = `${said.map((key) => `\`${key}:\``).join(' and ')} of ${service} cannot be kept here: ${fault}`;
  stack.emit({ type: 'warning', text: `${text}; \`stack top\` shows what ${instance} uses` });
}
