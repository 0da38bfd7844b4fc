import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { textOf } from '../../../adapters/files/byte-names.ts';
import { explainFileError } from '../../../adapters/files/file-errors.ts';
import { isThere, makeFolder, readFileIfThere, replaceFile } from '../../../adapters/files/files.ts';
import { refuseLink, refuseLinkedFolder } from '../../../adapters/files/own-folders.ts';
import { isFromGit } from '../../../adapters/git/tracked.ts';
import { BRIEF_POINTER, mergeBrief, POINTER_NAMES, renderBrief } from '../../../domain/brief.ts';
import { messageOf, StackError, tolerate } from '../../../domain/errors.ts';
import type { InstanceRecord } from '../../../domain/instance.ts';
import { BRIEF_FILE, briefFileOf } from '../../../domain/layout.ts';
import { documentsFolderOf } from '../../../domain/task.ts';
import type { Stack } from '../../core/stack.ts';
import { isAsBrought } from '../../safety/beside.ts';
import { readKept } from './documents.ts';
import { gatherBrief } from './gather.ts';
import { refreshWorkspace } from './workspace.ts';

/**
 * Writes into a ticket's folder what people and agents there are told: `TICKET.md`, of which everything outside of our block stays, the
 * documents, and files that lead to it where none of that name is there. What cannot be written is warned of.
 */
export async function writeBrief(stack: Stack, record: InstanceRecord): Promise<void> {
  if (record.verifies !== undefined || record.folder === '') return;
  try {
    await refuseLinkedFolder(stack.root, record.folder);
    // Somebody has moved it away, which is told elsewhere.
    if (!(await isThere(record.folder))) return;
    const documents = await bringDocuments(stack, record);
    await writeBlock(briefFileOf(record.folder), renderBrief(await gatherBrief(stack, record, documents)));
    for (const name of POINTER_NAMES) await writePointer(path.join(record.folder, name));
    await refreshWorkspace(record);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    stack.emit({
      type: 'warning',
      text: `${record.ticket}: ${BRIEF_FILE} is not up to date: ${messageOf(error)}${hint}`,
    });
  }
}

async function writeBlock(file: string, block: string): Promise<void> {
  await refuseLink(file);
  // Git may take its time, in which people go on to write.
  const isGits = (await isThere(file)) && (await isFromGit(file));
  const before = await readFileIfThere(file);
  const after = mergeBrief(before ?? '', block);
  if (after === before) return;
  if (isGits) throw new StackError('files', `git keeps ${file}`, { hint: '`git rm --cached` leaves it to stack' });
  const requireSame = async (): Promise<void> => {
    if ((await readFileIfThere(file)) === before) return;
    throw new StackError('files', `somebody is writing ${file}`, { hint: '`stack start` brings it up to date' });
  };
  // It can be made again, but what people add to it cannot.
  await replaceFile(file, after, { lasting: before !== undefined, last: requireSame });
}

/** Whatever is there of that name is a person's, an empty file too. */
async function writePointer(file: string): Promise<void> {
  await tolerate(writeFile(file, BRIEF_POINTER, { flag: 'wx', mode: 0o600 }), 'EEXIST').catch((error: unknown) => {
    throw explainFileError(error, `write ${file}`);
  });
}

/** Returns the documents that are in the ticket's folder, relative to it, its task's among them; those that lack are brought there. */
async function bringDocuments(stack: Stack, record: InstanceRecord): Promise<string[]> {
  const { ticket, folder, documents = [] } = record;
  if (documents.length === 0) return [];
  const inside = documentsFolderOf(record.repos);
  const place = path.join(folder, inside);
  await refuseLink(place);
  await makeFolder(place);
  const there: string[] = [];
  for (const document of documents) {
    const file = path.join(place, document.name);
    if (!(await isThere(file))) {
      const bytes = await readKept(stack, document);
      if (!bytes) {
        stack.emit({ type: 'warning', text: `what ${document.name} held is not kept any more` });
        continue;
      }
      await replaceFile(file, textOf(bytes), { lasting: false, via: folder });
    } else if (!(await isAsBrought(file, document)))
      stack.emit({ type: 'warning', text: `${ticket}: ${inside}/${document.name} is not as it was handed over` });
    there.push(`${inside}/${document.name}`);
  }
  return there;
}

/** Takes documents away that are as they were brought: others take their place. Throws `files`. */
export async function takeBackDocuments(
  { root }: Stack,
  { folder, repos, documents = [] }: InstanceRecord,
): Promise<void> {
  const place = path.join(folder, documentsFolderOf(repos));
  await refuseLinkedFolder(root, place);
  for (const document of documents) {
    const file = path.join(place, document.name);
    if (await isAsBrought(file, document)) await rm(file);
  }
}
