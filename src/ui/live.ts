import { createLogUpdate } from 'log-update';

/** The part at the bottom of a terminal that is redrawn in place. */
export interface LiveArea {
  /** Shows these lines instead of the ones shown before; none: the area is gone. */
  draw(lines: readonly string[]): void;
  /** Writes lines that stay, above the area, and shows the area again below them. */
  writeAbove(lines: readonly string[], area: readonly string[]): void;
}

type Terminal = NodeJS.WritableStream & { columns?: number; rows?: number };

/** Returns the live area of a terminal. The cursor stays visible, so that nothing has to be put right after a crash. */
export function createLiveArea(stream: Terminal, defaultColumns = 80): LiveArea {
  // Some terminals say that they are 0 wide; log-update would believe them.
  const sized = Object.create(stream, {
    columns: { get: () => stream.columns || defaultColumns },
    rows: { get: () => stream.rows || 24 },
    write: { value: (text: string) => stream.write(text) },
  }) as Terminal;
  const update = createLogUpdate(sized, { showCursor: true });
  let shown = false;
  const draw = (lines: readonly string[]) => {
    if (lines.length > 0) update(lines.join('\n'));
    else if (shown) update.clear();
    shown = lines.length > 0;
  };
  return {
    draw,
    writeAbove(lines, area) {
      draw([]);
      stream.write(`${lines.join('\n')}\n`);
      draw(area);
    },
  };
}
