import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { makeFolder, readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { findLocal } from '../../adapters/git/branch.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import {
  type DatedSave,
  describeOwn,
  isOf,
  listYoung,
  parseRescue,
  type Rescue,
  renderRescue,
  type SavedData,
  type SavedPart,
  type SaveStamp,
} from '../../domain/rescue.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { dumpFile, dumpsFolder, keptDays } from './dumps.ts';
import { ALL_KINDS, findKind, listKinds } from './kinds.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Saves what a ticket has of its own before it goes; undefined where there is nothing to save. Throws `database`, `files`. */
export async function saveData(work: Work, time: string): Promise<SavedData | undefined> {
  const name = `${work.record.ticket}-${time}`;
  const parts = await Promise.all(
    listKinds(work.record.own).map(async (kind) => [kind.service, await kind.save(work, name)] as const),
  );
  const saved = parts.filter((part): part is [(typeof part)[0], SavedPart] => part[1] !== undefined);
  return saved.length > 0 ? Object.fromEntries(saved) : undefined;
}

/** Keeps what a ticket was beside its dump, for `restore`: its work was safe, so git keeps no record of it. */
export async function keepDumpRecord(stack: Stack, rescue: Rescue): Promise<void> {
  await makeFolder(dumpsFolder(stack));
  await replaceFile(dumpFile(stack, `${rescue.ticket}-${rescue.time}.json`), renderRescue(rescue));
}

/** Returns what is kept of tickets that were destroyed with data of their own; what cannot be read is told and passed over. */
export async function listDumpRecords(stack: Stack): Promise<Rescue[]> {
  const names = ((await ifThere(readdir(dumpsFolder(stack)))) ?? []).filter((name) => OURS.test(name));
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
  for (const [name, saved] of Object.entries(own ?? {})) await findKind(name)?.dropSaved?.(stack, saved);
  const files = ENDINGS.map((ending) => dumpFile(stack, `${ticket}-${time}.${ending}`));
  await Promise.all(files.map((file) => rm(file, { force: true })));
}

/** How the files in the folder end: a record, and what each kind writes. */
const ENDINGS = ['json', ...ALL_KINDS.map(({ dumpEnding }) => dumpEnding)];
/** What people put into the folder themselves is called otherwise. */
const OURS = new RegExp(`-\\d{8}T\\d{6}\\.\\d{3}Z\\.(${ENDINGS.join('|')})(\\.\\d+\\.tmp)?$`);
const ENDING = new RegExp(`\\.(${ENDINGS.join('|')})$`);

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
  for (const name of ((await ifThere(readdir(folder))) ?? []).filter((one) => OURS.test(one))) {
    const file = path.join(folder, name);
    if (!files.has(name.replace(ENDING, '')) && (await stat(file)).mtimeMs < oldest) await rm(file, { force: true });
  }
  for (const kind of ALL_KINDS) await kind.purgeSaved?.(work, { oldest, young, living });
}

async function dateSave(stack: Stack, save: Rescue): Promise<DatedSave> {
  const file = path.join(dumpsFolder(stack), `${save.ticket}-${save.time}.json`);
  return { save, at: (await ifThere(stat(file)))?.mtimeMs ?? Date.now() };
}
