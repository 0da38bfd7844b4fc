import type { Readable } from 'node:stream';
import type { LogLine } from '../../domain/runtime.ts';
import { makeSplitter } from '../split-lines.ts';

/**
 * Returns the lines of a container's output as they come. `multiplexed` output tells the streams apart by frames; that of
 * a terminal is one stream. Characters and lines may be cut anywhere between chunks. With `times` each frame begins with when it was
 * printed. Ends when the stream ends.
 */
export async function* readLines(
  stream: Readable,
  { multiplexed, times = false }: { multiplexed: boolean; times?: boolean },
): AsyncGenerator<LogLine> {
  const splitters = { stdout: makeSplitter(), stderr: makeSplitter() };
  const frames = multiplexed ? createDemuxer() : (bytes: Buffer): Frame[] => [{ stream: 'stdout', bytes }];
  for await (const chunk of stream) {
    for (const frame of frames(chunk as Buffer)) {
      const { bytes, time } = times ? takeTime(frame.bytes) : { bytes: frame.bytes, time: undefined };
      for (const line of splitters[frame.stream].push(bytes, () => time)) yield { stream: frame.stream, ...line };
    }
  }
  for (const name of ['stdout', 'stderr'] as const) {
    for (const line of splitters[name].rest()) yield { stream: name, ...line };
  }
}

/** An engine puts the time in front of each piece of a long line too. */
function takeTime(bytes: Buffer): { bytes: Buffer; time: number | undefined } {
  const end = bytes.indexOf(' ');
  const time = Date.parse(bytes.toString('latin1', 0, Math.max(0, end)));
  return Number.isNaN(time) ? { bytes, time: undefined } : { bytes: bytes.subarray(end + 1), time };
}

interface Frame {
  stream: LogLine['stream'];
  bytes: Buffer;
}

const HEADER = 8;
const STDERR = 2;

/** A frame is: one byte for the stream, three empty ones, four for the length, the bytes (Engine API, ContainerAttach). */
export function createDemuxer(): (chunk: Buffer) => Frame[] {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const frames: Frame[] = [];
    let start = 0;
    while (pending.length >= start + HEADER) {
      const end = start + HEADER + pending.readUInt32BE(start + 4);
      if (pending.length < end) break;
      const stream = pending[start] === STDERR ? 'stderr' : 'stdout';
      frames.push({ stream, bytes: pending.subarray(start + HEADER, end) });
      start = end;
    }
    pending = pending.subarray(start);
    return frames;
  };
}
