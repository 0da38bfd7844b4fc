const BLOCK = 512;

/** Where the fields of a ustar header are, in bytes (POSIX.1-1988). */
const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const;

/** Returns an archive that holds one folder and nothing in it. Put over a folder that is there, it sets its owner and mode. */
export function packFolder(name: string, mode: number, uid: number, gid: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const put = (field: keyof typeof FIELD, text: string) => header.write(text, FIELD[field][0], FIELD[field][1], 'utf8');
  const octal = (field: keyof typeof FIELD, value: number) =>
    put(field, value.toString(8).padStart(FIELD[field][1] - 1, '0'));
  put('name', `${name}/`);
  octal('mode', mode);
  octal('uid', uid);
  octal('gid', gid);
  octal('size', 0);
  octal('mtime', 0);
  put('type', '5');
  put('magic', 'ustar\u000000');
  // The checksum is taken with its own field as blanks.
  put('checksum', ' '.repeat(8));
  octal(
    'checksum',
    header.reduce((sum, byte) => sum + byte, 0),
  );
  return Buffer.concat([header, Buffer.alloc(2 * BLOCK)]);
}

/** What an archive says of one entry. */
export interface ArchiveEntry {
  readonly uid: number;
  readonly mode: number;
  /** Bytes of content. */
  readonly size: number;
}

/** Returns the first entries of an archive, and reads no more of the stream than it must. */
export async function readFirstEntries(stream: NodeJS.ReadableStream, count: number): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  let bytes = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    while (bytes.length >= offset + BLOCK) {
      const header = bytes.subarray(offset, offset + BLOCK);
      if (header[0] === 0) return entries;
      const size = readNumber(header, 'size');
      // x and g are extended headers that belong to the entry after them.
      if (!'xg'.includes(String.fromCharCode(header[FIELD.type[0]] ?? 0))) {
        entries.push({ uid: readNumber(header, 'uid'), mode: readNumber(header, 'mode'), size });
        if (entries.length === count) return entries;
      }
      offset += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    }
  }
  return entries;
}

/** Returns the text of an archive's one file; '' when the entry is none (a link, a folder). */
export async function readArchivedFile(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return bytes.length < BLOCK ? '' : bytes.toString('utf8', BLOCK, BLOCK + readNumber(bytes, 'size'));
}

function readNumber(header: Buffer, field: keyof typeof FIELD): number {
  const [start, length] = FIELD[field];
  return Number.parseInt(header.toString('latin1', start, start + length), 8) || 0;
}
