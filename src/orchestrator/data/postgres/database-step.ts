import type { Session } from '../../../adapters/postgres/connection.ts';
import {
  copyDatabase,
  copyProperties,
  dropDatabase,
  findDatabase,
  fingerprintOf,
  moveDatabase,
} from '../../../adapters/postgres/databases.ts';
import { StackError } from '../../../domain/errors.ts';
import { hiddenDatabase, ownDatabase } from '../../../domain/own.ts';
import type { Step } from '../../../domain/step.ts';
import { requireConfig, type Work } from '../../core/work.ts';
import { placeOf } from '../../shared/place.ts';
import {
  forgetMigrations,
  isTicketOf,
  noteMade,
  requireDatabase,
  takenBySomebody,
  tellSavedGone,
  tellStranded,
  ticketMark,
} from '../own-database.ts';
import { openPostgres, openRecorded, POSTGRES, type PostgresServer } from './postgres.ts';
import { bringDataBack, findKept, takeBack } from './saved.ts';
import { templateName } from './template.ts';

/** A database of the ticket's own. */
export function databaseStep(work: Work): Step {
  const own = requireDatabase(work, POSTGRES);
  const { database, from } = own;
  return {
    id: { kind: 'database', of: POSTGRES },
    subject: POSTGRES,
    title: `database ${database}, from ${from}`,
    after: [],
    afterIfListed: [
      { kind: 'shared services' },
      { kind: 'embedded', of: POSTGRES },
      { kind: 'template', of: POSTGRES },
    ],
    async inspect() {
      const server = openPostgres(work.stack, await requireConfig(work), work.shared);
      const isThere = await server.admin((session) => isOurs(session, work, database));
      // Found on the server that stack.yml names now, whatever that was called before.
      const placeNow = placeOf(POSTGRES, work.stack, await requireConfig(work));
      const isWhereItWas = own.at === undefined || own.at === placeNow;
      if (isThere) return isWhereItWas ? 'present' : { different: 'its server has another name in stack.yml' };
      // What a destroy put away comes back; a start that fails further on must not unmake that.
      return (await findKept(work, server)) ? { different: 'a destroy had put it away' } : 'absent';
    },
    async apply({ signal }) {
      const server = openPostgres(work.stack, await requireConfig(work), work.shared);
      if (await server.admin((session) => isOurs(session, work, database))) return noteMade(work, POSTGRES, true);
      await tellStranded(work, POSTGRES);
      const saved = work.rescue?.own?.[POSTGRES];
      if (saved?.dump !== undefined || saved?.kept !== undefined) {
        if (await bringDataBack(work, server)) return noteMade(work, POSTGRES, true);
        tellSavedGone(work);
      }
      if (await takeBack(work, server)) return noteMade(work, POSTGRES, true);
      await server.admin((session) => makeDatabase(session, work, server), signal);
      forgetMigrations(work.record);
      await noteMade(work, POSTGRES, true);
    },
    async revert() {
      await tellStranded(work, POSTGRES);
      if (own.made) await noteMade(work, POSTGRES, false);
      const server = await openRecorded(work);
      await server?.admin(async (session) => {
        await dropDatabase(session, unfinishedName(work, from), { force: true });
        // One of that name that is not marked as ours is somebody else's.
        if (await isOurs(session, work, database)) await dropDatabase(session, database, { force: true });
      });
    },
  };
}

/** True when the ticket that is worked on has a database of its own, and it is there. */
export async function hasDatabase(work: Work, server: PostgresServer): Promise<boolean> {
  const own = ownDatabase(POSTGRES, work.record.own);
  return own !== undefined && server.admin((session) => isOurs(session, work, own.database));
}

async function isOurs(session: Session, work: Work, database: string): Promise<boolean> {
  return isTicketOf((await findDatabase(session, database))?.mark, work);
}

/** Made under a name that is only ours and renamed when all of it is there: under its own name it is never half made. */
async function makeDatabase(session: Session, work: Work, server: PostgresServer): Promise<void> {
  const { stack } = work;
  const { database, from } = requireDatabase(work, POSTGRES);
  if (await findDatabase(session, database)) throw takenBySomebody(work, database, server.login.where);
  const template = await findDatabase(session, templateName(stack, server));
  if (!template) {
    throw new StackError('database', `the template of ${from} is gone`, {
      hint: 'run the command again: it is made again',
    });
  }
  const unfinished = unfinishedName(work, from);
  if (await findDatabase(session, unfinished)) await dropDatabase(session, unfinished, { force: true });
  await copyDatabase(session, { name: unfinished, from: template, sealed: false });
  for (const refused of await copyProperties(session, from, unfinished)) {
    stack.emit({ type: 'warning', text: `${database}: not brought along: ${refused}` });
  }
  const sign = await fingerprintOf(session, unfinished);
  const mark = { ...ticketMark(work), sign, copiedAt: template.mark?.copiedAt ?? '' };
  await moveDatabase(session, { from: unfinished, to: database, mark, open: true });
}

function unfinishedName({ stack, record }: Work, from: string): string {
  return hiddenDatabase(from, `new_${record.ticket}`, stack.rootId);
}
