import { rm } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../../adapters/files/file-errors.ts';
import { makeFolder, readFileIfThere, removeIfEmpty, replaceFile } from '../../adapters/files/files.ts';
import { readyMarkOf } from '../../domain/layout.ts';
import type { WorkloadStatus } from '../../domain/runtime.ts';
import type { Work } from '../core/work.ts';

/** What a service was seen ready by: this run of it, and this line. */
interface Seen {
  run: WorkloadStatus;
  pattern: string;
}

/** True when the run has printed the line before: it may have gone from the log since. */
export async function isSeenReady(work: Work, service: string, seen: Seen): Promise<boolean> {
  return (await ifReadable(readFileIfThere(fileOf(work, service)))) === render(seen);
}

/** Notes that the run has printed the line. Throws `files`. */
export async function noteReady(work: Work, service: string, seen: Seen): Promise<void> {
  const file = fileOf(work, service);
  await makeFolder(path.dirname(file));
  await replaceFile(file, render(seen), { lasting: false });
}

/** Deletes the note. Missing is done. */
export async function forgetReady(work: Work, service: string): Promise<void> {
  const file = fileOf(work, service);
  await rm(file, { force: true });
  // Logs that are still in there keep the folder.
  await removeIfEmpty(path.dirname(file));
}

function fileOf(work: Work, service: string): string {
  return readyMarkOf(work.stack.root, work.record.ticket, service);
}

function render({ run, pattern }: Seen): string {
  return JSON.stringify([run.startedAt, run.hash, pattern]);
}
