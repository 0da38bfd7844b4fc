/** Sequences of ECMA-48: strings (titles, links) to their end, then those with parameters, then those of two letters. */
const SEQUENCES = [
  '(?:\\u001b[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c]*(?:\\u0007|\\u001b\\\\|\\u009c)',
  '(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]',
  '\\u001b[ -/]*[0-~]',
];
const SEQUENCE = new RegExp(SEQUENCES.join('|'), 'g');
/** All controls but the tab and the line end. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Returns a text without what moves a cursor, paints or rings: escape sequences are gone, a lone control is a space. */
export function withoutControls(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(SEQUENCE, '').replaceAll(CONTROL, ' ');
}
