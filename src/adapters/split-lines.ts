const LONGEST_LINE = 1024 * 1024;
const LINE_END = 10;
const RETURN = 13;

/** A line of a program's output, without its end. */
export interface OutputLine {
  text: string;
  /** The line as it was printed, but for the line end, where that is not what `text` says. */
  bytes?: Buffer;
  /** Unix milliseconds of when its beginning was printed, where that is known. */
  time?: number;
}

/** Returns when a byte of a chunk was printed. */
export type TimeOf = (index: number) => number | undefined;

export interface LineSplitter {
  /** Returns the lines that are complete with this chunk, which may be used again. */
  push(chunk: Buffer, timeOf?: TimeOf): OutputLine[];
  /** Returns what stands after the last line end, which may still grow. */
  rest(): OutputLine[];
}

/**
 * Cuts bytes into lines; a character or line end may be split between two chunks. A line that is longer than 1 MB is cut: what
 * prints without line ends must not fill the memory.
 */
export function makeSplitter(): LineSplitter {
  let rest: Buffer = Buffer.alloc(0);
  let restTime: number | undefined;
  return {
    push(chunk, timeOf) {
      const before = rest.length;
      const timeAt = (start: number): number | undefined => (start < before ? restTime : timeOf?.(start - before));
      const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const lines: OutputLine[] = [];
      let start = 0;
      for (let end = all.indexOf(LINE_END, before); end >= 0; end = all.indexOf(LINE_END, start)) {
        lines.push(makeLine(all.subarray(start, end), timeAt(start)));
        start = end + 1;
      }
      if (all.length - start > LONGEST_LINE) {
        const end = all.length - cutOff(all);
        lines.push(makeLine(all.subarray(start, end), timeAt(start)));
        start = end;
      }
      if (start < all.length) restTime = timeAt(start);
      rest = Buffer.from(all.subarray(start));
      return lines;
    },
    rest: () => (rest.length === 0 ? [] : [makeLine(rest, restTime)]),
  };
}

function makeLine(bytes: Buffer, time: number | undefined): OutputLine {
  const hasReturn = bytes.at(-1) === RETURN;
  const text = bytes.toString('utf8', 0, bytes.length - (hasReturn ? 1 : 0));
  const isSame = !hasReturn && (!text.includes('\ufffd') || Buffer.from(text).equals(bytes));
  return { text, ...(!isSame && { bytes: Buffer.from(bytes) }), ...(time !== undefined && { time }) };
}

/** How many bytes at the end are the beginning of a character. */
function cutOff(bytes: Buffer): number {
  const inside = [1, 2, 3].findIndex((back) => ((bytes.at(-back) ?? 0) & 0xc0) !== 0x80);
  const first = bytes.at(-inside - 1) ?? 0;
  const length = [0xc0, 0xe0, 0xf0].filter((least) => first >= least).length;
  return inside >= 0 && length > inside ? inside + 1 : 0;
}
