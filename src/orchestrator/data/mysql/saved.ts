import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { explainFileError } from '../../../adapters/files/file-errors.ts';
import { isThere, makeFolder } from '../../../adapters/files/files.ts';
import { listMarked } from '../../../adapters/mysql/databases.ts';
import { dumpTo, loadFrom, type MysqlPrograms } from '../../../adapters/mysql/programs.ts';
import { ownDatabase } from '../../../domain/own.ts';
import type { SavedPart } from '../../../domain/rescue.ts';
import type { Work } from '../../core/work.ts';
import { dumpFile, dumpsFolder } from '../dumps.ts';
import { MYSQL, openRecorded } from './mysql.ts';

/** How the files end that a database is saved in. */
export const ENDING = 'sql';

/** Saves a ticket's database as SQL; undefined where there is none. Throws `database`, `files`. */
export async function saveDatabase(work: Work, name: string): Promise<SavedPart | undefined> {
  const { stack, record } = work;
  const own = ownDatabase(MYSQL, record.own);
  const server = own && (await openRecorded(work));
  if (!server) return undefined;
  const programs = await server.programs();
  const found = (await listMarked(programs, stack.signal)).find((one) => one.name === own.database);
  if (found?.mark.rootId !== stack.rootId || found.mark.ticket !== record.ticket) return undefined;
  await makeFolder(dumpsFolder(stack));
  const file = dumpFile(stack, `${name}.${ENDING}`);
  const unfinished = `${file}.${process.pid}.tmp`;
  try {
    const output = createWriteStream(unfinished, { mode: 0o600 });
    const failed = new Promise<never>((_, reject) => output.once('error', reject));
    await Promise.race([failed, dumpTo(programs, own.database, output, stack.signal)]);
    await Promise.race([failed, new Promise<void>((done) => output.end(() => done()))]);
    await rename(unfinished, file);
  } catch (error) {
    throw explainFileError(error, `write ${file}`);
  } finally {
    await rm(unfinished, { force: true });
  }
  return { database: own.database, from: own.from, dump: `${name}.${ENDING}` };
}

/** Returns the file that a ticket's database was saved in; undefined where it is gone, or there was none. */
export async function findSaved(work: Work): Promise<string | undefined> {
  const dump = work.rescue?.own?.[MYSQL]?.dump;
  const file = dump === undefined ? undefined : dumpFile(work.stack, dump);
  return file !== undefined && (await isThere(file)) ? file : undefined;
}

/** Loads saved data into an empty database. Throws `database`, `files`. */
export async function loadSaved(
  programs: MysqlPrograms,
  database: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  await loadFrom(programs, database, createReadStream(file), signal);
}
