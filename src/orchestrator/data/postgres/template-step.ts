import { BASELINE } from '../../../domain/instance.ts';
import type { Step, StepProgress } from '../../../domain/step.ts';
import { requireConfig, type Work } from '../../core/work.ts';
import { hasDatabase } from './database-step.ts';
import { openPostgres, POSTGRES } from './postgres.ts';
import { canTemplateWait, isTemplateFresh, refreshTemplate } from './template.ts';

/**
 * The sealed copy of the baseline's database that tickets' own databases are made from. A ticket whose database is there
 * needs none, and `up` makes it while nobody uses that database.
 */
export function templateStep(work: Work): Step {
  return {
    id: { kind: 'template', of: POSTGRES },
    subject: 'shared',
    title: 'template of the database',
    after: [],
    afterIfListed: [{ kind: 'shared services' }, { kind: 'embedded', of: POSTGRES }],
    async inspect() {
      const server = openPostgres(work.stack, await requireConfig(work), work.shared);
      const isNeedless =
        work.record.ticket === BASELINE ? canTemplateWait(work.stack, server) : hasDatabase(work, server);
      return (await isNeedless) || (await isTemplateFresh(work.stack, server))
        ? 'present'
        : { different: 'it was missing, or older than the database' };
    },
    apply: (progress) => renewTemplate(work, progress),
    // It stays for the next ticket; it is dropped with the server's data.
    ownedByOther: true,
    async revert() {},
  };
}

/** Makes the template again; one that has to do as it is, is told. Call it with the up lock held. Throws as `refreshTemplate` does. */
export async function renewTemplate(work: Work, { signal, note }: StepProgress): Promise<void> {
  const { stack } = work;
  const server = openPostgres(stack, await requireConfig(work), work.shared);
  const result = await refreshTemplate(stack, server, { force: false, asked: false, signal, note });
  if (result.made || !result.stale) return;
  stack.emit({
    type: 'warning',
    text: `${server.baseline} is in use and has changed since its template was made; \`stack db refresh\` makes it again`,
  });
}
