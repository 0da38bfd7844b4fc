import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseFields } from '../../domain/json.ts';
import { inFolder, serviceLogOf } from '../../domain/layout.ts';
import { isWorkloadOf, rootIdOf } from '../../domain/names.ts';
import type { PublishedPort, WorkloadRef } from '../../domain/runtime.ts';
import { explainFileError, ifReadable, ifThere } from '../files/file-errors.ts';
import { makeFolder, readFileIfThere, removeIfEmpty, replaceFile } from '../files/files.ts';
import { sweepTemporaries } from '../files/temporary.ts';
import { type LogFiles, logFilesOf } from './log-files.ts';
import { keeperFileOf } from './log-keeper.ts';

/** What is known of a host process group; a file of its own for each workload. Never its env, which may hold secrets. */
export interface ProcessRecord extends WorkloadRef {
  version: 1;
  repo: string;
  hash: string;
  /** Leader of the group, which is also the number of the group. */
  pid: number;
  /** Start time of the leader; with the pid an identity that is never reused. */
  startTime: string;
  /** Unix milliseconds. */
  startedAt: number;
  /** Unix milliseconds of the start before, whose log was put aside. */
  formerStartedAt?: number | undefined;
  /** Names this start: an older one's exit code is never taken for it. */
  run: string;
  cwd: string;
  ports: readonly PublishedPort[];
  /** True once it was told to stop. */
  stopped: boolean;
}

/** Where one workload's files are, all below `<root>/.stack`. */
export interface ProcessFiles extends LogFiles {
  record: string;
}

/** Returns where a workload's files are. */
export function filesOf(root: string, ref: { instance: string; service: string }): ProcessFiles {
  const log = serviceLogOf(root, ref.instance, ref.service);
  return { record: path.join(runFolder(root), ref.instance, `${ref.service}.json`), ...logFilesOf(log) };
}

/** Returns the file that the exit code of one start is written to. */
export function exitFileOf(root: string, record: { instance: string; service: string; run: string }): string {
  return path.join(runFolder(root), record.instance, `${record.service}.${record.run}.exit`);
}

/** Returns a workload's record; undefined when there is none, none that can be read, or another root's. Throws `files`. */
export async function readRecord(
  root: string,
  ref: { instance: string; service: string },
): Promise<ProcessRecord | undefined> {
  const record = parseRecord(await readFileIfThere(filesOf(root, ref).record));
  return record && isOurs(record, { ...ref, rootId: rootIdOf(root) }) ? record : undefined;
}

/** Returns every record of a root; with `instance` only that one's, with `service` that one. */
export async function listRecords(root: string, instance?: string, service?: string): Promise<ProcessRecord[]> {
  const instances = instance === undefined ? await listFolder(runFolder(root)) : [instance];
  const lists = await Promise.all(
    instances.map(async (one) => {
      const files = service === undefined ? await listFolder(path.join(runFolder(root), one)) : [`${service}.json`];
      const services = files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
      return Promise.all(services.map((name) => readRecord(root, { instance: one, service: name })));
    }),
  );
  return lists.flat().filter((record) => record !== undefined);
}

/** Writes a record as a whole. Throws `files`. */
export async function writeRecord(root: string, record: ProcessRecord): Promise<void> {
  const file = filesOf(root, record).record;
  await makeFolder(path.dirname(file));
  await replaceFile(file, `${JSON.stringify(record, null, 2)}\n`);
}

/** Returns the exit code of a start, undefined while it runs or when its launcher was killed with it. */
export async function readExitCode(root: string, record: ProcessRecord): Promise<number | undefined> {
  const text = await ifReadable(readFileIfThere(exitFileOf(root, record)));
  return text !== undefined && /^\d+\n$/.test(text) ? Number(text) : undefined;
}

/** Deletes the record and exit codes of a workload, and with `logs` its logs. Missing is done. */
export async function deleteFiles(root: string, ref: WorkloadRef, options: { logs: boolean }): Promise<void> {
  const files = filesOf(root, ref);
  await deleteExitCodes(root, ref);
  await removeIfThere(files.record);
  const { log, oldLog, times, oldTimes } = files;
  if (options.logs) await Promise.all([log, oldLog, times, oldTimes, keeperFileOf(files)].map(removeIfThere));
  await sweepTemporaries(path.dirname(files.record));
  await Promise.all([files.record, files.log].map((file) => removeIfEmpty(path.dirname(file))));
}

/** Deletes the exit codes that former starts left. */
export async function deleteExitCodes(root: string, ref: { instance: string; service: string }): Promise<void> {
  const folder = path.join(runFolder(root), ref.instance);
  const old = (await listFolder(folder)).filter((file) => file.startsWith(`${ref.service}.`) && file.endsWith('.exit'));
  await Promise.all(old.map((file) => rm(path.join(folder, file), { force: true })));
}

/** Throws `files`. Below a file that stands in a folder's place there is nothing either. */
async function removeIfThere(file: string): Promise<void> {
  try {
    await rm(file, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw explainFileError(error, `delete ${file}`);
  }
}

function runFolder(root: string): string {
  return inFolder(root, 'run');
}

async function listFolder(folder: string): Promise<string[]> {
  return (await ifThere(readdir(folder))) ?? [];
}

/** One that was copied, or came with git, names processes of another root. */
function isOurs(
  record: ProcessRecord,
  { rootId, instance, service }: { rootId: string; instance: string; service: string },
): boolean {
  const isNamed = record.rootId === rootId && record.instance === instance && record.service === service;
  return isNamed && isWorkloadOf(record.name, { rootId, instance, service });
}

/** A record that cannot be read counts as none: its processes are still found by their marker. */
function parseRecord(text: string | undefined): ProcessRecord | undefined {
  // Records of a version before held the env.
  const { env: _, ...record } = parseFields<ProcessRecord & { env?: unknown }>(text);
  const isWhole = record.version === 1 && Number.isInteger(record.pid) && Number(record.pid) > 1;
  return isWhole && typeof record.startTime === 'string' ? (record as ProcessRecord) : undefined;
}
