import { POSTGRES } from '../../domain/own.ts';
import { DATABASE_ID, REDIS_ID } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';

/** The steps that make the shared services this work may stand on, or what it has in them. */
export function sharedIds(work: Work): string[] {
  return ['shared services', ...Object.keys(work.shared).map(embeddedId), TEMPLATE_ID, DATABASE_ID, REDIS_ID];
}

/** The id of the step that makes the template; the baseline's services wait for it, for until then nobody is connected. */
export const TEMPLATE_ID = `template ${POSTGRES}`;

/** The id of the step that makes one embedded shared service; workloads wait for it. */
export function embeddedId(name: string): string {
  return `embedded ${name}`;
}

/** The id of the step that brings the database up to date for one repo; the repo's services wait for it. */
export function migrateId(repo: string): string {
  return `migrate ${repo}`;
}
