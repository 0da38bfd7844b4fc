import { Command, CommanderError, Help, InvalidArgumentError, Option } from 'commander';
import { add } from './commands/add.ts';
import { adopt } from './commands/adopt.ts';
import { attach } from './commands/attach.ts';
import { capture } from './commands/capture.ts';
import { cd } from './commands/cd.ts';
import { check } from './commands/check.ts';
import { code } from './commands/code.ts';
import { commit } from './commands/commit.ts';
import { FLAGS_OF_EVERY, FOLDER_FLAG, HELP_FLAG, ROOT_FLAG } from './commands/common/every-verb.ts';
import { findOwnWord } from './commands/common/other-words.ts';
import { suggestRepoFlag, takeRepoFlags } from './commands/common/repo-flags.ts';
import { renderAnswer, type Verb } from './commands/common/verb.ts';
import { nameVerb, orderWords, splitCommand } from './commands/common/word-order.ts';
import { enterFolders, enterRoot, rootOfRun, takeFolders } from './commands/common/working-folder.ts';
import { compare } from './commands/compare.ts';
import { complete } from './commands/completion/complete.ts';
import { completion } from './commands/completion/completion.ts';
import { shellInit } from './commands/completion/shell-init.ts';
import { config } from './commands/config.ts';
import { conflicts } from './commands/conflicts.ts';
import { create } from './commands/create.ts';
import { db } from './commands/db.ts';
import { demo } from './commands/demo.ts';
import { destroy } from './commands/destroy.ts';
import { diff } from './commands/diff.ts';
import { doctor } from './commands/doctor.ts';
import { down } from './commands/down.ts';
import { env } from './commands/env.ts';
import { exec } from './commands/exec.ts';
import { NARROW_HELP } from './commands/help/format-item.ts';
import { findTopic, readTopic, TOPICS } from './commands/help/topics.ts';
import { here } from './commands/here.ts';
import { init } from './commands/init.ts';
import { log } from './commands/log.ts';
import { logs } from './commands/logs.ts';
import { mcp } from './commands/mcp.ts';
import { merge } from './commands/merge.ts';
import { next } from './commands/next.ts';
import { note } from './commands/note.ts';
import { open } from './commands/open.ts';
import { path } from './commands/path.ts';
import { pause } from './commands/pause.ts';
import { plan } from './commands/plan.ts';
import { pr } from './commands/pr.ts';
import { ps } from './commands/ps.ts';
import { push } from './commands/push.ts';
import { queue } from './commands/queue.ts';
import { recreate } from './commands/recreate.ts';
import { restart } from './commands/restart.ts';
import { restore } from './commands/restore.ts';
import { resume } from './commands/resume.ts';
import { review } from './commands/review.ts';
import { run } from './commands/run.ts';
import { runs } from './commands/runs.ts';
import { send } from './commands/send.ts';
import { show } from './commands/show.ts';
import { start } from './commands/start.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { sync } from './commands/sync.ts';
import { top } from './commands/top.ts';
import { trust } from './commands/trust.ts';
import { up } from './commands/up.ts';
import { wait } from './commands/wait.ts';
import type { Context } from './context.ts';
import { StackError } from './domain/errors.ts';
import { escapeJson } from './domain/json.ts';
import { RUNTIME_CHOICE, RUNTIME_CHOICES } from './domain/runtime.ts';
import { version } from './version.ts';

// biome-ignore lint/suspicious/noExplicitAny: each verb knows its own options and result; here they only pass through.
type AnyVerb = Verb<any, any>;

/** The command tree by what one wants, in the order of the help. */
const GROUPS: Record<string, readonly AnyVerb[]> = {
  'Tickets:': [create, adopt, add, ps, show, top, start, stop, restart, pause, resume, recreate, destroy, restore],
  'Inside a ticket:': [here, open, cd, code, path, logs, exec, env, db],
  'Agents:': [run, runs, plan, next, attach, send, capture, wait, note, mcp],
  'A ticket’s work:': [status, review, diff, log, compare, commit, sync, push, pr, merge, queue, conflicts],
  'The product:': [init, config, up, down, trust],
  'When something is odd:': [check, doctor],
  'Getting to know it:': [demo, completion, shellInit],
};

