import { StackError } from '../../domain/errors.ts';

/** Flags of every verb that take no value. */
const GLOBAL_FLAGS = new Set(['--json', '--quiet', '-q', '--yes', '-y']);

/**
 * Puts the words of a command line in the one order the parser knows: `--json ps` is `ps --json`, `help ps` is `ps --help`.
 * Of a verb that does not exist only the name is left, so that it is what the error is about. Throws `usage`.
 */
export function orderWords(words: readonly string[], verbs: readonly string[]): string[] {
  const at = words.findIndex((word) => !GLOBAL_FLAGS.has(word));
  const [verb, ...rest] = at === -1 ? [] : words.slice(at);
  if (verb === undefined) {
    if (words.length === 0) return [];
    throw new StackError('usage', 'which verb?', { hint: '`stack --help` lists the verbs' });
  }
  if (verb === 'help' && rest[0] !== undefined) return orderWords([rest[0], '--help'], verbs);
  if (!verbs.includes(verb) && verb !== 'help' && !verb.startsWith('-')) return [verb];
  return [verb, ...words.slice(0, at), ...rest];
}
