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

/** Returns a text behind a label that is so many columns wide, its further lines below the text's first one. */
export function wrapBehind(label: string, width: number, text: string, columns: number | undefined): string {
  return `${label}${' '.repeat(Math.max(0, width - stringWidth(label)))}${wrapText(text, columns, width)}`;
}

/** Returns a numbered line a step: what it is about, and what is done; none wider than so many columns where words allow it. */
export function numberSteps(steps: readonly [subject: string, text: string][], columns: number | undefined): string[] {
  const width = Math.max(0, ...steps.map(([subject]) => stringWidth(subject))) + 7;
  return steps.map(([subject, text], index) =>
    wrapBehind(`${String(index + 1).padStart(3)}. ${subject}`, width, text, columns),
  );
}
