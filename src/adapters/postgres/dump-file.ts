import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { StackError } from '../../domain/errors.ts';
import { explainFileError } from '../files/file-errors.ts';

const WANTED = '`stack db … load` takes what `stack db … dump` and pg_dump write, and plain SQL';
/** The name of an archive's first file is at its beginning. */
const [CUSTOM, TAR, GZIP] = ['PGDMP', 'toc.dat\0', '\x1f\x8b'] as const;
const HEAD_BYTES = 4096;

/**
 * Returns which of the programs reads a dump: `packed` is pg_restore's, `plain` psql's, `restricted` that of a psql of August 2025 or
 * newer. Throws `not-found`, `usage` for what is none, `files`.
 */
export async function readDumpKind(file: string): Promise<'packed' | 'plain' | 'restricted'> {
  const head = await readHead(file);
  if (head.startsWith(CUSTOM) || head.startsWith(TAR)) return 'packed';
  const [fault, hint] = head.startsWith(GZIP)
    ? ['is packed with gzip', 'unpack it with gunzip first']
    : [head === '' ? 'is empty' : 'is not a dump of a database', WANTED];
  if (head === '' || head.includes('\0') || head.startsWith(GZIP)) {
    throw new StackError('usage', `${file} ${fault}`, { hint });
  }
  if (await leadsElsewhere(file)) {
    throw new StackError('usage', `${file} switches to a database of its own choice (\\connect)`, {
      hint: 'dump one database, without `--create`',
    });
  }
  return /^\\restrict \S+\r?$/m.test(head) ? 'restricted' : 'plain';
}

/** What comes below such a line goes into another database than the one it is meant for. */
async function leadsElsewhere(file: string): Promise<boolean> {
  const input = createReadStream(file, 'latin1');
  try {
    for await (const line of createInterface({ input })) {
      // In the rows of a dump a backslash is written as two.
      if (/^\s*\\c(onnect)?(\s|$)/.test(line)) return true;
    }
    return false;
  } finally {
    input.destroy();
  }
}

/** Returns the beginning of a file, a letter for each byte. */
async function readHead(file: string): Promise<string> {
  try {
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') throw new StackError('usage', `${file} is a folder`, { hint: WANTED });
    if (code !== 'ENOENT') throw explainFileError(error, `read ${file}`);
    throw new StackError('not-found', `there is no file ${file}`, { hint: WANTED });
  }
}
