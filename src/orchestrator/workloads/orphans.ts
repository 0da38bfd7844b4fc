import type { StackConfig } from '../../domain/config/config.ts';
import type { Work } from '../core/work.ts';
import { observeWorkload } from './observe.ts';
import { refOf } from './spec.ts';

/**
 * Removes what runs of services that stack.yml has dropped or renamed. Their leases and volumes stay on record: they may
 * come back, and destroy takes them.
 */
export async function removeOrphans(work: Work, config: StackConfig): Promise<void> {
  const { stack, record } = work;
  const dropped = Object.entries(record.services).filter(([name]) => !Object.hasOwn(config.services, name));
  await Promise.all(
    dropped.map(async ([name, { runtime }]) => {
      if (!(await observeWorkload(work, name))) return;
      await (await stack.runtime(runtime)).remove(refOf(stack, record, name));
      stack.emit({ type: 'info', text: `${name} is no longer in stack.yml: what ran of it is removed` });
    }),
  );
}
