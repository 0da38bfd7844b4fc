import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { isThere, makeFolder, readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { findLocal } from '../../adapters/git/branch.ts';
import { endClients } from '../../adapters/postgres/clients.ts';
import type { Session } from '../../adapters/postgres/connection.ts';
import {
  copyDatabase,
  copyProperties,
  dropDatabase,
  findDatabase,
  fingerprintOf,
  listMarked,
  moveDatabase,
} from '../../adapters/postgres/databases.ts';
import { countKeys, dumpKeys, loadKeys, type RedisLogin } from '../../adapters/redis/redis.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { inFolder } from '../../domain/layout.ts';
import { type DatabaseMark, hiddenDatabase } from '../../domain/own.ts';
import {
  type DatedSave,
  describeOwn,
  isOf,
  listYoung,
  parseRescue,
  type Rescue,
  renderRescue,
  type SavedData,
  type SaveStamp,
} from '../../domain/rescue.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { saveRecord, type Work } from '../core/work.ts';
import { dumpDatabase, loadInto } from './dump.ts';
import { openRecorded, type PostgresServer } from './postgres.ts';
import { isWhereItWas, openRedis } from './redis.ts';
import { withServer } from './redis-server.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Gives the folder that keeps the data of tickets that were destroyed. */
function dumpsFolder(stack: Stack): string {
  return inFolder(stack.root, 'dumps');
}

/** Saves what a ticket has of its own before it goes; undefined where there is nothing to save. Throws `database`, `files`. */
export async function saveData(work: Work, time: string): Promise<SavedData | undefined> {
  const name = `${work.record.ticket}-${time}`;
  const [postgres, redis] = await Promise.all([saveDatabase(work, name), saveKeys(work, name)]);
  return postgres || redis ? { ...(postgres && { postgres }), ...(redis && { redis }) } : undefined;
}

/**
 * With pg_dump, or, where none fits the server, by keeping it sealed under another name. One that nothing was written to is
 * not saved.
 */
async function saveDatabase(work: Work, name: string): Promise<SavedData['postgres']> {
  const own = work.record.own?.postgres;
  const server = own && (await openRecorded(work));
  const found = server && (await server.admin((session) => findDatabase(session, own.database)));
  if (server && !found) return findKept(work, server);
  if (!server || !found || found.mark?.ticket !== work.record.ticket) return undefined;
  if (found.mark.sign === (await server.admin((session) => fingerprintOf(session, own.database)))) return undefined;
  if (await server.tools()) {
    await makeFolder(dumpsFolder(work.stack));
    const file = path.join(dumpsFolder(work.stack), `${name}.dump`);
    await dumpDatabase(work.stack, { server, database: own.database }, file);
    return { database: own.database, from: own.from, dump: `${name}.dump` };
  }
  const kept = hiddenDatabase(own.from, `kept_${name}`, work.stack.rootId);
  // While it is put away it is not gone: should this command end here, `start` takes it back.
  const { made } = own;
  own.made = false;
  await saveRecord(work);
  await server
    .admin((session) => keepDatabase(session, work, own.database, kept))
    .catch((error: unknown) => {
      own.made = made;
      throw error;
    });
  const days = await keptDays(work.stack);
  const long = days === undefined ? '' : ` for ${days} day${days === 1 ? '' : 's'}`;
  work.stack.emit({
    type: 'info',
    text: `${own.database} is kept as ${kept}${long}, since no pg_dump of the server’s version is here`,
  });
  return { database: own.database, from: own.from, kept };
}

/** Gives what a destroy of the ticket has put away that was ended, or refused, before it went on; undefined for nothing. */
export async function findKept({ stack, record }: Work, server: PostgresServer): Promise<SavedData['postgres']> {
  const own = record.own?.postgres;
  const kept = (await server.admin(listMarked)).findLast(
    ({ mark }) => mark.kind === 'kept' && mark.rootId === stack.rootId && isKeptOf(mark, record),
  );
  return own && kept ? { database: own.database, from: own.from, kept: kept.name } : undefined;
}

/** A clock may have been set back between two tickets of one name: only a mark of an older version is told by its date. */
function isKeptOf({ ticket, createdAt, copiedAt }: DatabaseMark, record: InstanceRecord): boolean {
  if (ticket !== record.ticket) return false;
  return createdAt === undefined
    ? Date.parse(copiedAt) >= Date.parse(record.createdAt)
    : createdAt === record.createdAt;
}

async function saveKeys(work: Work, name: string): Promise<SavedData['redis']> {
  const redis = work.record.own?.redis;
  if (!redis?.checked) return undefined;
  const config = await configIfReadable(work.stack);
  if (!isWhereItWas(work.stack, config, redis)) return undefined;
  const save = async (): Promise<SavedData['redis']> => {
    const login = openRedis(work.stack, config, work.shared, redis);
    if (!login || (await countKeys(login)) === 0) return undefined;
    await makeFolder(dumpsFolder(work.stack));
    await replaceFile(path.join(dumpsFolder(work.stack), `${name}.keys`), await dumpKeys(login));
    return { dump: `${name}.keys` };
  };
  return redis.server ? withServer(work, redis.server, save) : save();
}

/** Puts saved keys back into a ticket's own Redis, where they are kept still. */
export async function bringKeysBack(work: Work, login: RedisLogin): Promise<void> {
  const dump = work.rescue?.own?.redis?.dump;
  const text = dump && (await readFileIfThere(path.join(dumpsFolder(work.stack), path.basename(dump))));
  if (text) await loadKeys(login, text);
}

/** From here on nobody but `restore` comes to it. */
async function keepDatabase(session: Session, { stack, record }: Work, database: string, kept: string): Promise<void> {
  const { ticket, createdAt } = record;
  const mark = { kind: 'kept', rootId: stack.rootId, root: stack.root, ticket, createdAt } as const;
  await endClients(session, database);
  const kind = { ...mark, copiedAt: new Date().toISOString() };
  await moveDatabase(session, { from: database, to: kept, mark: kind, open: false });
}

/** Puts saved data back as a ticket's database. False when it is gone. Throws `database`, `files`. */
export async function bringDataBack(work: Work, server: PostgresServer): Promise<boolean> {
  const saved = work.rescue?.own?.postgres;
  const own = work.record.own?.postgres;
  if (!saved || !own) return false;
  const { dump, kept } = saved;
  if (dump !== undefined) {
    const file = path.join(dumpsFolder(work.stack), path.basename(dump));
    if (!(await isThere(file))) return false;
    await loadInto(work, server, file);
    return true;
  }
  return server.admin(async (session) => {
    const found = kept === undefined ? undefined : await findDatabase(session, kept);
    if (found?.mark?.kind !== 'kept') return false;
    // A copy: should the restore fail further on, what it made goes, and what was saved must not.
    const copy = hiddenDatabase(own.from, `new_${work.record.ticket}`, work.stack.rootId);
    await dropDatabase(session, copy, { force: true });
    await copyDatabase(session, { name: copy, from: found, sealed: false });
    await copyProperties(session, found.name, copy);
    await moveDatabase(session, { from: copy, to: own.database, mark: freshMark(work), open: true });
    return true;
  });
}

/** Takes back what a destroy has put away that did not go on. False where there is none. Throws `database`. */
export async function takeBack(work: Work, server: PostgresServer): Promise<boolean> {
  const found = await findKept(work, server);
  if (found?.kept === undefined) return false;
  const move = { from: found.kept, to: found.database, mark: freshMark(work), open: true };
  await server.admin((session) => moveDatabase(session, move));
  return true;
}

function freshMark({ stack, record }: Work): DatabaseMark {
  const copiedAt = new Date().toISOString();
  return { kind: 'ticket', rootId: stack.rootId, root: stack.root, ticket: record.ticket, copiedAt };
}

/** Keeps what a ticket was beside its dump, for `restore`: its work was safe, so git keeps no record of it. */
export async function keepDumpRecord(stack: Stack, rescue: Rescue): Promise<void> {
  await makeFolder(dumpsFolder(stack));
  await replaceFile(path.join(dumpsFolder(stack), `${rescue.ticket}-${rescue.time}.json`), renderRescue(rescue));
}

/** Gives what is kept of tickets that were destroyed with data of their own; what cannot be read is told and passed over. */
export async function listDumpRecords(stack: Stack): Promise<Rescue[]> {
  const names = (await readdir(dumpsFolder(stack)).catch(() => [])).filter((name) => OURS.test(name));
  const records = names.filter((name) => name.endsWith('.json')).map((name) => path.join(dumpsFolder(stack), name));
  const found = await Promise.all(records.map((file) => readDumpRecord(stack, file)));
  return found.filter((record) => record !== undefined);
}

async function readDumpRecord(stack: Stack, file: string): Promise<Rescue | undefined> {
  const text = (await readFileIfThere(file).catch((error: Error) => error)) ?? '';
  const record = text instanceof Error ? undefined : parseRescue(text);
  const reason = text instanceof Error ? text.message : 'it is not as stack wrote it';
  if (!record) stack.emit({ type: 'warning', text: `passed over ${file}: ${reason}` });
  return record;
}

/** Describes a ticket whose work is all safe in its branches. */
export async function describeSafe(record: InstanceRecord, stamp: SaveStamp, own: SavedData): Promise<Rescue> {
  const repos = await Promise.all(
    Object.entries(record.repos).map(async ([repo, one]): Promise<[string, Rescue['repos'][string]]> => {
      if (one.mode === 'shared') return [repo, { mode: 'shared' }];
      const { branch, ownsBranch, base, baseCommit } = one;
      const tip = (await findLocal(one.path, branch))?.commit;
      return [repo, { mode: 'dedicated', branch, ownsBranch, base, baseCommit, operations: [], ...(tip && { tip }) }];
    }),
  );
  const services = Object.entries(record.services).map(([name, { runtime }]) => [name, { runtime }] as const);
  const { ticket, argument, createdAt } = record;
  return {
    ...{ version: 1, ticket, argument, ...stamp, createdAt, ...describeOwn(record, own) },
    repos: Object.fromEntries(repos),
    services: Object.fromEntries(services),
  };
}

/** Deletes one ticket's saved data of one time. Missing is done. */
export async function dropDump(stack: Stack, { ticket, time, own }: Rescue): Promise<void> {
  const kept = own?.postgres?.kept;
  if (kept !== undefined) {
    const server = await openRecorded({ stack, shared: (await stack.store.read()).shared, config: undefined });
    await server?.admin(async (session) => {
      if ((await findDatabase(session, kept))?.mark?.kind === 'kept')
        await dropDatabase(session, kept, { force: true });
    });
  }
  const files = ['dump', 'keys', 'json'].map((ending) => path.join(dumpsFolder(stack), `${ticket}-${time}.${ending}`));
  await Promise.all(files.map((file) => rm(file, { force: true })));
}

/** Gives how long saved data is kept; undefined while stack.yml cannot be read: it may say longer than anybody would guess. */
async function keptDays(stack: Stack): Promise<number | undefined> {
  return (await configIfReadable(stack))?.dumps.keepDays;
}

/** What people put into the folder themselves is called otherwise. */
const OURS = /-\d{8}T\d{6}\.\d{3}Z\.(dump|keys|json)(\.\d+\.tmp)?$/;
const ENDING = /\.(dump|keys|json)$/;

/** Deletes what has been kept for longer than it is to be, but nothing of a ticket that is there still. */
export async function purgeDumps(work: Work): Promise<void> {
  const { stack } = work;
  const days = await keptDays(stack);
  if (days === undefined) return;
  const oldest = Date.now() - days * DAY_MS;
  const folder = dumpsFolder(stack);
  const living = Object.values((await stack.store.read()).instances);
  const saves = await Promise.all((await listDumpRecords(stack)).map((save) => dateSave(stack, save)));
  const spared = saves.filter(({ save }) => living.some((record) => isOf(save, record)));
  const young = [...spared, ...listYoung(saves, oldest)].map(({ save }) => save);
  const files = new Set(young.map(({ ticket, time }) => `${ticket}-${time}`));
  const databases = new Set(young.map(({ own }) => own?.postgres?.kept));
  for (const name of (await readdir(folder).catch(() => [])).filter((one) => OURS.test(one))) {
    const file = path.join(folder, name);
    if (!files.has(name.replace(ENDING, '')) && (await stat(file)).mtimeMs < oldest) await rm(file, { force: true });
  }
  const server = await openRecorded(work);
  await server?.admin(async (session) => {
    for (const { name, mark } of await listMarked(session)) {
      if (mark.rootId !== stack.rootId || mark.kind !== 'kept' || databases.has(name)) continue;
      if (Date.parse(mark.copiedAt) < oldest && !living.some((record) => isKeptOf(mark, record)))
        await dropDatabase(session, name, { force: true });
    }
  });
}

async function dateSave(stack: Stack, save: Rescue): Promise<DatedSave> {
  const file = path.join(dumpsFolder(stack), `${save.ticket}-${save.time}.json`);
  return { save, at: (await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now() };
}
