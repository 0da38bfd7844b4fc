import { isThere, makeFolder } from '../../../adapters/files/files.ts';
import { listMarked } from '../../../adapters/mysql/databases.ts';
import { dumpTo, type MysqlPrograms } from '../../../adapters/mysql/programs.ts';
import { type DatabaseMark, ownDatabase } from '../../../domain/own.ts';
import type { SavedPart } from '../../../domain/rescue.ts';
import type { Work } from '../../core/work.ts';
import { dumpFile, dumpsFolder, writeDump } from '../dumps.ts';
import { isTicketOf, requireDatabase } from '../own-database.ts';
import { MYSQL, openRecorded } from './mysql.ts';

/** How the files end that a database is saved in. */
export const ENDING = 'sql';

/** Saves a ticket's database as SQL; undefined where there is none. Throws `database`, `files`. */
export async function saveDatabase(work: Work, name: string): Promise<SavedPart | undefined> {
  const { stack } = work;
  const own = ownDatabase(MYSQL, work.record.own);
  const server = own && (await openRecorded(work));
  if (!server) return undefined;
  const programs = await server.programs();
  if (!(await findOurs(programs, work, stack.signal))) return undefined;
  await makeFolder(dumpsFolder(stack));
  const file = dumpFile(stack, `${name}.${ENDING}`);
  await writeDump(file, (output) => dumpTo(programs, own.database, output, stack.signal));
  return { database: own.database, from: own.from, dump: `${name}.${ENDING}` };
}

/** Returns the file that a ticket's database was saved in; undefined where it is gone, or there was none. */
export async function findSaved(work: Work): Promise<string | undefined> {
  const dump = work.rescue?.own?.[MYSQL]?.dump;
  const file = dump === undefined ? undefined : dumpFile(work.stack, dump);
  return file !== undefined && (await isThere(file)) ? file : undefined;
}

/** Returns the mark of the ticket's database; undefined where there is none, or it is somebody else's. Without a signal nothing ends it. */
export async function findOurs(
  programs: MysqlPrograms,
  work: Work,
  signal: AbortSignal = new AbortController().signal,
): Promise<DatabaseMark | undefined> {
  const { database } = requireDatabase(work, MYSQL);
  const found = (await listMarked(programs, signal)).find(({ name }) => name === database);
  return isTicketOf(found?.mark, work) ? found?.mark : undefined;
}
