import { dropDatabase, listMarked, listNames } from '../../../adapters/postgres/databases.ts';
import { askDatabases } from '../database-kind.ts';
import type { OwnKind } from '../own-kind.ts';
import { requireAlone } from './clients.ts';
import { databaseStep } from './database-step.ts';
import { openPostgres, POSTGRES, settlePassword } from './postgres.ts';
import { dropKept, purgeKept, saveDatabase } from './saved.ts';
import { templateStep } from './template-step.ts';

/** A ticket's own Postgres is a database: a copy of the baseline's, marked by its comment. */
export const postgres: OwnKind = {
  service: POSTGRES,
  dumpEnding: 'dump',
  ...askDatabases({
    service: POSTGRES,
    open(stack, config, leases) {
      const { login, baseline, admin } = openPostgres(stack, config, leases);
      return {
        where: login.where,
        baseline,
        listNames: () => admin(listNames),
        listMarked: () => admin(listMarked),
        drop: (name, options) => admin((session) => dropDatabase(session, name, options)),
      };
    },
  }),
  settleLogin: settlePassword,
  templateStep,
  step: databaseStep,
  requireAlone,
  save: saveDatabase,
  dropSaved: dropKept,
  purgeSaved: purgeKept,
};
