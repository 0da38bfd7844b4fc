import type { Step } from '../../../domain/step.ts';
import { requireConfig, type Work } from '../../core/work.ts';
import { openPostgres, POSTGRES } from './postgres.ts';
import { isTemplateFresh, refreshTemplate } from './template.ts';

/** The sealed copy of the baseline's database that tickets' own databases are made from. */
export function templateStep(work: Work): Step {
  return {
    id: { kind: 'template', of: POSTGRES },
    subject: 'shared',
    title: 'template of the database',
    after: [],
    afterIfListed: [{ kind: 'shared services' }, { kind: 'embedded', of: POSTGRES }],
    async inspect() {
      const server = openPostgres(work.stack, await requireConfig(work), work.shared);
      return (await isTemplateFresh(work.stack, server))
        ? 'present'
        : { different: 'it was missing, or older than the database' };
    },
    async apply({ signal, note }) {
      const server = openPostgres(work.stack, await requireConfig(work), work.shared);
      const result = await refreshTemplate(work.stack, server, { force: false, asked: false, signal, note });
      if (result.made || !result.stale) return;
      work.stack.emit({
        type: 'warning',
        text: `${server.baseline} is in use and has changed since its template was made; \`stack db refresh\` makes it again`,
      });
    },
    // It stays for the next ticket; it is dropped with the server's data.
    ownedByOther: true,
    async revert() {},
  };
}
