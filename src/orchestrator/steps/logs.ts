import { rm } from 'node:fs/promises';
import { isThere, makeFolder } from '../../adapters/files/files.ts';
import { inFolder } from '../../domain/layout.ts';
import type { Step } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';

/** The folder of an instance's logs. They outlive a failed create, since they tell why; destroy takes them. */
export function logsStep(work: Work): Step {
  const folder = inFolder(work.stack.root, 'logs', work.record.ticket);
  return {
    id: { kind: 'logs' },
    subject: work.record.ticket,
    title: 'logs',
    after: [],
    async inspect() {
      return (await isThere(folder)) ? 'present' : 'absent';
    },
    async apply() {
      await makeFolder(folder);
    },
    async revert() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
