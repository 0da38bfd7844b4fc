import path from 'node:path';
import { makeFolder, readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { refuseLink } from '../../adapters/files/own-folders.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import type { AgentCommand } from '../../domain/runs/preset.ts';
import { isWithin } from '../../domain/within.ts';
import type { Stack } from '../core/stack.ts';
import { listBeside, noteBeside } from '../safety/beside.ts';
import { folderOf } from '../safety/risks.ts';

/**
 * Writes what an agent reads as it begins. What stands in the ticket's folder already is written again where it is as stack wrote it,
 * maybe an older one; what is somebody's stays, with a warning. It goes with the ticket, since it is nobody's work. Throws `files`, `state`.
 */
export async function writeAgentFiles(
  stack: Stack,
  record: InstanceRecord,
  { files }: Pick<AgentCommand, 'files'>,
): Promise<void> {
  for (const file of files) await refuseLinks(record.folder, file.path);
  const beside = files.filter((file) => isWithin(file.path, record.folder));
  for (const file of files) if (!beside.includes(file)) await write(file);
  if (beside.length === 0) return;
  const names = beside.map((file) => path.relative(record.folder, file.path).split(path.sep)[0]);
  const made: Record<string, string> = {};
  const place = folderOf(record);
  const theirs = await listBeside(place);
  await noteBeside(
    () => place,
    async () => {
      for (const file of beside) await writeBeside(stack, record, { file, theirs });
    },
    (found) => Object.assign(made, Object.fromEntries(Object.entries(found).filter(([name]) => names.includes(name)))),
  );
  await stack.store.update((draft) => {
    const kept = draft.instances[record.ticket];
    if (kept) kept.beside = { ...kept.beside, ...made };
  });
}

async function writeBeside(
  stack: Stack,
  { ticket, folder }: InstanceRecord,
  { file, theirs }: { file: AgentCommand['files'][number]; theirs: readonly string[] },
): Promise<void> {
  const before = await readFileIfThere(file.path);
  if (before === file.content) return;
  const name = path.relative(folder, file.path);
  if (before === undefined || !theirs.includes(name)) return write(file);
  stack.emit({
    type: 'warning',
    text: `${ticket}: ${name} is somebody’s and stays: what the agent does may not be heard; without that file the next run writes its own`,
  });
}

/** A link in a ticket's folder may lead to the person's own settings. */
async function refuseLinks(folder: string, file: string): Promise<void> {
  if (!isWithin(file, folder)) return;
  const parts = path.relative(folder, file).split(path.sep);
  for (let place = folder; parts.length > 0; ) {
    place = path.join(place, parts.shift() ?? '');
    await refuseLink(place);
  }
}

async function write({ path: file, content, mode }: AgentCommand['files'][number]): Promise<void> {
  await makeFolder(path.dirname(file));
  await replaceFile(file, content, { mode, lasting: false });
}
