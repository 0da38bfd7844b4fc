const HARMFUL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu;

/** Returns a text in which only marks are left that one sees: line ends are `\n`, what moves a cursor or hides text is `?`. */
export function marksOnly(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(HARMFUL, '?');
}

/** Returns a text as code within a line of Markdown, whatever backticks it holds. */
export function inCode(text: string): string {
  const line = marksOnly(text).replaceAll('\n', ' ');
  const ticks = '`'.repeat(longestRun(line, 0) + 1);
  const gap = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${ticks}${gap}${line}${gap}${ticks}`;
}

/** Returns a text as a block of code in Markdown: no line of it ends the block, or is read as anything but text. */
export function inFence(text: string, language = 'text'): string {
  const lines = marksOnly(text);
  const fence = '`'.repeat(Math.max(3, longestRun(lines, 2) + 1));
  return `${fence}${language}\n${lines}${lines.endsWith('\n') ? '' : '\n'}${fence}`;
}

function longestRun(text: string, least: number): number {
  return Math.max(least, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
