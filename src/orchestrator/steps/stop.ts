import { requireService } from '../../domain/instance.ts';
import type { Step } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';
import { observeWorkload } from '../workloads/observe.ts';
import { refOf } from '../workloads/spec.ts';

/** One service brought to rest; what it keeps stays. There is no way back but a start. */
export function stopStep(work: Work, service: string): Step {
  const { runtime } = requireService(work.record, service);
  return {
    id: { kind: 'stop', of: service },
    subject: service,
    title: 'stopped',
    after: [],
    async inspect() {
      return (await observeWorkload(work, service)) ? 'absent' : 'present';
    },
    async apply() {
      await (await work.stack.runtime(runtime)).stop(refOf(work.stack, work.record, service));
    },
    ownedByOther: true,
    async revert() {},
  };
}
