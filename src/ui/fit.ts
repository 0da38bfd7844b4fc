import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';

/** Returns the text with spaces after it up to `columns`. */
export function padText(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - stringWidth(text)));
}

/** Returns the text, cut with `…` where it takes more than `columns`; empty when there is no room at all. */
export function cutText(text: string, columns: number, position: 'middle' | 'end' = 'end'): string {
  if (columns < 1) return '';
  const cut = cliTruncate(text, columns, { position });
  // A cut within a letter of two columns keeps all of it.
  return stringWidth(cut) > columns ? cliTruncate(text, columns - 1, { position }) : cut;
}
