import type { StackConfig } from '../../domain/config/config.ts';
import { BASELINE } from '../../domain/instance.ts';
import type { Step } from '../../domain/step.ts';
import type { Work } from '../work.ts';
import { DATABASE_ID } from './database.ts';
import { embeddedId } from './embedded.ts';
import { imageStep } from './image.ts';
import { readyStep } from './ready.ts';
import { REDIS_ID } from './redis.ts';
import { TEMPLATE_ID } from './template.ts';
import { volumesStep } from './volumes.ts';
import { workloadStep } from './workload.ts';

/** How much of an instance is wanted: its files alone, its workloads too, and those ready. */
export type Extent = 'files' | 'started' | 'ready';

/** What one service stands on before anything can run in its surroundings. */
export function listGroundSteps(work: Work, service: string): Step[] {
  const own = work.record.services[service];
  if (own?.runtime !== 'docker') return [];
  return [imageStep(work, service), ...(Object.keys(own.volumes).length > 0 ? [volumesStep(work, service)] : [])];
}

/** The steps that make the shared services this work may stand on, or what it has in them. */
export function sharedIds(work: Work): string[] {
  return ['shared services', ...Object.keys(work.shared).map(embeddedId), TEMPLATE_ID, DATABASE_ID, REDIS_ID];
}

/** One service from its image to its first answer. */
export function listServiceSteps(work: Work, config: StackConfig | undefined, service: string, extent: Extent): Step[] {
  const dependsOn = config?.services[service]?.dependsOn ?? [];
  const waitsFor = dependsOn.flatMap((name) => [`workload ${name}`, `ready ${name}`, `${BASELINE} ready ${name}`]);
  return [
    ...listGroundSteps(work, service),
    workloadStep(work, service, [...sharedIds(work), ...waitsFor]),
    ...(extent === 'ready' ? [readyStep(work, service)] : []),
  ];
}
