import { constants } from 'node:os';
import { ownPath } from './adapters/search-path.ts';
import type { GlobalOptions, Host } from './context.ts';
import type { StackError } from './domain/errors.ts';
import { version } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs one command line. Returns the exit code; the only place that catches everything. `stranded` is rejected when the
 * command waits for what can no longer come.
 */
export async function main(
  argv: readonly string[],
  host: Host,
  signal: AbortSignal,
  stranded: Promise<never> = new Promise(() => undefined),
): Promise<number> {
  // Answered before anything is loaded: scripts ask for it often.
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    host.stdout.write(`${version}\n`);
    return 0;
  }
  const options = readGlobals(argv);
  const { createContext, runProgram, renderError, renderErrorJson } = await import('./app.ts');
  const context = createContext(host, options, signal, argv);
  try {
    const code = await Promise.race([runProgram(argv, context), stranded]);
    if (signal.reason instanceof Error) throw signal.reason;
    return signal.aborted ? codeOfSignal(code, signal) : code;
  } catch (error) {
    await context.endNarration({ failed: true });
    if (options.json) host.stdout.write(`${renderErrorJson(error)}\n`);
    else {
      const { isTTY, columns } = host.stderr;
      const view = {
        color: context.errorColor,
        columns: (isTTY ? columns : Number(host.env.STACK_COLUMNS)) || undefined,
      };
      host.stderr.write(`${renderError(error, { ...view, debug: Boolean(host.env.STACK_DEBUG) })}\n`);
    }
    return exitCodeOf(error, signal);
  } finally {
    await context.endNarration();
  }
}

/** Runs the command line of this process: signals, pipes, exit. */
export async function start(): Promise<void> {
  const { argv, env, stdin, stdout, stderr, pid } = process;
  const host: Host = { cwd: currentFolder(), env: { ...env }, stdin, stdout, stderr, pid };
  Object.assign(env, ownPath(env));
  const controller = new AbortController();
  for (const name of SIGNALS) {
    process.on(name, () => {
      // A second one leaves at once: the record lets `destroy` or a second `create` finish the job.
      if (controller.signal.aborted) leaveBy(name);
      controller.abort(name);
    });
  }
  host.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A terminal that is gone sends SIGHUP too: what was begun is unwound, whether anybody reads of it or not.
    if (controller.signal.aborted || error.code === 'EIO') return;
    // `stack ps | head -1`: the reader has what it wants.
    if (error.code === 'EPIPE') process.exit(0);
    host.stderr.write(`stack: cannot write the answer: ${error.message}\n`);
    process.exit(1);
  });
  // Narration that nobody reads any more (a closed pipe, a terminal that is gone) must not end the work half-way.
  host.stderr.on('error', () => undefined);
  const code = await main(argv.slice(2), host, controller.signal, guardLoop(controller));
  await Promise.all([host.stdout, host.stderr].map((stream) => new Promise((done) => stream.write('', done))));
  // From here on a signal ends the process by itself: `exit` waits for calls that a file system does not answer.
  for (const name of SIGNALS) process.removeAllListeners(name);
  process.exit(code);
}

/**
 * Ends this process by the signal it was sent, as if nobody had listened: `process.exit` waits for every call that a file
 * system does not answer. Shells tell 128 and the signal's number.
 */
function leaveBy(name: NodeJS.Signals): void {
  // What must not outlive this process ends with it.
  process.emit('exit', 128 + constants.signals[name]);
  for (const one of SIGNALS) process.removeAllListeners(one);
  process.kill(process.pid, name);
}

/**
 * Node ends in silence when nothing is left that could wake it, whatever is still waited for, and at once when something throws
 * that nobody called. The signal tells it first, so that a run unwinds what it began; where nobody hears that, the promise is
 * rejected. Never resolves.
 */
function guardLoop(controller: AbortController): Promise<never> {
  const guard = new Promise<never>((_, reject) => {
    const fail = async (cause?: unknown): Promise<void> => {
      // One more turn of the loop, for those who hear of it to begin something.
      setImmediate(() => undefined);
      const { stranded } = await import('./app.ts');
      if (controller.signal.aborted) reject(stranded(cause));
      else controller.abort(stranded(cause));
    };
    process.on('beforeExit', () => fail());
    process.on('uncaughtException', fail);
  });
  // Whoever answers --version never looks.
  guard.catch(() => undefined);
  return guard;
}

/** A folder that was deleted under the shell has no path any more, and no child starts in it; the shell knows its name. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    process.chdir('/');
    return process.env.PWD ?? '/';
  }
}

/** The flags that decide how errors are told must be known before the rest is understood. */
function readGlobals(argv: readonly string[]): GlobalOptions {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  return {
    json: own.includes('--json'),
    quiet: own.includes('--quiet') || own.includes('-q'),
    yes: own.includes('--yes') || own.includes('-y'),
  };
}

function exitCodeOf(error: unknown, signal: AbortSignal): number {
  // Told by its shape, not its class: loading the class costs more than --version may.
  return codeOfSignal((error as Partial<StackError> | undefined)?.exitCode ?? 1, signal);
}

function codeOfSignal(code: number, signal: AbortSignal): number {
  return code === 130 && signal.reason !== 'SIGINT' ? 143 : code;
}
