/**
 * BuildKit tells of its work in protobuf messages (moby.buildkit.v1.StatusResponse) inside the build's stream of JSON.
 * dockerode can read them too, but gives the output of commands in base64; three fields are not worth a library.
 */
const RESPONSE = { vertexes: 1, logs: 3 } as const;
const VERTEX = { name: 3, started: 5, completed: 6 } as const;
const LOG = { message: 4 } as const;

/** Returns what a trace adds to the output, in lines: the names of steps that begin, and what their commands print. */
export function readTrace(base64: string): string[] {
  const response = readFields(Buffer.from(base64, 'base64'));
  const begun = (response.get(RESPONSE.vertexes) ?? []).flatMap((bytes) => {
    const vertex = readFields(bytes);
    const isNew = vertex.has(VERTEX.started) && !vertex.has(VERTEX.completed);
    return isNew ? [String(vertex.get(VERTEX.name)?.[0] ?? '')] : [];
  });
  const printed = (response.get(RESPONSE.logs) ?? []).flatMap((bytes) =>
    String(readFields(bytes).get(LOG.message)?.[0] ?? '').split('\n'),
  );
  return [...begun, ...printed];
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** Returns the delimited fields (texts, messages) of a protobuf message by number, and passes over all others. */
function readFields(bytes: Buffer): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 0; at < bytes.length; shift += 7) {
      const byte = bytes[at++] ?? 0;
      // Multiplied, not shifted: a time has more than 32 bits.
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const type = tag & 7;
    if (type === VARINT) readVarint();
    else if (type === FIXED64) at += 8;
    else if (type === FIXED32) at += 4;
    else if (type === DELIMITED) {
      const length = readVarint();
      fields.set(tag >>> 3, [...(fields.get(tag >>> 3) ?? []), bytes.subarray(at, at + length)]);
      at += length;
    } else return fields;
  }
  return fields;
}
