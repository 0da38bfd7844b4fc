import { execa } from 'execa';
import { interrupted, StackError } from '../../domain/errors.ts';
import { ownPath } from '../search-path.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** With what the program of a forge is asked. */
export interface ForgeSession {
  env: Env;
  signal: AbortSignal;
  /** As the address of the remote has it. */
  host: string;
  /** How long one answer may take; default: 30 s. */
  deadlineMs?: number;
}

/** A request to the API of a forge, through its own program, which knows the login. */
export interface ForgeCall {
  program: 'gh' | 'glab';
  /** Variables that say which host is asked. */
  env: Record<string, string>;
  method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  /** The path behind the API's own. */
  path: string;
  body?: object;
}

/** Nothing asks, nothing looks for a newer version of itself, nothing is coloured. */
const QUIET = {
  GH_PROMPT_DISABLED: '1',
  GH_NO_UPDATE_NOTIFIER: '1',
  NO_PROMPT: 'true',
  GLAB_CHECK_UPDATE: 'false',
  NO_COLOR: '1',
  CLICOLOR_FORCE: '0',
  GH_DEBUG: '',
  DEBUG: '',
};
const DEADLINE_MS = 30_000;
/** How `gh` says that nobody is logged in. */
const NEEDS_LOGIN = 4;

/**
 * Returns what the API of a forge answers. The program gets what is sent on its standard input, which is closed, so that it has
 * nobody to ask. Throws `process` (no login, refused, no answer in time) and `interrupted`.
 */
export async function askForge(session: ForgeSession, call: ForgeCall): Promise<unknown> {
  const { program, method, path, body } = call;
  const input = body === undefined ? [] : ['--input', '-', '--header', 'Content-Type: application/json'];
  const deadline = AbortSignal.timeout(session.deadlineMs ?? DEADLINE_MS);
  const asked = execa(program, ['api', '--method', method, ...input, path], {
    ...{ env: { ...session.env, ...ownPath(session.env), ...QUIET, ...call.env }, extendEnv: false },
    ...{ reject: false, detached: true, input: body === undefined ? '' : JSON.stringify(body), cwd: '/' },
  });
  const { stdout, stderr, exitCode, cause } = await endedBy(asked, AbortSignal.any([session.signal, deadline]));
  if (exitCode === 0) return readAnswer(program, stdout);
  if (session.signal.aborted) throw interrupted();
  if (deadline.aborted) {
    throw new StackError(
      'process',
      `${session.host} gave ${program} no answer within ${(session.deadlineMs ?? DEADLINE_MS) / 1000} s`,
      {
        hint: 'try again once it can be reached',
      },
    );
  }
  const status = Number(/HTTP (\d{3})/.exec(stderr)?.[1]);
  if (exitCode === NEEDS_LOGIN || status === 401) throw noLogin(program, session.host);
  const said = readMessage(stdout) || stderr.trim().split('\n')[0] || String(cause ?? `exit code ${exitCode}`);
  throw new StackError('process', `${session.host} refuses ${program}: ${said}`, {
    hint: `\`${program} api ${path}\` asks by hand`,
    details: { program, host: session.host, ...(status > 0 && { status }) },
  });
}

/** Not there, or not shown; and of GitHub issues that are switched off. */
const NONE: readonly unknown[] = [404, 410];

/** Waits for a program, which a signal ends with all that it has started: what is left would hold its output open. */
async function endedBy<Program extends PromiseLike<unknown> & { pid?: number }>(
  child: Program,
  signal: AbortSignal,
): Promise<Awaited<Program>> {
  const end = (): void => {
    if (child.pid !== undefined) tryKill(-child.pid);
  };
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    return await child;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function tryKill(group: number): void {
  try {
    process.kill(group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Returns an answer; undefined where the forge has no such thing, or does not show it. Throws what `askForge` throws. */
export async function askIfThere(asked: Promise<unknown>): Promise<unknown> {
  return asked.catch((error: unknown) => {
    if (error instanceof StackError && NONE.includes((error.details as { status?: number } | undefined)?.status))
      return undefined;
    throw error;
  });
}

function noLogin(program: 'gh' | 'glab', host: string): StackError {
  return new StackError('process', `${program} is not logged in to ${host}`, {
    hint: `\`${program} auth login --hostname ${host}\` logs in`,
    details: { program, host },
  });
}

function readAnswer(program: string, text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new StackError('process', `${program} did not print JSON: ${text.slice(0, 80)}`, {
      hint: 'a proxy or a page for the login may stand before the forge',
      cause,
    });
  }
}

/** What both forges put into the answer to a request that they refuse. */
function readMessage(text: string): string {
  try {
    const { message, error, errors } = JSON.parse(text) as {
      message?: unknown;
      error?: unknown;
      errors?: { message?: string; field?: string; code?: string }[];
    };
    const details = Array.isArray(errors)
      ? errors.map((one) => one.message ?? [one.field, one.code].filter(Boolean).join(' is '))
      : [];
    const first = message ?? error ?? '';
    const said = typeof first === 'string' ? first : JSON.stringify(first);
    return [said, ...details].filter((part) => part !== '').join(': ');
  } catch {
    return '';
  }
}
