import type { Context } from '../../context.ts';
import { bestEffort } from '../../domain/errors.ts';
import { FLAGS_OF_EVERY, FOLDER_FLAG, HELP_FLAG, namesOf } from '../common/every-verb.ts';
import type { Verb } from '../common/verb.ts';
import { nameVerb } from '../common/word-order.ts';
import { enterFolders, takeFolders } from '../common/working-folder.ts';
import { type CompletionVerb, completeWords } from './words.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a verb runs does not matter here.
type AnyVerb = Verb<any, any>;

/** Answers the shell: one candidate a line. Never fails: a broken stack.yml must not spoil a Tab. */
export async function complete(words: readonly string[], context: Context, verbs: readonly AnyVerb[]): Promise<number> {
  const { folders, rest: typed } = takeFolders(words[0] === '--' ? words.slice(1) : words);
  // A folder, which the shell completes.
  if (takeFolders(words.slice(0, -1)).folders.includes('')) return 0;
  // The last word is still being typed.
  const named = [...nameVerb(typed.slice(0, -1), verbs), ...typed.slice(-1)];
  const names = (await bestEffort(readNames(context, folders))) ?? { tickets: [], repos: [], services: [] };
  const [folder, says] = FOLDER_FLAG;
  const before = [`${namesOf(folder)[0]}\t${says}`];
  const candidates = completeWords({ words: named, before, verbs: verbs.map(describeVerb), ...names });
  for (const candidate of candidates) context.host.stdout.write(`${candidate}\n`);
  return 0;
}

async function readNames(
  context: Context,
  folders: readonly string[],
): Promise<{ tickets: string[]; repos: string[]; services: string[] }> {
  context.host.cwd = enterFolders(context.host.cwd, folders);
  const stack = await context.stack();
  const [state, config] = await Promise.all([stack.store.read(), stack.config()]);
  return {
    tickets: Object.keys(state.instances),
    repos: Object.keys(config.repos),
    services: Object.keys(config.services),
  };
}

function describeVerb(verb: AnyVerb): CompletionVerb {
  const { tickets, services, repos, choices, several } = verb.completes;
  const perRepo = (verb.repoFlags ?? []).map(({ name, description }) => ({
    flag: `--${name}-REPO`,
    description,
    takesValue: true,
  }));
  const flags = [...verb.flags, ...FLAGS_OF_EVERY, HELP_FLAG].map(([notation, description]) => ({
    flag: namesOf(notation).find((name) => name.startsWith('--')) ?? notation,
    description,
    takesValue: notation.includes('<'),
  }));
  return {
    name: verb.name,
    description: verb.summary,
    flags: [...perRepo, ...flags],
    takesTicket: tickets === true,
    ...(services && { takesService: true }),
    ...(several && { takesSeveral: true }),
    ...(repos && { takesRepo: true }),
    ...(choices && { choices }),
  };
}
