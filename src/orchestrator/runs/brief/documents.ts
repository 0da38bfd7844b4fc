import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { bytesOf, textOf } from '../../../adapters/files/byte-names.ts';
import { ifThere } from '../../../adapters/files/file-errors.ts';
import { isThere, makeFolder, readFileIfThere, replaceFile } from '../../../adapters/files/files.ts';
import { describeKind, readWhole } from '../../../adapters/files/read-file.ts';
import { StackError } from '../../../domain/errors.ts';
import type { InstanceRecord, StackState } from '../../../domain/instance.ts';
import { inFolder } from '../../../domain/layout.ts';
import { type DocumentRecord, splitTask, TASK_DOCUMENT } from '../../../domain/task.ts';
import { configIfReadable, type Stack } from '../../core/stack.ts';
import { listRescues } from '../../safety/rescues.ts';

/** An agent reads it all, and each ticket has a copy. */
const MOST_MEGABYTES = 10;
const MOST_HINT = `${MOST_MEGABYTES} MB is the most; name the part that matters, or say in the task where the file is`;

/** What a ticket is told at its beginning. */
export interface Told {
  task?: string | undefined;
  /** Files, absolute, that are documents of it. */
  context?: readonly string[] | undefined;
  /** Those that it had before, one of which may be the task. */
  documents?: DocumentRecord[] | undefined;
  /** What a person names `context` with, for errors. */
  flag?: string;
}

/** What of that goes into the record, and what its documents hold, by their hashes. */
export interface PlannedTold {
  record: Pick<InstanceRecord, 'task' | 'documents'>;
  contents: ReadonlyMap<string, Buffer>;
}

/** Reads what a ticket is to be told. Makes nothing. Throws `usage` for a task or document that cannot be one. */
export async function planTold({ task, context = [], documents = [], flag = '--context' }: Told): Promise<PlannedTold> {
  const isKept = documents.some(({ isTask }) => isTask);
  const split = task === undefined || isKept ? undefined : splitTask(task);
  if (task !== undefined && !isKept) requireText(task);
  const contents = new Map<string, Buffer>();
  const all = [...documents];
  const add = (name: string, bytes: Buffer, isTask: boolean): void => {
    const hash = createHash('sha256').update(bytes).digest('hex');
    contents.set(hash, bytes);
    if (all.some((one) => one.name === name && one.hash === hash)) return;
    requireNewName(all, name, flag);
    all.push({ name, hash, ...(isTask && { isTask }) });
  };
  if (task !== undefined && split && !split.isWhole) add(TASK_DOCUMENT, Buffer.from(task), true);
  for (const file of context) add(path.basename(file), await readDocument(file, flag), false);
  const text = split?.text ?? task;
  return {
    record: { ...(text !== undefined && { task: text }), ...(all.length > 0 && { documents: all }) },
    contents,
  };
}

/** File systems that do not tell capitals apart are common, and so are those that do not tell how an accent is written. */
function requireNewName(all: readonly DocumentRecord[], name: string, flag: string): void {
  const fold = (text: string): string => text.normalize('NFC').toLowerCase();
  if (!all.some((one) => fold(one.name) === fold(name))) return;
  throw new StackError('usage', `${flag}: two documents are called ${name}`, {
    hint: name === TASK_DOCUMENT ? 'that is what the task is called there; rename yours' : 'rename one of them',
  });
}

function requireText(task: string): void {
  if (task.trim() === '') throw new StackError('usage', 'the task is empty', { hint: 'say what is to be done' });
}

