import stringWidth from 'string-width';

/** Returns the text with spaces after it up to `columns`. */
export function padText(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - stringWidth(text)));
}
