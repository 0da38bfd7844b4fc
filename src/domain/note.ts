import { withoutControls } from './plain-text.ts';

/** `- 2026-11-28T09:45:12Z text`: a line of a list in Markdown, as `renderNote` writes it. */
const NOTE = /^- \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S/;

/** Letters that a note may have. */
export const NOTE_LETTERS = 4000;

/** The name of who wrote it stands before it. */
const LINE_LETTERS = NOTE_LETTERS + 100;

/** Returns a note as the one line that goes into a ticket's notes: control characters and line ends are spaces in it. */
export function renderNote(at: Date, text: string): string {
  const line = withoutControls(text)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  const short = line.length > LINE_LETTERS ? `${line.slice(0, LINE_LETTERS - 1)}…` : line;
  return `- ${at.toISOString().slice(0, 19)}Z ${short}\n`;
}

/** True where a text holds nothing but such lines: no person has written anything of their own into it. */
export function holdsNotesAlone(text: string): boolean {
  return text.split('\n').every((line) => line === '' || NOTE.test(line));
}

/** Returns the last line that somebody wrote, without the mark of a list; undefined where there is none. */
export function findLastNote(text: string): string | undefined {
  const line = text
    .split('\n')
    .map((one) => one.trim())
    .findLast((one) => one !== '');
  return line?.replace(/^[-*] /, '');
}
