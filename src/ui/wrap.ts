import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** What is left of a line is never less than this. */
const LEAST_ROOM = 20;

/**
 * Returns the text in lines of so many columns, broken between words, for a place behind `indent` columns: so far its further lines
 * are indented. A word that is longer stays whole, as addresses must. Undefined: no terminal, and nothing is broken.
 */
export function wrapText(text: string, columns: number | undefined, indent: number): string {
  const room = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(LEAST_ROOM, columns - indent);
  if (stringWidth(text) <= room) return text;
  return wrapAnsi(text, room).replaceAll('\n', `\n${' '.repeat(indent)}`);
}
