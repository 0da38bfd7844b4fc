import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { StackError } from '../../domain/errors.ts';
import { bytesOf } from './byte-names.ts';
import { explainFileError } from './file-errors.ts';
import { describeKind } from './read-file.ts';

const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Adds a line to a file, which is made 0600 where it is not there. One write adds it, so lines of two commands do not mix. A link is not
 * followed. Throws `files`.
 */
export async function appendLine(file: string, line: string): Promise<void> {
  try {
    // A pipe that nobody reads would block.
    const handle = await open(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      const gap = (await endsLine(file, handle)) ? '' : '\n';
      await handle.appendFile(bytesOf(`${gap}${line}`));
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explain(error, file);
  }
}

/** An editor may have left the last line without its end. */
async function endsLine(file: string, handle: FileHandle): Promise<boolean> {
  const found = await handle.stat();
  const kind = describeKind(found);
  if (kind !== undefined)
    throw new StackError('files', `cannot write ${file}: it is ${kind}`, { hint: 'move it out of the way' });
  if (found.size === 0) return true;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, found.size - 1);
  return buffer[0] === 0x0a;
}

function explain(error: unknown, file: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return new StackError('files', `cannot write ${file}: its folder is gone`, {
      hint: '`stack ps` tells what is left of the ticket',
      cause: error,
    });
  if (code === 'ELOOP')
    return new StackError('files', `cannot write ${file}: it is a link`, {
      hint: 'move it out of the way',
      cause: error,
    });
  return explainFileError(error, `write ${file}`);
}
