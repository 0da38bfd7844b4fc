import { StackError } from '../../domain/errors.ts';
import { FLAGS_OF_EVERY, HELP_FLAG, namesOf } from './every-verb.ts';

/** Flags of every verb that take no value. */
const GLOBAL_FLAGS = new Set(FLAGS_OF_EVERY.flatMap(([flag]) => (flag.includes('<') ? [] : namesOf(flag))));
/** Flags of every verb. */
const OWN_FLAGS = new Set([...FLAGS_OF_EVERY, HELP_FLAG].flatMap(([flag]) => namesOf(flag)));

/** A verb as the order of words sees it. */
interface NamedVerb {
  name: string;
  aliases?: readonly string[];
  command?: 'strict' | 'loose';
}

/** Returns a command line whose verb is called by its own name: `rm feat-01` is `destroy feat-01`, `help ls` is `help ps`. */
export function nameVerb(argv: readonly string[], verbs: readonly NamedVerb[]): string[] {
  const at = argv.findIndex((word, index) => !word.startsWith('-') && !(word === 'help' && index < argv.length - 1));
  const verb = verbs.find(({ aliases }) => aliases?.includes(argv[at] ?? ''));
  return verb ? argv.toSpliced(at, 1, verb.name) : [...argv];
}

/**
 * Parts a command line from the one that it hands to a child, which is whole whatever it holds. It stands behind `--`; without,
 * `loose` is what stands behind the verb, where no word of it may be meant for stack: `exec feat-01 api ls -l`.
 */
export function splitCommand(
  argv: readonly string[],
  verb: NamedVerb | undefined,
): { words: string[]; command: string[]; loose?: string[] } {
  if (!verb?.command) return { words: [...argv], command: [] };
  const at = argv.indexOf('--');
  if (at !== -1) return { words: argv.slice(0, at), command: argv.slice(at + 1) };
  const from = argv.indexOf(verb.name) + 1;
  const loose = argv.slice(from);
  const isOurs = (word: string): boolean => OWN_FLAGS.has(word.split('=')[0]!);
  const isClear = loose.length > 1 && !loose[0]!.startsWith('-') && !loose.some(isOurs);
  if (verb.command === 'strict' || !isClear) return { words: [...argv], command: [] };
  return { words: argv.slice(0, from), command: [], loose };
}

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
