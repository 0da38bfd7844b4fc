import { dropDatabase, listMarked, listNames, makeEmptyLike, markDatabase } from '../../../adapters/mysql/databases.ts';
import { copyLive, type MysqlPrograms } from '../../../adapters/mysql/programs.ts';
import { StackError } from '../../../domain/errors.ts';
import { dedicatedRepos, type OwnDatabase } from '../../../domain/instance.ts';
import { type DatabaseMark, ownDatabase } from '../../../domain/own.ts';
import type { Step } from '../../../domain/step.ts';
import { configIfReadable } from '../../core/stack.ts';
import { requireConfig, saveRecord, type Work } from '../../core/work.ts';
import { describePlace, placeOf } from '../../shared/place.ts';
import { MYSQL, type MysqlServer, openMysql, openRecorded } from './mysql.ts';
import { findSaved, loadSaved } from './saved.ts';

/**
 * A database of the ticket's own: a copy of the baseline's, as that is now. MySQL cannot rename one, so it is made under its own
 * name, and its mark says when it is whole: before that nothing of the ticket uses it.
 */
export function databaseStep(work: Work): Step {
  const own = requireDatabase(work);
  const { database, from } = own;
  const { stack } = work;
  const open = async (): Promise<MysqlServer> => openMysql(stack, await requireConfig(work), work.shared);
  return {
    id: { kind: 'database', of: MYSQL },
    subject: MYSQL,
    title: `database ${database}, from ${from}`,
    after: [],
    afterIfListed: [{ kind: 'shared services' }],
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
      if (mark && mark.copiedAt !== '') return noteMade(work, own, true);
      await tellStranded(work);
      if (mark) await dropDatabase(programs, database, signal);
      await makeDatabase(work, server, programs, signal);
      // What was done to a database before is not in a new one.
      for (const [, repo] of dedicatedRepos(work.record)) if (repo.migrated) repo.migrated = false;
      await noteMade(work, own, true);
    },
    async revert() {
      await tellStranded(work);
      if (own.made) await noteMade(work, own, false);
      const server = await openRecorded(work);
      if (!server) return;
      const programs = await server.programs();
      // One of that name that is not marked as ours is somebody else's. What is begun is ended, also after Ctrl-C.
      if (await findOurs(programs, work)) await dropDatabase(programs, database, new AbortController().signal);
    },
  };
}

function requireDatabase({ record }: Pick<Work, 'record'>): OwnDatabase {
  const own = ownDatabase(MYSQL, record.own);
  if (!own) throw new Error(`${record.ticket} has no MySQL database of its own`);
  return own;
}

/** Returns the mark of the ticket's database; undefined where there is none, or it is somebody else's. */
async function findOurs(programs: MysqlPrograms, work: Work): Promise<DatabaseMark | undefined> {
  const { database } = requireDatabase(work);
  const found = (await listMarked(programs, new AbortController().signal)).find(({ name }) => name === database);
  return found?.mark.rootId === work.stack.rootId && found.mark.ticket === work.record.ticket ? found.mark : undefined;
}

async function makeDatabase(
  work: Work,
  server: MysqlServer,
  programs: MysqlPrograms,
  signal: AbortSignal,
): Promise<void> {
  const { stack, record } = work;
  const { database, from } = requireDatabase(work);
  if ((await listNames(programs, signal)).includes(database)) {
    throw new StackError(
      'exists',
      `there is a database ${database} on ${server.where}, and it is not ${record.ticket}’s`,
      {
        hint: 'rename or drop it, or give the ticket another name',
        details: { database },
      },
    );
  }
  const mark = { kind: 'ticket', rootId: stack.rootId, root: stack.root, ticket: record.ticket } as const;
  await makeEmptyLike(programs, { name: database, like: from, mark: { ...mark, copiedAt: '' } }, signal);
  const saved = await findSaved(work);
  if (saved !== undefined) await loadSaved(programs, database, saved, signal);
  else await copyLive(programs, from, database, signal);
  if (saved === undefined && work.rescue?.own?.[MYSQL]?.dump !== undefined) {
    const text = `the saved data of ${record.ticket} is gone: its database begins as the baseline’s`;
    stack.emit({ type: 'warning', text });
  }
  await markDatabase(programs, database, { ...mark, copiedAt: new Date().toISOString() }, signal);
}

/** A database that was made on a server which stack.yml names no more is out of reach. */
async function tellStranded(work: Work): Promise<void> {
  const { stack, record } = work;
  const { database, made, at } = requireDatabase(work);
  const known = work.config ?? (await configIfReadable(stack));
  if (!made || at === undefined || at === placeOf(MYSQL, stack, known)) return;
  const server = describePlace('MySQL', at);
  const text = `the database ${database} of ${record.ticket} stays on ${server}: another server is named now`;
  stack.emit({ type: 'warning', text });
}

/** Between the two a missing database is one that somebody took away. */
async function noteMade(work: Work, own: OwnDatabase, made: boolean): Promise<void> {
  own.made = made;
  if (made) own.at = placeOf(MYSQL, work.stack, await requireConfig(work));
  await saveRecord(work);
}
