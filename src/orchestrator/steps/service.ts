import type { StackConfig } from '../../domain/config/config.ts';
import { traitsOf } from '../../domain/runtime.ts';
import type { Extent, Step, StepId } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';
import { sharedIds } from './ids.ts';
import { imageStep } from './image.ts';
import { readyStep } from './ready.ts';
import { volumesStep } from './volumes.ts';
import { workloadStep } from './workload.ts';

/** What one service stands on before anything can run in its surroundings. */
export function listPrerequisiteSteps(work: Work, service: string): Step[] {
  const own = work.record.services[service];
  if (!own || !traitsOf(own).images) return [];
  return [imageStep(work, service), ...(Object.keys(own.volumes).length > 0 ? [volumesStep(work, service)] : [])];
}

/** One service from its image to its first answer. */
export function listServiceSteps(work: Work, config: StackConfig | undefined, service: string, extent: Extent): Step[] {
  const dependsOn = config?.services[service]?.dependsOn ?? [];
  const waitsFor = dependsOn.flatMap((name): StepId[] => [
    { kind: 'workload', of: name },
    { kind: 'ready', of: name },
    { kind: 'ready', of: name, baseline: true },
  ]);
  return [
    ...listPrerequisiteSteps(work, service),
    workloadStep(work, service, [...sharedIds(work), ...waitsFor]),
    ...(extent === 'ready' ? [readyStep(work, service)] : []),
  ];
}
