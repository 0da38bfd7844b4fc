import { OWNABLE } from '../../domain/own-kinds.ts';
import { RUNTIME_CHOICES } from '../../domain/runtime.ts';

/** A flag of a verb as completion knows it. `REPO` in its name stands for every repo: `--from-REPO`. */
interface CompletionFlag {
  flag: string;
  description: string;
  takesValue: boolean;
}

/** A verb as completion knows it. */
export interface CompletionVerb {
  name: string;
  description: string;
  flags: CompletionFlag[];
  /** Its arguments are tickets that exist. */
  takesTicket: boolean;
  /** It takes more than one. */
  takesSeveral?: boolean;
  /** After (or instead of) a ticket it takes services. */
  takesService?: boolean;
  /** After a ticket it takes a repo. */
  takesRepo?: boolean;
  /** Fixed words it takes: `bash zsh fish`. */
  choices?: readonly string[];
}

export interface CompletionQuestion {
  /** What stands behind `stack`, up to the cursor; the last word is the one being typed, maybe empty. */
  words: readonly string[];
  verbs: readonly CompletionVerb[];
  /** What may stand before the verb. */
  before?: readonly string[];
  tickets: readonly string[];
  repos: readonly string[];
  services: readonly string[];
}

interface Typed {
  current: string;
  /** The finished words behind the verb that are no flags and no flags' values. */
  given: string[];
  /** The flag whose value is being typed as a word of its own. */
  wanting: CompletionFlag | undefined;
  /** Everything behind `--` belongs to another program. */
  foreign: boolean;
}

/**
 * Returns what may stand where the cursor is, one candidate a string, with its description behind a tab where it has one.
 * A candidate that ends with `=` wants its value right behind it. Empty when nothing is known.
 */
export function completeWords(question: CompletionQuestion): string[] {
  const { words, verbs } = question;
  const current = words.at(-1) ?? '';
  const at = words.slice(0, -1).findIndex((word) => !word.startsWith('-'));
  if (at === -1) return pick(current, current.startsWith('-') ? (question.before ?? []) : verbs.map(describeVerb));
  const verb = verbs.find(({ name }) => name === words[at]);
  if (!verb) return [];
  const flags = expandFlags(verb.flags, question.repos);
  const typed = readWords(words.slice(at + 1), flags);
  if (typed.foreign) return [];
  if (typed.wanting) return completeValue(typed.wanting, current, '', question);
  if (current.startsWith('-')) return completeFlag(current, words.slice(at + 1, -1), flags, question);
  return pick(current, listArguments(verb, typed.given, question));
}

function describeVerb({ name, description }: CompletionVerb): string {
  return `${name}\t${description}`;
}

function expandFlags(flags: readonly CompletionFlag[], repos: readonly string[]): CompletionFlag[] {
  return flags.flatMap((flag) => {
    if (!flag.flag.includes('REPO')) return [flag];
    const fill = (text: string, repo: string) => text.replaceAll('REPO', repo);
    return repos.map((repo) => ({ ...flag, flag: fill(flag.flag, repo), description: fill(flag.description, repo) }));
  });
}

function readWords(words: readonly string[], flags: readonly CompletionFlag[]): Typed {
  const given: string[] = [];
  let wanting: CompletionFlag | undefined;
  for (const word of words.slice(0, -1)) {
    if (wanting) wanting = undefined;
    else if (word === '--') return { current: '', given, wanting, foreign: true };
    else if (word.startsWith('-')) wanting = flags.find(({ flag, takesValue }) => takesValue && flag === word);
    else given.push(word);
  }
  return { current: words.at(-1) ?? '', given, wanting, foreign: false };
}

function completeFlag(
  current: string,
  before: readonly string[],
  flags: readonly CompletionFlag[],
  question: CompletionQuestion,
): string[] {
  const [name = '', value] = splitValue(current);
  if (value !== undefined) {
    const flag = flags.find((candidate) => candidate.takesValue && candidate.flag === name);
    return flag ? completeValue(flag, value, `${name}=`, question) : [];
  }
  const used = new Set(before.map((word) => splitValue(word)[0]));
  const open = flags.filter(({ flag, takesValue }) => takesValue || !used.has(flag));
  return pick(
    current,
    open.map(({ flag, description }) => `${isPerRepo(flag, question.repos) ? `${flag}=` : flag}\t${description}`),
  );
}

/** `--from-api`, `--on-api`: they read best with `=`. */
function isPerRepo(flag: string, repos: readonly string[]): boolean {
  return repos.some((repo) => flag === `--from-${repo}` || flag === `--on-${repo}`);
}

/** Values may be comma lists: the part behind the last comma is the one being typed. */
function completeValue(flag: CompletionFlag, typed: string, prefix: string, question: CompletionQuestion): string[] {
  const listed = typed.split(',');
  const last = listed.pop() ?? '';
  const open = listValues(flag.flag, question).filter((value) => !listed.includes(value));
  const head = prefix + listed.map((value) => `${value},`).join('');
  return pick(last, open).map((value) => head + value);
}

function listValues(flag: string, { repos, services, tickets }: CompletionQuestion): readonly string[] {
  if (flag === '--with' || flag === '--repo') return repos;
  if (flag === '--service') return services;
  if (flag === '--ticket') return tickets;
  if (flag === '--runtime') return [...RUNTIME_CHOICES];
  if (flag === '--own') return OWNABLE;
  return [];
}

function listArguments(verb: CompletionVerb, given: readonly string[], question: CompletionQuestion): string[] {
  const words = [...(verb.choices ?? [])];
  const hasTicket = given.some((word) => question.tickets.includes(word));
  const isTicketNext = !hasTicket || verb.takesSeveral || !(verb.takesService || verb.takesRepo);
  if (verb.takesTicket && isTicketNext) words.push(...question.tickets);
  if (verb.takesService) words.push(...question.services);
  if (verb.takesRepo && (hasTicket || !verb.takesTicket)) words.push(...question.repos);
  return words.filter((word) => !given.includes(word));
}

function pick(prefix: string, candidates: readonly string[]): string[] {
  return [...new Set(candidates)].filter((candidate) => candidate.startsWith(prefix));
}

function splitValue(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
