import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { explainShortage, StackError } from '../../domain/errors.ts';
import { listFolders } from '../search-path.ts';

const run = promisify(execFile);

/** Programs of the system that tell of processes and mounts, where /proc does not. */
export type Tool = 'ps' | 'lsof' | 'sysctl' | 'mount';

/**
 * Where macOS and most others keep them. They are tried before the PATH: programs that are started from the Dock have one without
 * `/usr/sbin`, and what stands on a person's PATH under such a name may be another program.
 */
const PLACES: Record<Tool, readonly string[]> = {
  ps: ['/bin/ps', '/usr/bin/ps'],
  lsof: ['/usr/sbin/lsof', '/usr/bin/lsof'],
  sysctl: ['/usr/sbin/sysctl', '/sbin/sysctl'],
  mount: ['/sbin/mount', '/usr/bin/mount'],
};

/** What nobody sees where a tool cannot be asked. */
const UNSEEN: Partial<Record<Tool, string>> = {
  lsof: 'cannot see who uses a folder or a port',
  mount: 'cannot see what is mounted',
};

/** `lstart` is written in the reader's language and time zone, and lsof writes other bytes in each locale: so all are pinned. */
const ENV = { LC_ALL: 'C', TZ: 'UTC' };
const TIMEOUT_MS = 10_000;
/** How many run at once: each has two pipes, and macOS gives a process 256 descriptors. */
const askedAtOnce = pLimit(6);
const MAX_BYTES = 1 << 26;

interface Surroundings {
  /** Where programs are looked for after their own places; as a shell has it. */
  searchPath: string | undefined;
  /** Told once of each tool that could not be asked. */
  warn(text: string): void;
  places: Record<Tool, readonly string[]>;
}

const surroundings: Surroundings = { searchPath: undefined, warn: () => undefined, places: PLACES };
const told = new Set<string>();

/** Says where tools are looked for, and who is told of one that cannot be asked. What is left out is as it was at first. */
export function lookForTools(given: { [Key in keyof Surroundings]?: Surroundings[Key] | undefined }): void {
  const { searchPath, warn = () => undefined, places = PLACES } = given;
  Object.assign(surroundings, { searchPath, warn, places });
  told.clear();
}

/**
 * Returns what a tool prints; '' where it finds nothing, which `ps` and `lsof` tell by the exit code 1 and silence. What lsof
 * found stands, although it ends with 1 when it did not find all. Throws `unseen` where it could not look: it is missing or
 * refused, fails, or runs out of its time. That never means that there is nothing.
 */
export async function askTool(
  tool: Tool,
  args: readonly string[],
  { timeout = TIMEOUT_MS }: { timeout?: number } = {},
): Promise<string> {
  let refused: unknown;
  for (const file of listFiles(tool)) {
    try {
      return (await askedAtOnce(() => run(file, flagsOf(tool, args), optionsOf(timeout)))).stdout;
    } catch (error) {
      const found = judge(tool, error);
      if (found !== undefined) return found;
      refused = worse(refused, error);
    }
  }
  throw unseen(tool, refused);
}

/** Does the same at once. */
export function askToolNow(
  tool: Tool,
  args: readonly string[],
  { timeout = TIMEOUT_MS }: { timeout?: number } = {},
): string {
  let refused: unknown;
  for (const file of listFiles(tool)) {
    try {
      // Left to itself, what it says to stderr would be on ours.
      return execFileSync(file, flagsOf(tool, args), { ...optionsOf(timeout), stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      const found = judge(tool, error);
      if (found !== undefined) return found;
      refused = worse(refused, error);
    }
  }
  throw unseen(tool, refused);
}

/**
 * Returns what a look brings, and `otherwise` where nobody could look (`unseen`), which is said once. Throws every other error.
 */
export async function seenOr<Result>(otherwise: Result, look: Promise<Result>): Promise<Result> {
  return look.catch((error: unknown) => {
    if (!isUnseen(error)) throw error;
    if (!told.has(error.message)) surroundings.warn(error.hint ? `${error.message}: ${error.hint}` : error.message);
    told.add(error.message);
    return otherwise;
  });
}

/** True for the error of a look that nobody could take: what was asked about may be there, or not. */
export function isUnseen(error: unknown): error is StackError {
  return error instanceof StackError && error.code === 'unseen';
}

/** Returns the error for a look at all processes in which the one that asks is missing: what else it lacks nobody knows. */
export function blind(tool: Tool): StackError {
  return new StackError('unseen', `${tool} tells nothing of the process that asks`, {
    hint: 'run stack outside of the sandbox that hides it',
  });
}

function listFiles(tool: Tool): string[] {
  const { searchPath, places } = surroundings;
  return [...new Set([...places[tool], ...listFolders(searchPath).map((folder) => path.join(folder, tool))])];
}

/** -w: no warnings, of disks that do not answer say, so that words on stderr mean that it failed. */
function flagsOf(tool: Tool, args: readonly string[]): string[] {
  return tool === 'lsof' ? ['-w', ...args] : [...args];
}

function optionsOf(timeout: number) {
  return { env: ENV, timeout, maxBuffer: MAX_BYTES, encoding: 'utf8', cwd: '/' } as const;
}

interface Failure {
  /** The system's word, or execFile's exit code. */
  code?: string | number;
  /** The exit code that execFileSync tells. */
  status?: number | null;
  signal?: string | null;
  killed?: boolean;
  stdout?: string;
  stderr?: string;
}

/** Returns what was found; undefined where the program of another place may be asked. Throws `unseen`. */
function judge(tool: Tool, error: unknown): string | undefined {
  const { code, status, stdout = '', stderr = '' } = error as Failure;
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR') return undefined;
  const hasLooked = (status ?? code) === 1 && (stdout === '' ? stderr.trim() === '' : tool === 'lsof');
  if (!hasLooked) throw unseen(tool, error);
  return stdout;
}

/** One that is there and may not be run says more than one that is missing. */
function worse(before: unknown, error: unknown): unknown {
  return before === undefined || (before as Failure).code === 'ENOENT' ? error : before;
}

function unseen(tool: Tool, cause: unknown): StackError {
  const what = UNSEEN[tool] ?? 'cannot see what runs';
  const shortage = explainShortage(cause);
  if (shortage) return new StackError('unseen', `${what}: ${shortage.message}`, { hint: shortage.hint ?? '', cause });
  const { code, status, signal, killed, stderr = '' } = (cause ?? { code: 'ENOENT' }) as Failure;
  const [file = tool] = surroundings.places[tool];
  const refused = code === 'EPERM' || code === 'EACCES' || /not permitted|permission denied/i.test(stderr);
  if (refused) {
    return new StackError('unseen', `${what}: ${tool} may not be run here`, {
      hint: `allow ${file} in the sandbox that stack runs in, or run stack outside of it`,
      cause,
    });
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new StackError('unseen', `${what}: there is no ${tool}`, {
      hint: `it belongs to the system as ${file}: install it, or put its folder on the PATH`,
      cause,
    });
  }
  const said = stderr.trim().split('\n')[0];
  const hint = `try \`${file}\` by hand`;
  // Node ends it with a signal, and says that in one way here and in another there.
  if (killed === true || code === 'ETIMEDOUT')
    return new StackError('unseen', `${what}: ${tool} does not answer`, { hint, cause });
  const end = signal ? `was ended by ${signal}` : `fails with exit code ${status ?? code}`;
  return new StackError('unseen', `${what}: ${tool} ${said ? `fails: ${said}` : end}`, { hint, cause });
}
