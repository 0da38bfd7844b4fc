import { OWNABLE } from '../../domain/own-kinds.ts';
import type { StepId } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';

/** The steps that make the shared services this work may stand on, or what it has in them. */
export function sharedIds(work: Work): StepId[] {
  return [
    { kind: 'shared services' },
    ...Object.keys(work.shared).map((of): StepId => ({ kind: 'embedded', of })),
    ...OWNABLE.map((of): StepId => ({ kind: 'template', of })),
    ...OWNABLE.map((of): StepId => ({ kind: 'database', of })),
  ];
}
