import { isPlainMap } from './source.ts';

/** Keys whose texts, and all below them, are run or lead to what is run. */
const RUNS = new Set(['setup', 'command', 'image', 'build', 'compose', 'migrate', 'seed']);

/** Gives a line for every text of a config that is run or leads to what is run, as written: `services.api.command: npm start`. */
export function listCommands(data: unknown, path: readonly string[] = [], runs = false): string[] {
  if (typeof data === 'string') return runs ? [`${path.join('.')}: ${showText(data)}`] : [];
  if (Array.isArray(data)) {
    const isArgv = data.length > 0 && data.every((word) => typeof word === 'string');
    if (runs && isArgv && path.at(-1) === 'command') return [`${path.join('.')}: ${JSON.stringify(data)}`];
    return data.flatMap((item) =>
      runs && Array.isArray(item) ? [`${path.join('.')}: ${JSON.stringify(item)}`] : listCommands(item, path, runs),
    );
  }
  if (!isPlainMap(data)) return [];
  return Object.entries(data).flatMap(([key, value]) => listCommands(value, [...path, key], runs || RUNS.has(key)));
}

/** A line break shown as a space could hide a second command. */
function showText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return /[\u0000-\u001f\u007f]/.test(text.trimEnd()) ? JSON.stringify(text) : text.trimEnd();
}