/** Returns what a file holds that a person named. Throws `usage`, and `files` where it cannot be read. */
async function readDocument(file: string, flag: string): Promise<Buffer> {
  const found = await ifThere(stat(file));
  if (!found) throw new StackError('usage', `${flag}: there is no file ${file}`, { hint: 'check the path' });
  const kind = describeKind(found);
  if (kind !== undefined) {
    throw new StackError('usage', `${flag}: ${file} is ${kind}`, { hint: 'name a file; again for one more' });
  }
  const megabytes = Math.ceil(found.size / 1_000_000);
  if (megabytes > MOST_MEGABYTES) {
    throw new StackError('usage', `${flag}: ${file} has ${megabytes} MB, and an agent is to read it`, {
      hint: MOST_HINT,
    });
  }
  return readWhole(file);
}

/** Returns the task that a stream holds, to the byte. Throws `usage`, as soon as it is too much. */
export async function readTaskStream(stream: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stream) {
    bytes += part.length;
    if (bytes > MOST_MEGABYTES * 1_000_000) {
      throw new StackError('usage', `--task-file: the standard input has more than ${MOST_MEGABYTES} MB`, {
        hint: MOST_HINT,
      });
    }
    parts.push(part);
  }
  return requireUtf8(Buffer.concat(parts), 'the standard input');
}

/** Returns the task that a file holds, to the byte. Throws `usage`, also where that is no text; `files`. */
export async function readTaskFile(file: string): Promise<string> {
  return requireUtf8(await readDocument(file, '--task-file'), file);
}

function requireUtf8(bytes: Buffer, from: string): string {
  if (isUtf8(bytes) && !bytes.includes(0)) return bytes.toString('utf8');
  throw new StackError('usage', `--task-file: ${from} is no text in UTF-8`, {
    hint: '`--context FILE` takes any file; `iconv -t utf-8` brings a text to UTF-8',
  });
}

/** Keeps what documents hold, one copy for all tickets; what is there already stays. Throws `files`. */
export async function storeDocuments({ root }: Stack, { contents }: PlannedTold): Promise<void> {
  if (contents.size === 0) return;
  await makeFolder(inFolder(root, 'documents'));
  for (const [hash, bytes] of contents) {
    const file = inFolder(root, 'documents', hash);
    if (!(await isThere(file))) await replaceFile(file, textOf(bytes));
  }
}

/** Returns the whole task of a ticket, to the byte; undefined where it has none. Where its file is gone, its beginning. Throws `files`. */
export async function readTask({ root }: Pick<Stack, 'root'>, record: InstanceRecord): Promise<string | undefined> {
  const document = record.documents?.find(({ isTask }) => isTask);
  if (!document) return record.task;
  return (await readFileIfThere(inFolder(root, 'documents', document.hash))) ?? record.task;
}

/** Returns the bytes of a document; undefined where nobody keeps it any more. Throws `files`. */
export async function readKept({ root }: Stack, { hash }: DocumentRecord): Promise<Buffer | undefined> {
  const text = await readFileIfThere(inFolder(root, 'documents', hash));
  return text === undefined ? undefined : bytesOf(text);
}

/** Deletes what no ticket has, nor can come back with. Throws `state`, `files`, `git`. */
export async function purgeDocuments(stack: Stack): Promise<void> {
  const folder = inFolder(stack.root, 'documents');
  const isEmpty = ((await ifThere(readdir(folder))) ?? []).length === 0;
  if (isEmpty || !(await configIfReadable(stack))) return;
  // A ticket that goes meanwhile was there, or is saved by the time of the second look.
  const before = listNeeded(await stack.store.read());
  const saved = (await listRescues(stack)).flatMap(({ documents = [] }) => documents.map(({ hash }) => hash));
  await stack.store.update(async (draft) => {
    const needed = new Set([...before, ...saved, ...listNeeded(draft)]);
    const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}$/.test(name) && !needed.has(name));
    await Promise.all(names.map((name) => rm(path.join(folder, name), { force: true })));
  });
}

function listNeeded({ instances, recreating = {} }: StackState): string[] {
  return [...Object.values(instances), ...Object.values(recreating)].flatMap(({ documents = [] }) =>
    documents.map(({ hash }) => hash),
  );
}