export const verbs: readonly AnyVerb[] = Object.values(GROUPS).flat();

/** Parses a command line and runs its verb. Returns the exit code. Throws what the verb throws, and `usage`. */
export async function runProgram(argv: readonly string[], context: Context): Promise<number> {
  // Asked by the shell at every Tab, with half-typed words no parser would take.
  if (argv[0] === '__complete') return complete(argv.slice(1), context, verbs);
  const { folders, root, rest: line } = takeFolders(argv);
  context.host.cwd = enterFolders(context.host.cwd, folders);
  context.options.root = enterRoot(context.host.cwd, root);
  context.host.isElsewhere = folders.length > 0 || root !== undefined;
  const topic = findTopic(line);
  if (topic !== undefined) {
    context.host.stdout.write(await readTopic(context.packageRoot, topic));
    return 0;
  }
  const named = nameVerb(line, verbs);
  const word = named.find((one) => !one.startsWith('-'));
  const verb = verbs.find(({ name }) => name === word);
  if (verb?.ofRun) context.options.root ??= rootOfRun(context.host.env);
  const { words, command, loose } = splitCommand(named, verb);
  const { from, on, rest } = takeRepoFlags(words, verb?.repoFlags?.map(({ name }) => name) ?? []);
  const ordered = orderWords(
    rest,
    verbs.map(({ name }) => name),
  );
  let code = 0;
  const program = buildProgram(context, async (chosen, args, options) => {
    Object.assign(context.options, { runtime: options.runtime });
    code = await runVerb(chosen, context, { args: loose ?? args, command, options, from, on });
  });
  try {
    if (ordered.length === 0) program.outputHelp();
    else await program.parseAsync(ordered, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end this way too, with exit code 0.
    if (error.exitCode !== 0) throw usageError(error, verb);
  }
  return code;
}

async function runVerb(verb: AnyVerb, context: Context, input: Parameters<AnyVerb['run']>[1]): Promise<number> {
  const result: unknown = await verb.run(context, input);
  await context.endNarration();
  const { stdout } = context.host;
  if (context.options.json) {
    const answer: unknown = verb.toJson ? verb.toJson(result) : result;
    if (answer !== undefined) stdout.write(`${escapeJson(JSON.stringify(answer, null, 2))}\n`);
  } else {
    const text = await renderAnswer(verb, result, {
      color: context.color,
      columns: columnsOf(context.host),
    });
    if (text !== '') stdout.write(`${text}\n`);
  }
  return verb.exitCode?.(result) ?? 0;
}

/** A terminal that is not told its size yet has 0. */
function columnsOf({ stdout, env }: Context['host']): number | undefined {
  return (stdout.isTTY ? stdout.columns : Number(env.STACK_COLUMNS)) || undefined;
}

type Act = (verb: AnyVerb, args: string[], options: Record<string, unknown>) => Promise<void>;

function buildProgram(context: Context, act: Act): Command {
  const help = new Help();
  const program = new Command('stack')
    .description('Every ticket gets its own running copy of a product whose code lives in several git repos.')
    .version(version, '-V, --version', 'print the version')
    .addHelpOption(helpOption())
    .usage('[-C DIR] <verb> [options]')
    .configureHelp({
      ...NARROW_HELP,
      subcommandTerm: (command) => [command.name(), ...command.aliases()].join(', '),
      visibleOptions: (command) => [
        ...help.visibleOptions(command),
        ...(command.parent === null ? [FOLDER, ROOT, ...optionsOfEvery()] : []),
      ],
    })
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.host.stdout.write(text),
      // Errors are told once, by main.
      writeErr: () => undefined,
      getOutHasColors: () => context.color,
      getOutHelpWidth: () => columnsOf(context.host) ?? 80,
    });
  for (const [group, members] of Object.entries(GROUPS)) {
    program.commandsGroup(group);
    for (const verb of members) addVerb(program, verb, act);
  }
  program.helpCommand('help [verb]', 'show help for a verb');
  program.addHelpText('after', FIRST_STEPS);
  return program;
}

