import { isUtf8 } from 'node:buffer';

/** Stand for the bytes 0x80 to 0xff where they are no UTF-8: lone surrogates, which no valid text holds (as in PEP 383). */
const ESCAPED = /[\udc80-\udcff]/u;
const EACH_ESCAPED = /([\udc80-\udcff])/u;
const OFFSET = 0xdc00;

/** Returns bytes from git or the disk as text. Bytes that are no UTF-8 are kept, so `bytesOf` gives the same bytes again. */
export function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  const pieces: string[] = [];
  for (let at = 0; at < buffer.length; ) {
    const length = lengthAt(buffer, at);
    pieces.push(
      length === 0 ? String.fromCharCode(OFFSET + (buffer[at] ?? 0)) : buffer.toString('utf8', at, at + length),
    );
    at += length || 1;
  }
  return pieces.join('');
}

/** Returns the bytes that `textOf` made a text of. */
export function bytesOf(text: string): Buffer {
  if (!isEscaped(text)) return Buffer.from(text);
  const pieces = text.split(EACH_ESCAPED);
  return Buffer.concat(
    pieces.map((piece, index) => (index % 2 === 1 ? Buffer.of(piece.charCodeAt(0) - OFFSET) : Buffer.from(piece))),
  );
}

/** Returns a path as Node's file functions take it: the text itself, or bytes where it is no UTF-8. */
export function pathOf(text: string): string | Buffer {
  return isEscaped(text) ? bytesOf(text) : text;
}

/** True for a name that is no UTF-8: no command line of ours can carry it. */
export function isEscaped(text: string): boolean {
  return ESCAPED.test(text);
}

/** The length of the run of whole characters that begins there; 0 for a byte that belongs to none. */
function lengthAt(buffer: Buffer, at: number): number {
  let end = at;
  while (end < buffer.length && (buffer[end] ?? 0) < 0x80) end++;
  if (end > at) return end - at;
  return [2, 3, 4].find((size) => at + size <= buffer.length && isUtf8(buffer.subarray(at, at + size))) ?? 0;
}
