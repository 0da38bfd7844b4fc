import { RUNTIME_CHOICES } from '../../domain/runtime.ts';
import type { Names } from './names.ts';

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
  /** Its argument is a ticket of which something is saved. */
  takesSaved?: boolean;
  /** After (or instead of) a ticket it takes services. */
  takesService?: boolean;
  /** After a ticket it takes a repo; `borrowed`: one that the ticket borrows. */
  takesRepo?: boolean | 'borrowed';
  /** Its arguments are folders. */
  folders?: boolean;
  /** Fixed words of which one stands before all else: `add run list`. */
  leads?: readonly string[];
  /** Those of them behind which a file is named; a file may stand in their place, too. */
  files?: readonly string[];
  /** Fixed words it takes: `bash zsh fish`. */
  choices?: readonly string[];
  /** Fixed words that it takes once it is clear which ticket is meant. */
  actions?: readonly string[];
  /** Those behind which a file is named. */
  fileActions?: readonly string[];
  /** Another program's command line stands behind its arguments, and behind `--`. */
  takesCommand?: boolean;
}

export interface CompletionQuestion {
  /** What stands behind `stack`, up to the cursor; the last word is the one being typed, maybe empty. */
  words: readonly string[];
  verbs: readonly CompletionVerb[];
  /** What may stand before the verb. */
  before?: readonly string[];
  names: Names;
}

/** Answers that leave the rest to the shell, which knows files and programs. No name begins like that. */
export const FOLDERS = ':folders';
const FILES = ':files';
/** The last so many words are a command line of their own. */
const commandOf = (words: number): string => `:command ${words}`;

/** What stands between the verb and the word being typed. */
interface Typed {
  /** The finished words that are no flags and no flags' values. */
  given: string[];
  /** The flag whose value is being typed as a word of its own. */
  wanting: CompletionFlag | undefined;
  /** How many words are behind `--`, with the one being typed. */
  foreign: number | undefined;
}

/**
 * Returns what may stand where the cursor is, one candidate a string, with its description behind a tab where it has one.
 * A candidate that ends with `=` wants its value right behind it; one that begins with `:` says what the shell is to complete by
 * itself. Empty when nothing is known. Throws what `names` throws.
 */
export async function completeWords(question: CompletionQuestion): Promise<string[]> {
  const { words, verbs, names } = question;
  const current = words.at(-1) ?? '';
  const at = words.slice(0, -1).findIndex((word) => !word.startsWith('-'));
  if (at === -1) return pick(current, current.startsWith('-') ? (question.before ?? []) : verbs.map(describeVerb));
  const verb = verbs.find(({ name }) => name === words[at]);
  if (!verb) return [];
  const flags = expandFlags(verb.flags, names.repos);
  const behind = words.slice(at + 1, -1);
  const typed = readWords(behind, flags);
  if (typed.foreign !== undefined) return verb.takesCommand ? [commandOf(typed.foreign)] : [];
  const command = verb.takesCommand ? findCommand(behind, names) : undefined;
  if (command !== undefined) return [commandOf(command)];
  if (typed.wanting) return completeValue(typed.wanting, current, '', { typed, names });
  if (current.startsWith('-')) return completeFlag(current, behind, flags, { typed, names });
  return pick(current, await listArguments(verb, typed.given, names));
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
  for (const [index, word] of words.entries()) {
    if (wanting) wanting = undefined;
    else if (word === '--') return { given, wanting, foreign: words.length - index };
    else if (word.startsWith('-')) wanting = flags.find(({ flag, takesValue }) => takesValue && flag === word);
    else given.push(word);
  }
  return { given, wanting, foreign: undefined };
}

/** Without `--` the command stands behind the service: returns how many words it has, with the one being typed. */
function findCommand(words: readonly string[], { tickets, here }: Names): number | undefined {
  const [first = '', second = ''] = words;
  const isNamed = Object.hasOwn(tickets, first);
  const ticket = tickets[isNamed ? first : (here ?? '')];
  const service = isNamed ? second : first;
  return ticket?.services.includes(service) ? words.length + (isNamed ? -1 : 0) : undefined;
}

/** What the values of flags depend on. */
interface Around {
  typed: Typed;
  names: Names;
}

async function completeFlag(
  current: string,
  before: readonly string[],
  flags: readonly CompletionFlag[],
  around: Around,
): Promise<string[]> {
  const [name = '', value] = splitValue(current);
  if (value !== undefined) {
    const flag = flags.find((candidate) => candidate.takesValue && candidate.flag === name);
    return flag ? completeValue(flag, value, `${name}=`, around) : [];
  }
  const used = new Set(before.map((word) => splitValue(word)[0]));
  const open = flags.filter(({ flag, takesValue }) => takesValue || !used.has(flag));
  return pick(
    current,
    // Those of a repo read best with `=`.
    open.map(({ flag, description }) => `${findRepoFlag(flag, around.names) ? `${flag}=` : flag}\t${description}`),
  );
}