function addVerb(program: Command, verb: AnyVerb, act: Act): void {
  const command = program.command(`${verb.name} ${verb.args}`.trim()).description(verb.summary);
  command.aliases([...(verb.aliases ?? [])]);
  if (verb.command) command.usage(`[options] ${verb.args} -- <command...>`);
  for (const { name, value, description } of verb.repoFlags ?? []) {
    command.addOption(new Option(`--${name}-REPO <${value}>`, description));
  }
  for (const flag of verb.flags) command.addOption(buildOption(flag));
  for (const option of optionsOfEvery(verb)) command.addOption(option);
  command
    .addHelpOption(helpOption())
    .addHelpText('after', `\nExamples:\n${verb.examples.map((example) => `  $ ${example}`).join('\n')}`)
    .action(async (...given: unknown[]) => {
      const args = given
        .slice(0, -2)
        .flat()
        .filter((arg): arg is string => typeof arg === 'string');
      await act(verb, args, command.opts());
    });
}

const OF_EVERY = 'Every verb:';
const FOLDER = new Option(...FOLDER_FLAG).helpGroup(OF_EVERY);
const ROOT = new Option(...ROOT_FLAG).helpGroup(OF_EVERY);

function optionsOfEvery({ jsonHelp, quietHelp }: Pick<AnyVerb, 'jsonHelp' | 'quietHelp'> = {}): Option[] {
  const own: Record<string, string | undefined> = { '--json': jsonHelp, '-q, --quiet': quietHelp };
  return FLAGS_OF_EVERY.map(([flag, description]) => {
    const option = new Option(flag, own[flag] ?? description).helpGroup(OF_EVERY);
    return flag.startsWith('--runtime') ? option.argParser(parseRuntime) : option;
  });
}

function helpOption(): Option {
  return new Option(...HELP_FLAG).helpGroup(OF_EVERY);
}

/** A flag that names several things takes one word at a time, so that the ticket may stand behind it: `--with api feat-01`. */
function buildOption([flag, description, fallback]: AnyVerb['flags'][number]): Option {
  const option = new Option(flag, description).default(fallback);
  if (!option.variadic) return option;
  option.variadic = false;
  return option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
}

const FIRST_STEPS = `
Start here:
  $ stack init                    in the folder that holds your repos
  $ stack create feat-01          a copy of its own for the ticket feat-01
  $ stack ps                      where everything is

More help:
${Object.entries(TOPICS)
  .map(([topic, about]) => `  $ stack help ${topic.padEnd(18)} ${about}`)
  .join('\n')}`;

function parseRuntime(value: string): string {
  if ((RUNTIME_CHOICES as readonly string[]).includes(value)) return value;
  throw new InvalidArgumentError(`It is ${RUNTIME_CHOICE}.`);
}

function usageError(error: CommanderError, verb: AnyVerb | undefined): StackError {
  const [message = '', ...hints] = error.message
    .replace(/^error: /, '')
    .trim()
    .split('\n');
  const near = hints.join(' ').replace(/^\((.*)\)$/, '$1');
  const hint =
    hintAtOwnWord(message) ?? (near || (verb && (suggestRepoFlag(message, verb.repoFlags) ?? hintAtUse(verb))));
  return new StackError('usage', message, { hint: hint ?? '`stack --help` lists the verbs' });
}

function hintAtOwnWord(message: string): string | undefined {
  const own = findOwnWord(/^unknown command '(.*)'$/s.exec(message)?.[1] ?? '');
  return own && `\`stack ${own}\`: ${verbs.find(({ name }) => name === own)?.summary}`;
}

function hintAtUse({ name, command, args }: AnyVerb): string {
  const says = `\`stack ${name} --help\` says what it takes`;
  return command === 'loose' ? `put the command behind \`--\`: stack ${name} ${args} -- COMMAND; ${says}` : says;
}
