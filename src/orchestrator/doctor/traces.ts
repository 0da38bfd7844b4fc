import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { readTicketPointer } from '../../adapters/config-file.ts';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { listRecords } from '../../adapters/process/record.ts';
import { readStateFile } from '../../adapters/state/file.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { isFault, tolerate } from '../../domain/errors.ts';
import { BASELINE } from '../../domain/instance.ts';
import { stateBackupOf } from '../../domain/layout.ts';
import { ticketsFolder } from '../core/work.ts';

/**
 * Names the tickets, and the baseline, of which there is something besides the state file; [] for a root that is new. Looks at
 * files alone: the engine may be slow, or not there.
 */
export async function listTraces(root: string, config: StackConfig | undefined): Promise<string[]> {
  const [backup, folders, processes] = await Promise.all([
    listInBackup(root),
    listTicketFolders(root, config),
    listRecords(root),
  ]);
  const names = [...backup, ...folders.map((folder) => path.basename(folder)), ...processes.map((one) => one.instance)];
  return [...new Set(names)].sort();
}

/** Returns the folders whose pointers lead to the root. Throws `files` where tickets may be and cannot be seen. */
export async function listTicketFolders(root: string, config: StackConfig | undefined): Promise<string[]> {
  const pointed = await listPointed(root, config);
  return pointed.filter((one) => one.root === root).map(({ folder }) => folder);
}

/** Returns the folders, where this root has its tickets, whose pointers lead to a root that is not there: one that was moved. */
export async function listStrandedFolders(
  root: string,
  config: StackConfig | undefined,
): Promise<{ folder: string; root: string }[]> {
  const pointed = await listPointed(root, config);
  return pointed.filter((one) => one.root !== root && !existsSync(one.root));
}

async function listPointed(root: string, config: StackConfig | undefined): Promise<{ folder: string; root: string }[]> {
  const homes = new Set([
    await ticketsFolder(root, undefined),
    ...(config ? [await ticketsFolder(root, config.worktrees)] : []),
  ]);
  const folders = await Promise.all(
    [...homes].map(async (home) => ((await ifThere(readdir(home))) ?? []).map((name) => path.join(home, name))),
  );
  const pointed = folders.flat().map(async (folder) => {
    const pointer = await tolerate(readTicketPointer(folder), 'config', 'files');
    return pointer ? [{ folder, root: pointer.root }] : [];
  });
  return (await Promise.all(pointed)).flat();
}

/** A backup that cannot be read is a trace of whatever it held. */
async function listInBackup(root: string): Promise<string[]> {
  try {
    const { instances, baseline, shared } = (await readStateFile(stateBackupOf(root), root))?.state ?? {};
    return [...Object.keys(instances ?? {}), ...(baseline ? [BASELINE] : []), ...Object.keys(shared ?? {})];
  } catch (error) {
    if (isFault(error)) throw error;
    return [path.basename(stateBackupOf(root))];
  }
}