/** `--from-api`, `--on-api`. */
function findRepoFlag(flag: string, { repos }: Names): { repo: string; free: boolean } | undefined {
  const repo = repos.find((name) => flag === `--from-${name}` || flag === `--on-${name}`);
  return repo === undefined ? undefined : { repo, free: flag.startsWith('--on-') };
}

/** Values may be comma lists: the part behind the last comma is the one being typed. */
async function completeValue(flag: CompletionFlag, typed: string, prefix: string, around: Around): Promise<string[]> {
  const listed = typed.split(',');
  const last = listed.pop() ?? '';
  const open = (await listValues(flag, around)).filter((value) => !listed.includes(value));
  const head = prefix + listed.map((value) => `${value},`).join('');
  return pick(last, open).map((value) => head + value);
}

/** A description that is a list of words says what the value may be: `shell, dotenv, json`. */
const CHOICES = /^\w+(?:, \w+)+$/;

async function listValues(
  { flag, description }: CompletionFlag,
  { typed: { given }, names }: Around,
): Promise<readonly string[]> {
  const perRepo = findRepoFlag(flag, names);
  if (perRepo) return names.refs(perRepo.repo, perRepo);
  const ticket = findTicket(given, names);
  const repo = given.findLast((word) => names.repos.includes(word));
  switch (flag) {
    case '--from':
      return repo === undefined ? [] : names.refs(repo);
    case '--with':
      return names.borrowable;
    case '--own':
      return names.ownable.filter((name) => !ticket?.own.includes(name));
    case '--time':
      return (await names.saved()).filter((one) => given.includes(one.ticket)).map(({ time }) => time);
    case '--repo':
      return names.repos;
    case '--service':
      return names.services;
    case '--ticket':
    case '--after':
      return Object.keys(names.tickets);
    case '--onto':
      return Object.keys(names.tickets).filter((name) => !given.includes(name) && name !== names.here);
    case '--into':
      return [...new Set((await Promise.all(names.repos.map((one) => names.refs(one)))).flat())];
    case '--runtime':
      return RUNTIME_CHOICES;
    default:
      return CHOICES.test(description) ? description.split(', ') : [];
  }
}

/** The ticket named, else the one whose folder we are in. */
function findTicket(given: readonly string[], { tickets, here }: Names): Names['tickets'][string] | undefined {
  return tickets[given.find((word) => Object.hasOwn(tickets, word)) ?? here ?? ''];
}

async function listArguments(verb: CompletionVerb, given: readonly string[], names: Names): Promise<string[]> {
  const { actions, fileActions = [] } = verb;
  if (verb.folders) return [FOLDERS];
  const led = listLed(verb, given);
  if (led) return led;
  const action = given.find((word) => actions?.includes(word));
  if (action !== undefined) return fileActions.includes(action) && given.at(-1) === action ? [FILES] : [];
  const hasTicket = given.some((word) => Object.hasOwn(names.tickets, word));
  const saved = verb.takesSaved && given.length === 0 ? await names.saved() : [];
  const words = [
    ...((!hasTicket && verb.choices) || []),
    ...listTickets(verb, hasTicket, names),
    ...saved.map(({ ticket }) => ticket),
    ...listParts(verb, findTicket(given, names), names),
  ];
  return words.filter((word) => !given.includes(word));
}

/** Undefined: what leads says nothing of what follows. */
function listLed({ leads, files }: CompletionVerb, [first, ...rest]: readonly string[]): string[] | undefined {
  if (leads && first === undefined) return [...leads, ...(files ? [FILES] : [])];
  if (!files || first === undefined) return undefined;
  if (files.includes(first)) return rest.length === 0 ? [FILES] : [];
  return leads?.includes(first) ? undefined : [];
}

function listTickets(verb: CompletionVerb, hasTicket: boolean, { tickets }: Names): string[] {
  const { takesTicket, takesSeveral, takesService, takesRepo, actions } = verb;
  const isOne = !takesSeveral && (takesService || takesRepo || actions);
  if (!takesTicket || (hasTicket && isOne)) return [];
  return Object.keys(tickets).filter((name) => takesRepo !== 'borrowed' || tickets[name]!.borrowed.length > 0);
}

/** What is said of a ticket: services, repos, actions. */
function listParts(verb: CompletionVerb, ticket: Names['tickets'][string] | undefined, names: Names): string[] {
  const { takesTicket, takesService, takesRepo, takesCommand, actions = [] } = verb;
  const services = (takesCommand && ticket?.services) || names.services;
  const repos = takesRepo === 'borrowed' ? (ticket?.borrowed ?? []) : names.repos;
  return [
    ...(takesService ? services : []),
    ...(takesRepo && (ticket || !takesTicket) ? repos : []),
    ...(ticket ? actions : []),
  ];
}

function pick(prefix: string, candidates: readonly string[]): string[] {
  return [...new Set(candidates)].filter((candidate) => candidate.startsWith(prefix) || candidate.startsWith(':'));
}

function splitValue(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
