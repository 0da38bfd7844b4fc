import { createReadStream } from 'node:fs';
import { dropDatabase, listNames, makeEmptyLike, markDatabase } from '../../../adapters/mysql/databases.ts';
import { copyLive, loadFrom, type MysqlPrograms } from '../../../adapters/mysql/programs.ts';
import type { Step } from '../../../domain/step.ts';
import { requireFilled } from '../../core/filling.ts';
import { requireConfig, type Work } from '../../core/work.ts';
import { placeOf } from '../../shared/place.ts';
import {
  forgetMigrations,
  noteMade,
  requireDatabase,
  takenBySomebody,
  tellSavedGone,
  tellStranded,
  ticketMark,
} from '../own-database.ts';
import { MYSQL, type MysqlServer, openMysql, openRecorded } from './mysql.ts';
import { findOurs, findSaved } from './saved.ts';

/**
 * A database of the ticket's own: a copy of the baseline's, as that is now. MySQL cannot rename one, so it is made under its own
 * name, and its mark says when it is whole: before that nothing of the ticket uses it.
 */
export function databaseStep(work: Work): Step {
  const own = requireDatabase(work, MYSQL);
  const { database, from } = own;
  const { stack } = work;
  const open = async (): Promise<MysqlServer> => openMysql(stack, await requireConfig(work), work.shared);
  return {
    id: { kind: 'database', of: MYSQL },
    subject: MYSQL,
    title: `database ${database}, from ${from}`,
    after: [],
    afterIfListed: [{ kind: 'shared services' }, { kind: 'fill', baseline: true }],
    async inspect() {
      const mark = await findOurs(await (await open()).programs(), work);
      if (!mark) return 'absent';
      const isHere = own.at === undefined || own.at === placeOf(MYSQL, stack, await requireConfig(work));
      if (mark.copiedAt === '') return { different: 'it was half-made' };
      return isHere ? 'present' : { different: 'its server has another name in stack.yml' };
    },
    async apply({ signal }) {
      const server = await open();
      const programs = await server.programs();
      const mark = await findOurs(programs, work);
      if (mark && mark.copiedAt !== '') return noteMade(work, MYSQL, true);
      await tellStranded(work, MYSQL);
      if (mark) await dropDatabase(programs, database, signal);
      await makeDatabase(work, server, programs, signal);
      forgetMigrations(work.record);
      await noteMade(work, MYSQL, true);
    },
    async revert() {
      await tellStranded(work, MYSQL);
      if (own.made) await noteMade(work, MYSQL, false);
      const server = await openRecorded(work);
      if (!server) return;
      const programs = await server.programs();
      // One of that name that is not marked as ours is somebody else's. What is begun is ended, also after Ctrl-C.
      if (await findOurs(programs, work)) await dropDatabase(programs, database, new AbortController().signal);
    },
  };
}

async function makeDatabase(
  work: Work,
  server: MysqlServer,
  programs: MysqlPrograms,
  signal: AbortSignal,
): Promise<void> {
  const { database, from } = requireDatabase(work, MYSQL);
  if ((await listNames(programs, signal)).includes(database)) throw takenBySomebody(work, database, server.where);
  const mark = ticketMark(work);
  const saved = await findSaved(work);
  if (saved === undefined) await requireFilled(work.stack);
  await makeEmptyLike(programs, { name: database, like: from, mark: { ...mark, copiedAt: '' } }, signal);
  if (saved !== undefined) await loadFrom(programs, database, createReadStream(saved), signal);
  else await copyLive(programs, from, database, signal);
  if (saved === undefined && work.rescue?.own?.[MYSQL]?.dump !== undefined) tellSavedGone(work);
  await markDatabase(programs, database, { ...mark, copiedAt: new Date().toISOString() }, signal);
}
