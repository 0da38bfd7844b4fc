import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { StackError } from '../../domain/errors.ts';
import { quoteForShell } from '../../domain/shell.ts';
import { ifReadable, ifThere } from '../files/file-errors.ts';
import type { LogPipe } from './log-keeper.ts';

/**
 * Leads the group. It waits until it is told to go on, which it is once its record is on disk: when stack dies before,
 * the pipe closes and nothing runs that nobody knows of. Then it runs the command and keeps the exit code for whoever
 * asks later. The trap lets it outlive the SIGTERM that goes to the whole group; the command itself starts without it.
 */
const LAUNCHER = `
read -r go <&3 || exit 125
exec 3<&-
trap : HUP INT TERM
"$@"
code=$?
echo $code >"$0"
exit $code
`;

export interface Launch {
  argv: readonly string[];
  cwd: string;
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  output: LogPipe;
  exitFile: string;
}

export interface Launched {
  /** Of the group's leader. */
  pid: number;
  /** Lets the command begin. From then on it lives without this process. */
  release(): Promise<void>;
  /** Ends the launcher; for when it must not begin. */
  cancel(): Promise<void>;
}

/** Starts a launcher in a session and group of its own, which waits to be released. Throws `process`. */
export async function launch(request: Launch): Promise<Launched> {
  const argv = keepLibraries(request.argv, request.env);
  const child = spawn('/bin/sh', ['-c', LAUNCHER, request.exitFile, ...argv], {
    cwd: request.cwd,
    env: { ...request.env },
    detached: true,
    stdio: ['ignore', request.output.stdout.fd, request.output.stderr.fd, 'pipe'],
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new StackError('process', `cannot start a process: ${(error as Error).message}`, { cause: error });
  }
  const gate = child.stdio[3] as Writable;
  // The launcher may have been killed from outside; that shows as its state, not as a broken pipe.
  gate.on('error', () => {});
  return {
    pid: child.pid!,
    release: async () => {
      await new Promise<void>((resolve) => gate.end('go\n', () => resolve()));
      gate.destroy();
      child.unref();
    },
    cancel: async () => {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      gate.destroy();
      await ended;
    },
  };
}

/** Returns the argv that runs a command: a list as it is, a line through the shell. */
export function toArgv(command: string | readonly string[]): readonly string[] {
  return typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
}

/**
 * Returns the argv of a command that a shell of ours starts. macOS takes `DYLD_…` out of the environment of its own programs,
 * /bin/sh among them (System Integrity Protection): there the last of these shells sets them again.
 */
export function keepLibraries(argv: readonly string[], env: Readonly<Record<string, string>>): readonly string[] {
  const names = process.platform === 'darwin' ? Object.keys(env).filter((name) => /^DYLD_\w+$/.test(name)) : [];
  if (names.length === 0) return argv;
  const settings = names.map((name) => `export ${name}=${quoteForShell(env[name] ?? '')}`).join('\n');
  const [program, flag, line, ...rest] = argv;
  if (program === '/bin/sh' && flag === '-c') return [program, flag, `${settings}\n${line}`, ...rest];
  return ['/bin/sh', '-c', `${settings}\nexec "$@"`, 'sh', ...argv];
}

/** Throws `process` when the folder is not there, or the program is not found on the PATH or may not be run. */
export async function requireRunnable(argv: readonly string[], cwd: string, searchPath: string): Promise<void> {
  const folder = await ifThere(stat(cwd));
  if (!folder?.isDirectory()) {
    throw new StackError('process', `${cwd} is not a folder`, { hint: 'check `path:` and `dir:` in stack.yml' });
  }
  const program = argv[0] ?? '';
  const found = await findProgram(program, cwd, searchPath);
  if (found === 'runnable') return;
  if (found === 'not executable') {
    throw new StackError('process', `${program} is not executable`, { hint: `chmod +x ${program}` });
  }
  throw new StackError('process', `${program} was not found`, {
    hint: program.includes('/') ? `looked in ${cwd}` : 'install it, or put its folder on the PATH',
  });
}

type Runnable = 'runnable' | 'not executable' | undefined;

/** Looks for a program as a shell does, on the PATH where its name has no `/`; undefined when it is nowhere. Never throws. */
export async function findProgram(program: string, cwd: string, searchPath: string): Promise<Runnable> {
  const candidates = program.includes('/')
    ? [path.resolve(cwd, program)]
    : searchPath.split(path.delimiter).map((one) => path.resolve(cwd, one, program));
  const found = await Promise.all(candidates.map(inspectProgram));
  return found.find((one) => one === 'runnable') ?? found.find((one) => one !== undefined);
}

async function inspectProgram(file: string): Promise<Runnable> {
  const entry = await ifReadable(stat(file));
  if (!entry?.isFile()) return undefined;
  return access(file, constants.X_OK).then(
    () => 'runnable',
    () => 'not executable',
  );
}
