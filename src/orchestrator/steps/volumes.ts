import { requireService } from '../../domain/instance.ts';
import { LABELS } from '../../domain/names.ts';
import type { Step } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';

/** The named volumes of one service of one instance. */
export function volumesStep(work: Work, service: string): Step {
  const names = Object.values(requireService(work.record, service).volumes);
  return {
    id: { kind: 'volumes', of: service },
    subject: service,
    title: `volumes ${names.join(', ')}`,
    after: [],
    async inspect() {
      const docker = await work.stack.docker();
      const there = new Set((await docker.listVolumes(work.stack.rootId)).map((volume) => volume.name));
      return names.every((name) => there.has(name)) ? 'present' : 'absent';
    },
    async apply() {
      const docker = await work.stack.docker();
      const { rootId, root, name: stack } = work.stack;
      const labels = {
        [LABELS.root]: rootId,
        [LABELS.rootPath]: root,
        [LABELS.stack]: stack,
        [LABELS.ticket]: work.record.ticket,
        [LABELS.service]: service,
      };
      for (const name of names) await docker.ensureVolume(name, labels);
    },
    async revert() {
      const docker = await work.stack.docker();
      for (const name of names) await docker.removeVolume(name, work.stack.rootId);
    },
  };
}
