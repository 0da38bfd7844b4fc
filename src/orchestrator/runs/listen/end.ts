import { stat, utimes, writeFile } from 'node:fs/promises';
import { ifReadable, ifThere } from '../../../adapters/files/file-errors.ts';
import { readFileIfThere } from '../../../adapters/files/files.ts';
import type { RunRecord } from '../../../domain/runs/run.ts';
import type { Stack } from '../../core/stack.ts';
import { filesOf } from '../record.ts';

/** How a run has ended. */
export interface RunEnd {
  /** Unix milliseconds. */
  at: number;
  /** Null: nobody has seen its exit code. */
  code: number | null;
}

/** Stands for an exit code that nobody has seen. */
const UNSEEN = '-\n';

/** Returns how a run has ended, as far as that is written down. A file that may not be read is none. */
export async function readEnd(stack: Stack, run: RunRecord): Promise<RunEnd | undefined> {
  const { exit } = filesOf(stack, run);
  const text = await ifReadable(readFileIfThere(exit));
  if (text === undefined || !(text === UNSEEN || /^\d+\n$/.test(text))) return undefined;
  const at = (await ifThere(stat(exit)))?.mtimeMs ?? Date.now();
  return { at, code: text === UNSEEN ? null : Number(text) };
}

/**
 * Writes down that a run has ended without anybody who saw its exit code: whoever looks next need not look for its processes. One who
 * did see it, and writes that down later, is believed. Returns the end; it was when the run was last heard of.
 */
export async function noteEnd(stack: Stack, run: RunRecord): Promise<RunEnd> {
  const { events, exit } = filesOf(stack, run);
  const at = (await ifThere(stat(events)))?.mtimeMs ?? run.startedAt;
  // A folder that is read-only or going tells the same next time.
  await ifReadable(
    writeFile(exit, UNSEEN, { flag: 'wx', mode: 0o600 }).then(() => utimes(exit, at / 1000, at / 1000)),
  ).catch(() => undefined);
  // It may have ended while we looked.
  return (await readEnd(stack, run)) ?? { at, code: null };
}
