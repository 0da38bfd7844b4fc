import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError } from '../../adapters/files/file-errors.ts';
import { inFolder } from '../../domain/layout.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';

/** Returns the folder that keeps the data of tickets that were destroyed. */
export function dumpsFolder(stack: Pick<Stack, 'root'>): string {
  return inFolder(stack.root, 'dumps');
}

/** Returns a file in there; a name from a record leads nowhere else. */
export function dumpFile(stack: Pick<Stack, 'root'>, name: string): string {
  return path.join(dumpsFolder(stack), path.basename(name));
}

/** Returns how long saved data is kept; undefined while stack.yml cannot be read: it may say longer than anybody would guess. */
export async function keptDays(stack: Pick<Stack, 'config'>): Promise<number | undefined> {
  return (await configIfReadable(stack))?.dumps.keepDays;
}

/** Writes a dump to a file that nobody else can read; a file that is there is replaced as a whole. Returns its bytes. Throws `files`. */
export async function writeDump(
  file: string,
  write: (output: NodeJS.WritableStream) => Promise<void>,
): Promise<number> {
  const unfinished = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    const output = createWriteStream(unfinished, { mode: 0o600 });
    const failed = new Promise<never>((_, reject) => output.once('error', reject));
    await Promise.race([failed, write(output)]);
    await Promise.race([failed, new Promise<void>((done) => output.end(() => done()))]);
    await rename(unfinished, file);
    return output.bytesWritten;
  } catch (error) {
    throw explainFileError(error, `write ${file}`);
  } finally {
    await rm(unfinished, { force: true });
  }
}
