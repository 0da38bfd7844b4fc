import { isThere, readFileIfThere, replaceFile } from '../../../adapters/files/files.ts';
import { refuseLink } from '../../../adapters/files/own-folders.ts';
import type { InstanceRecord } from '../../../domain/instance.ts';
import { isOwnWorkspace, renderWorkspace, workspaceFileOf } from '../../../domain/workspace-file.ts';

/** Writes a ticket's workspace of VS Code, unless somebody has changed the one that is there. Returns its path. Throws `files`. */
export async function writeWorkspace(record: InstanceRecord): Promise<string> {
  const file = workspaceFileOf(record);
  await refuseLink(file);
  const before = await readFileIfThere(file);
  const text = renderWorkspace(record);
  if (before === undefined || (before !== text && isOwnWorkspace(before)))
    await replaceFile(file, text, { lasting: false });
  return file;
}

/** Brings one that is there up to date. Throws `files`. */
export async function refreshWorkspace(record: InstanceRecord): Promise<void> {
  if (await isThere(workspaceFileOf(record))) await writeWorkspace(record);
}
