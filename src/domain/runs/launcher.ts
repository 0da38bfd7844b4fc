import { quoteForShell } from '../shell.ts';

/** A command that a shell begins in a pane. */
export interface Launch {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** What it reads; undefined: the keyboard. */
  stdin?: string | undefined;
  /** The file that its exit code is written to. */
  exit: string;
  /** The file that the last lines of its pane are written to. */
  screen: string;
}

/** What a shell takes for the name of a variable (POSIX, 3.231). */
const SHELL_NAME = /^[A-Za-z_]\w*$/;

/** What shells keep for themselves: they end where such a name is set, or take another value for it. */
const OWN_NAME = /^(UID|EUID|PPID|SHELLOPTS|BASHOPTS|BASH_VERSINFO|OPTIND|LINENO|RANDOM|SECONDS|GROUPS)$/;

/** The last lines of a pane are enough to see why an agent ended. */
const SCREEN_BYTES = 1_000_000;

/**
 * Returns the script that begins a command and keeps its exit code and last lines. It holds the environment, secrets too, so it deletes
 * itself first: the shell has it open. The traps let the shell outlive what ends the command, which starts without them. A terminal that hangs up
 * ends both: the kernel tells the shell of it, and the command once that has ended.
 */
export function renderLauncher({ argv, cwd, env, stdin, exit, screen }: Launch): string {
  const exports = Object.entries(env).filter(([name]) => isForShell(name));
  const [code, last] = [quoteWord(exit), quoteWord(screen)];
  return [
    'rm -f -- "$0"',
    'trap : INT TERM',
    ...exports.map(([name, value]) => `export ${name}=${quoteForShell(value)}`),
    `cd -- ${quoteWord(cwd)} || exit 125`,
    `${handOver(argv, env)}${argv.map(quoteWord).join(' ')}${stdin === undefined ? '' : ` <${quoteWord(stdin)}`}`,
    '_stack_code=$?',
    `(umask 077; tmux capture-pane -p -J -S - -t "$TMUX_PANE" 2>/dev/null | tail -c ${SCREEN_BYTES} >${last})`,
    `echo "$_stack_code" >${code}.new && mv -f ${code}.new ${code}`,
    'exit "$_stack_code"',
    '',
  ].join('\n');
}

function isForShell(name: string): boolean {
  return SHELL_NAME.test(name) && !OWN_NAME.test(name);
}

/** What no shell can hand over. `env` takes what begins with a dash for an option, and a program with `=` in its name for a variable. */
function handOver([program = '']: readonly string[], env: Launch['env']): string {
  const rest = Object.entries(env).filter(([name]) => !isForShell(name) && name !== '' && !name.startsWith('-'));
  if (rest.length === 0 || program.includes('=')) return '';
  return `env ${rest.map(([name, value]) => quoteWord(`${name}=${value}`)).join(' ')} `;
}

/** Quoted in any case: what could be an assignment or a word of the shell is a program's name. */
function quoteWord(word: string): string {
  const quoted = quoteForShell(word);
  return quoted.startsWith("'") ? quoted : `'${word}'`;
}
