import { POSTGRES } from '../../domain/own.ts';
import { DATABASE_ID, REDIS_ID, type StepId } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';

/** The steps that make the shared services this work may stand on, or what it has in them. */
export function sharedIds(work: Work): StepId[] {
  return [{ kind: 'shared services' }, ...Object.keys(work.shared).map(embeddedId), TEMPLATE_ID, DATABASE_ID, REDIS_ID];
}

/** The step that makes the template; the baseline's services wait for it, for until then nobody is connected. */
export const TEMPLATE_ID: StepId = { kind: 'template', of: POSTGRES };

/** The step that makes one embedded shared service; workloads wait for it. */
export function embeddedId(name: string): StepId {
  return { kind: 'embedded', of: name };
}
