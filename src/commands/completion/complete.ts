import type { Context } from '../../context.ts';
import { bestEffort } from '../../domain/errors.ts';
import { FLAGS_OF_EVERY, FOLDER_FLAG, HELP_FLAG, namesOf, ROOT_FLAG } from '../common/every-verb.ts';
import type { Verb } from '../common/verb.ts';
import { nameVerb } from '../common/word-order.ts';
import { enterFolders, enterRoot, takeFolders } from '../common/working-folder.ts';
import { TOPICS } from '../help/topics.ts';
import { readNames } from './names.ts';
import { type CompletionVerb, completeWords, FOLDERS } from './words.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a verb runs does not matter here.
type AnyVerb = Verb<any, any>;

/** Answers the shell: one candidate a line. Never fails: a broken stack.yml must not spoil a Tab. */
export async function complete(words: readonly string[], context: Context, verbs: readonly AnyVerb[]): Promise<number> {
  const found = (await bestEffort(findCandidates(words[0] === '--' ? words.slice(1) : words, context, verbs))) ?? [];
  for (const candidate of found) context.host.stdout.write(`${candidate}\n`);
  return 0;
}

async function findCandidates(
  words: readonly string[],
  context: Context,
  verbs: readonly AnyVerb[],
): Promise<readonly string[]> {
  const pending = takeFolders(words.slice(0, -1));
  if ([...pending.folders, pending.root].includes('')) return [FOLDERS];
  const { folders, root, rest: typed } = takeFolders(words);
  context.host.cwd = enterFolders(context.host.cwd, folders);
  context.options.root = enterRoot(context.host.cwd, root);
  // The last word is still being typed.
  const named = [...nameVerb(typed.slice(0, -1), verbs), ...typed.slice(-1)];
  const bare = FLAGS_OF_EVERY.filter(([notation]) => !notation.includes('<'));
  const before = [FOLDER_FLAG, ROOT_FLAG, ...bare, HELP_FLAG].map(([notation, says]) => `${nameOf(notation)}\t${says}`);
  const known = [...verbs.map(describeVerb), describeHelp(verbs)];
  return completeWords({ words: named, before, verbs: known, names: await readNames(context) });
}

function describeHelp(verbs: readonly AnyVerb[]): CompletionVerb {
  const choices = [...verbs.map(({ name }) => name), ...Object.keys(TOPICS)];
  return { name: 'help', description: 'show help for a verb', flags: [], takesTicket: false, choices };
}

function describeVerb(verb: AnyVerb): CompletionVerb {
  const { tickets, services, several, saved, repos, ...words } = verb.completes;
  const perRepo = (verb.repoFlags ?? []).map(({ name, description }) => ({
    flag: `--${name}-REPO`,
    description,
    takesValue: true,
  }));
  const flags = [...verb.flags, ...FLAGS_OF_EVERY, HELP_FLAG].map(([notation, description]) => ({
    flag: nameOf(notation),
    description,
    takesValue: notation.includes('<'),
  }));
  return {
    name: verb.name,
    description: verb.summary,
    flags: [...perRepo, ...flags],
    takesTicket: tickets === true,
    takesService: services === true,
    takesSeveral: several === true,
    takesSaved: saved === true,
    takesRepo: repos ?? false,
    takesCommand: verb.command === 'loose',
    ...words,
  };
}

/** The long name of a flag, where it has one. */
function nameOf(notation: string): string {
  const names = namesOf(notation);
  return names.find((name) => name.startsWith('--')) ?? names[0] ?? notation;
}
