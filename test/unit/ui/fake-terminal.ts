import { Writable } from 'node:stream';

export interface FakeTerminal {
  stream: Writable & { isTTY: boolean; columns: number; rows: number };
  /** Everything written, as it came. */
  raw(): string;
  /** The lines a person sees, without empty ones at the end. */
  screen(): string[];
}

/** A terminal that knows the few movements a redrawing program makes. Throws on any other escape sequence but colours. */
export function createFakeTerminal(columns = 80): FakeTerminal {
  let raw = '';
  const sink = new Writable({
    write(chunk, _encoding, done) {
      raw += String(chunk);
      done();
    },
  });
  const stream = Object.assign(sink, { isTTY: true, columns, rows: 24 });
  return { stream, raw: () => raw, screen: () => play(raw) };
}

interface Screen {
  lines: string[];
  row: number;
  column: number;
}

function play(raw: string): string[] {
  const screen: Screen = { lines: [''], row: 0, column: 0 };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal reads them
  for (const [token, parameters = '', final] of raw.matchAll(/\u001b\[([?\d;]*)([A-Za-z])|\n|[^\u001b\n]+/g)) {
    if (final !== undefined) move(screen, final, parameters, token);
    else if (token === '\n') breakLine(screen);
    else put(screen, token);
  }
  const { lines } = screen;
  while (lines.at(-1)?.trim() === '') lines.pop();
  return lines.map((line) => line.trimEnd());
}

function put(screen: Screen, text: string): void {
  const { row, column } = screen;
  const line = screen.lines[row]!.padEnd(column);
  screen.lines[row] = line.slice(0, column) + text + line.slice(column + text.length);
  screen.column += text.length;
}

function breakLine(screen: Screen): void {
  screen.row += 1;
  screen.column = 0;
  screen.lines[screen.row] ??= '';
}

function move(screen: Screen, final: string, parameters: string, token: string): void {
  const count = Number(parameters || 1);
  const line = screen.lines[screen.row]!;
  if (final === 'A') screen.row = Math.max(0, screen.row - count);
  else if (final === 'B') screen.row = Math.min(screen.lines.length - 1, screen.row + count);
  else if (final === 'G') screen.column = count - 1;
  else if (final === 'K') screen.lines[screen.row] = parameters === '2' ? '' : line.slice(0, screen.column);
  else if (!'mhl'.includes(final)) throw new Error(`unknown escape sequence ${JSON.stringify(token)}`);
}
