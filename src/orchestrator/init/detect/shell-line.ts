/** Returns a shell line that does its work in a folder of the repo; '' is the repo's top. */
export function lineIn(dir: string, line: string): string {
  return dir === '' ? line : `cd ${quoteForShell(dir)} && ${line}`;
}

/** Returns a text as one word of a shell line. */
export function quoteForShell(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
