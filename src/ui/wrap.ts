import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** What is left of a line is never less than this. */
const LEAST_ROOM = 20;
/** Stands for a blank where no line may end (of the private use area: it is in no text). */
const UNBROKEN = '\ue000';

/**
 * Returns the text in lines of so many columns, broken between words, for a place behind `indent` columns: so far its further lines
 * are indented. A word that is longer stays whole, as addresses must, and a command in backticks, to be copied. Undefined: no terminal, and nothing is broken.
 */
export function wrapText(text: string, columns: number | undefined, indent: number): string {
  const room = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(LEAST_ROOM, columns - indent);
  if (stringWidth(text) <= room) return text;
  const whole = text.replaceAll(/`[^`\n]*`/g, (command) => command.replaceAll(' ', UNBROKEN));
  return wrapAnsi(whole, room)
    .replaceAll(UNBROKEN, ' ')
    .replaceAll('\n', `\n${' '.repeat(indent)}`);
}
