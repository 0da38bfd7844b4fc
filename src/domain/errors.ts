/** What kind of thing went wrong; decides the exit code. */
export type ErrorCode = keyof typeof EXIT_CODES;

/** Every error code with the exit code it leads to (the table in docs/environment.md). */
export const EXIT_CODES = {
  // 1: something outside failed
  git: 1,
  engine: 1,
  process: 1,
  port: 1,
  database: 1,
  unhealthy: 1,
  state: 1,
  busy: 1,
  files: 1,
  unseen: 1,
  problems: 1,
  internal: 1,
  // 2: asked wrongly
  usage: 2,
  config: 2,
  'not-found': 2,
  exists: 2,
  // 3: something could not be cleaned up
  leftover: 3,
  // 4: a person must decide
  dirty: 4,
  unpushed: 4,
  conflict: 4,
  confirm: 4,
  // 130: Ctrl-C; main() makes 143 of it for SIGTERM
  interrupted: 130,
} as const;

export interface ErrorDetails {
  /** One line saying what the person can type or change next. */
  hint?: string;
  /** Facts for `--json` and for the lines below the headline (a list per repo, log lines). */
  details?: unknown;
  /** Lines shown below the headline to a person, e.g. the last 30 lines of a log. */
  lines?: string[];
  /** True: lines and details are shown as they stand. They hide nothing from a terminal, and a person must see all of them. */
  exact?: boolean;
  cause?: unknown;
}

/** An error with a code, one clear line, and a hint: everything a command may fail with on purpose. */
export class StackError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: unknown;
  readonly lines: string[];
  readonly exact: boolean;

  constructor(code: ErrorCode, message: string, more: ErrorDetails = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'StackError';
    this.code = code;
    this.hint = more.hint;
    this.details = more.details;
    this.lines = more.lines ?? [];
    this.exact = more.exact ?? false;
  }

  /** The process exit code this error leads to. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** Returns an error with one more hint below its own; one that is no `StackError` as it is. */
export function addHint(error: unknown, hint: string): unknown {
  if (!(error instanceof StackError)) return error;
  const { code, message, lines, details, exact, cause } = error;
  const hints = error.hint === undefined ? hint : `${error.hint}\n${hint}`;
  return new StackError(code, message, { hint: hints, lines, details, exact, cause });
}

/** True for a refusal by `limits:` of stack.yml that others may make room for. */
export function isForRoom(error: unknown): error is StackError {
  if (!(error instanceof StackError) || error.code !== 'conflict') return false;
  const { limit, hopeless } = (error.details ?? {}) as { limit?: unknown; hopeless?: unknown };
  return limit !== undefined && hopeless !== true;
}

/**
 * Returns the error that an aborted signal stands for: `interrupted`, or the error that it was aborted with. A command that was
 * interrupted ends with it.
 */
export function interrupted(cause?: unknown): StackError {
  if (cause instanceof StackError) return cause;
  return new StackError('interrupted', 'interrupted', { cause });
}

/**
 * Returns the error for a command that cannot go on: something threw where nobody waits for it, or, without a cause, what it waits
 * for can no longer come, since nothing is left in the process to wake it.
 */
export function stranded(cause?: unknown): StackError {
  const said = cause instanceof Error ? cause.message : 'stack waits for an answer that will never come';
  const hint =
    'this is a fault in stack; `stack ps` shows how things are, and `stack destroy` takes apart what is half-made';
  return explainShortage(cause) ?? new StackError('internal', said, { hint, cause });
}

const SHORTAGES: Record<string, [what: string, hint: string]> = {
  EMFILE: ['too many files are open', 'let this shell open more, `ulimit -n 4096`, then run the command again'],
  ENFILE: ['too many files are open on this machine', 'close some programs, then run the command again'],
  E2BIG: [
    'a command line is longer than this system takes',
    'name fewer things at once, or see what makes the environment long: `env | wc -c`',
  ],
  EAGAIN: ['no more processes can be started', 'end some, or allow more (`ulimit -u`), then run the command again'],
};

/** Returns the error for a process or a machine that has run out of descriptors, processes or room for what it is told; undefined for any other failure. */
export function explainShortage(error: unknown): StackError | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { code = '', message } = one as Error & { code?: string };
    const found = Object.keys(SHORTAGES).find((name) => code === name || message.includes(` ${name}`));
    if (found === undefined) continue;
    const [what, hint] = SHORTAGES[found] ?? ['', ''];
    return new StackError('files', what, { hint, cause: error });
  }
  return undefined;
}

/**
 * Returns what `work` returns; undefined where it fails with one of these codes, ours or the system's. Throws every other error,
 * and whatever comes of a shortage: who has run out of descriptors has seen nothing.
 */
export async function tolerate<Result>(
  work: Promise<Result>,
  ...codes: readonly (ErrorCode | Uppercase<string>)[]
): Promise<Result | undefined> {
  return work.catch((error: { code?: ErrorCode } | undefined) => {
    if (error?.code === undefined || !codes.includes(error.code) || explainShortage(error)) throw error;
    return undefined;
  });
}

/**
 * Returns what a question to the world outside brings; undefined where it fails on purpose, with any `StackError`. Throws every
 * other error, `interrupted`, and whatever comes of a shortage.
 */
export async function ifAnswered<Result>(
  question: Promise<Result> | (() => Promise<Result>),
): Promise<Result | undefined> {
  return (typeof question === 'function' ? question() : question).catch((error: unknown) => {
    if (!(error instanceof StackError) || error.code === 'interrupted' || explainShortage(error)) throw error;
    return undefined;
  });
}

/**
 * Returns what `work` returns, undefined where it fails: no harm is done, as with a clean-up that the next command does again.
 * Throws a fault in stack itself.
 */
export async function bestEffort<Result>(work: Promise<Result>): Promise<Result | undefined> {
  return work.catch((error: unknown) => {
    if (isFault(error)) throw error;
    return undefined;
  });
}

/** Returns true for what no state of the world brings about: such an error is a fault in stack. */
export function isFault(error: unknown): boolean {
  const isAssertion = (error as { code?: unknown } | undefined)?.code === 'ERR_ASSERTION';
  return isAssertion || [TypeError, ReferenceError, RangeError].some((kind) => error instanceof kind);
}

/** Throws `interrupted` when the signal has been aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interrupted(signal.reason);
}

/** Returns what an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
