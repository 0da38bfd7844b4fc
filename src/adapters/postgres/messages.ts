/** Tells where messages of the server's protocol end: a letter, the length of what follows with its own four bytes, and that. */
export interface MessageReader {
  /** Reads on. Returns the letter of the last message where the bytes end with the end of one; undefined within one. */
  push(bytes: Uint8Array): string | undefined;
}

const HEAD_BYTES = 5;

/** Returns a reader for one direction of a connection. */
export function readMessages(): MessageReader {
  const head = Buffer.alloc(HEAD_BYTES);
  let filled = 0;
  let missing = 0;
  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        if (filled < HEAD_BYTES) {
          head[filled++] = bytes[at++]!;
          if (filled === HEAD_BYTES) missing = head.readUInt32BE(1) - 4;
        } else {
          const part = Math.min(missing, bytes.length - at);
          missing -= part;
          at += part;
        }
        if (filled === HEAD_BYTES && missing === 0) filled = 0;
      }
      return filled === 0 ? String.fromCharCode(head[0]!) : undefined;
    },
  };
}

/** Returns one message. */
export function makeMessage(letter: string, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(letter);
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}
