import { quoteForShell } from '../../../domain/shell.ts';

/** Returns a shell line that does its work in a folder of the repo; '' is the repo's top. */
export function lineIn(dir: string, line: string): string {
  return dir === '' ? line : `cd ${quoteForShell(dir)} && ${line}`;
}
