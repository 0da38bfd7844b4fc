import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';

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
  let shown: readonly string[] = [];
  let width = sized.columns;
  /** A terminal that was made narrower has folded what it shows, so that it takes more rows than log-update knows of. */
  const clearFolded = (columns: number) => {
    const rows = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(stringWidth(line) / columns)), 0);
    if (rows === shown.length) return;
    moveCursor(sized, 0, -rows);
    cursorTo(sized, 0);
    clearScreenDown(sized);
    update.done();
    shown = [];
  };
  const draw = (lines: readonly string[]) => {
    const { columns = defaultColumns } = sized;
    if (columns < (width ?? columns)) clearFolded(columns);
    width = columns;
    if (lines.length > 0) update(lines.join('\n'));
    else if (shown.length > 0) update.clear();
    shown = lines;
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
