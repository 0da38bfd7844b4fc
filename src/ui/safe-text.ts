import { stripVTControlCharacters } from 'node:util';
import { maskPasswords } from '../domain/secrets.ts';

// C0 and C1 controls, and the marks that reorder or hide text: a branch name or a log line could otherwise move the
// cursor, set the window's title, or show something other than what it holds.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Bytes of a name that are not UTF-8, as stack keeps them (PEP 383). */
const NOT_UTF8 = /[\udc80-\udcff]/gu;

/** What sets colour and weight of text (SGR), which a line of output keeps. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const PAINT = /\u001b\[[0-9;:]*m/g;

/**
 * Returns a line that a program printed as a terminal may have it: colours pass and end with the line, all else that would do
 * something is shown as text (`\x1b]0;…`).
 */
export function showText(text: string): string {
  const line = escapeControls(text);
  return text.search(PAINT) < 0 || line.endsWith('\u001b[0m') ? line : `${line}\u001b[0m`;
}

/** Returns an answer of several lines the same way: what a branch, a file or a table is called is in it as its author wrote it. */
export function showLines(text: string): string {
  return text
    .split('\n')
    .map((line) => escapeControls(line))
    .join('\n');
}

function escapeControls(text: string): string {
  const paints = text.match(PAINT) ?? [];
  const plain = text
    .split(PAINT)
    .map((part) => part.replaceAll(NOT_UTF8, escapeByte).replaceAll(HARMFUL, escapeCharacter));
  return plain.map((part, index) => part + (paints[index] ?? '')).join('');
}

function escapeByte(byte: string): string {
  return `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  if (character === '\t') return character;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * Returns a text from outside as one line that a terminal only shows: escape sequences gone, control characters `?`, the
 * passwords of addresses `***`.
 */
export function cleanText(text: string): string {
  return maskPasswords(stripVTControlCharacters(text))
    .replaceAll(/\s*[\r\n]+\s*/g, ' ')
    .replaceAll('\t', ' ')
    .replaceAll(NOT_UTF8, escapeByte)
    .replaceAll(HARMFUL, '?')
    .trimEnd();
}
