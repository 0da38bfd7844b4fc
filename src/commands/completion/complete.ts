import type { Context } from '../../context.ts';
import { bestEffort } from '../../domain/errors.ts';
import type { Verb } from '../common/verb.ts';
import { nameVerb } from '../common/word-order.ts';
import { enterFolders, takeFolders } from '../common/working-folder.ts';
import { type CompletionVerb, completeWords } from './words.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a verb runs does not matter here.
type AnyVerb = Verb<any, any>;

const COMMON_FLAGS: AnyVerb['flags'] = [
  ['--runtime <name>', 'the runtime of services that name none'],
  ['--json', 'print one JSON document'],
  ['--quiet', 'print no progress'],
  ['--yes', 'answer every question yes'],
  ['--help', 'show help'],
];

/** Answers the shell: one candidate a line. Never fails: a broken stack.yml must not spoil a Tab. */
export async function complete(words: readonly string[], context: Context, verbs: readonly AnyVerb[]): Promise<number> {
  const { folders, rest: typed } = takeFolders(words[0] === '--' ? words.slice(1) : words);
  // The last word is still being typed.
  const named = [...nameVerb(typed.slice(0, -1), verbs), ...typed.slice(-1)];
  const names = (await bestEffort(readNames(context, folders))) ?? { tickets: [], repos: [], services: [] };
  const candidates = completeWords({ words: named, verbs: verbs.map(describeVerb), ...names });
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
  const { tickets, services, repos, choices } = verb.completes;
  const perRepo = (verb.repoFlags ?? []).map(({ name, description }) => ({
    flag: `--${name}-REPO`,
    description,
    takesValue: true,
  }));
  const flags = [...verb.flags, ...COMMON_FLAGS].map(([notation, description]) => ({
    flag: notation.split(/[ ,]+/).find((word) => word.startsWith('--')) ?? notation,
    description,
    takesValue: notation.includes('<'),
  }));
  return {
    name: verb.name,
    description: verb.summary,
    flags: [...perRepo, ...flags],
    takesTicket: tickets === true,
    ...(services && { takesService: true }),
    ...(repos && { takesRepo: true }),
    ...(choices && { choices }),
  };
}
