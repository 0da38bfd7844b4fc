import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import pLimit from 'p-limit';
import { interrupted, StackError } from '../../domain/errors.ts';
import { parseFields } from '../../domain/json.ts';

/** How long an engine may be silent before it counts as gone, unless `STACK_ENGINE_TIMEOUT` says otherwise. */
const QUESTION_SECONDS = 20;
/** A change may be slow: removing a volume of many gigabytes, stopping what is deaf to TERM. */
const CHANGE_FACTOR = 15;
/** A registry and a builder may be silent before their first word. */
const FIRST_WORD_FACTOR = 60;
/** An engine that has just run into its deadline gets this part of it the next time. */
const DISTRUST = 4;
/** What is under way when the person interrupts: an engine that lives answers within this, in milliseconds. */
const GRACE_MS = { question: 1000, change: 5000 };

const NOT_MODIFIED = 304;

/** Questions at once: each has a connection, and macOS gives a process 256 descriptors. */
const AT_ONCE = 16;

export interface Patience {
  /** Aborted, it ends what is under way after a moment. What is asked later, to unwind, is heard out. */
  readonly signal?: AbortSignal | undefined;
  /** How long a question may go unanswered. */
  readonly seconds: number;
}

/** Returns the seconds of `STACK_ENGINE_TIMEOUT`, or the default. */
export function readPatience(env: Readonly<Record<string, string | undefined>>): number {
  const seconds = Number(env.STACK_ENGINE_TIMEOUT);
  return seconds > 0 ? seconds : QUESTION_SECONDS;
}

interface Request {
  readonly path: string;
  readonly method: string;
  readonly isStream?: boolean;
  readonly hijack?: boolean;
  readonly statusCodes: Readonly<Record<number, boolean | string>>;
  readonly abortSignal?: AbortSignal;
  readonly options?: { readonly follow?: boolean };
}

type Callback = (error: unknown, answer: unknown) => void;
type Dial = (request: Request, callback: Callback) => void;

/**
 * Puts deadlines on all that a client asks, and reads the answers in its place: docker-modem waits for ever for the rest of
 * one that was cut short, and takes a proxy's page for an answer. What it asks then throws `engine`, or `interrupted`.
 */
export function limitClient(client: Docker, where: string, patience: Patience): void {
  const modem = client.modem as { dial: Dial };
  const dial = modem.dial.bind(client.modem);
  const line: Line = { where, patience, silent: false, dial };
  const limit = pLimit(AT_ONCE);
  modem.dial = (request, callback) =>
    void (isQuestion(request) && !request.isStream ? limit(() => ask(line, request)) : ask(line, request)).then(
      (answer) => callback(null, answer),
      (error) => callback(error, null),
    );
}

interface Line {
  readonly where: string;
  readonly patience: Patience;
  readonly dial: Dial;
  /** True once a deadline has passed, until something is answered. */
  silent: boolean;
}

async function ask(line: Line, request: Request): Promise<unknown> {
  const watch = watchRequest(line, request);
  try {
    // The engine speaks its own protocol from here on: an answer of another kind is an error that docker-modem reads.
    if (request.hijack) return await dialTo(line, { ...request, abortSignal: watch.signal });
    const answer = (await dialTo(line, {
      ...request,
      isStream: true,
      statusCodes: EVERY_STATUS,
      abortSignal: watch.signal,
    })) as IncomingMessage;
    line.silent = false;
    const { statusCode = 0, headers } = answer;
    const isFine = request.statusCodes[statusCode] === true;
    if (isFine && request.isStream && !isPage(headers['content-type'])) return hearOut(line, request, answer);
    const text = await readText(line, answer, watch);
    if (!isFine) return refuse(line, request, answer, text);
    // A page, whatever is in it.
    if (request.isStream) throw noEngine(line, answer, undefined);
    return readJson(line, answer, text);
  } catch (error) {
    throw watch.reason() ?? error;
  } finally {
    watch.end();
  }
}

/** docker-modem reads the body of a refusal in its own way, which does not hear of one that is cut short. */
const EVERY_STATUS = new Proxy({}, { get: () => true }) as Record<number, boolean>;

function dialTo({ dial }: Line, request: Request): Promise<unknown> {
  return new Promise((resolve, reject) => {
    dial(request, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

interface Watch {
  readonly signal: AbortSignal;
  /** Something came: the engine gets its whole time again. */
  heard(): void;
  /** Why it was ended; undefined while it was not. */
  reason(): StackError | undefined;
  end(): void;
}

/** A wait ends when what is waited for does, and a stream when its reader has enough. */
function watchRequest(line: Line, request: Request): Watch {
  const { signal } = line.patience;
  const controller = new AbortController();
  const limit = limitOf(line, request);
  const timer =
    limit === undefined
      ? undefined
      : setTimeout(() => {
          // Something between may hold back what is a stream, as it does with events, and answer the rest.
          if (!isEvents(request)) line.silent = true;
          controller.abort(silence(line, limit));
        }, limit);
  let grace: NodeJS.Timeout | undefined;
  const leave = (): void => {
    grace = setTimeout(() => controller.abort(interrupted(signal?.reason)), graceOf(request));
  };
  // What has a signal of its own is ended by that; what is asked after an abort is part of an unwinding.
  const heeds = request.abortSignal === undefined && !signal?.aborted;
  if (heeds) signal?.addEventListener('abort', leave, { once: true });
  return {
    signal: request.abortSignal ? AbortSignal.any([controller.signal, request.abortSignal]) : controller.signal,
    heard: () => void timer?.refresh(),
    reason: () => (controller.signal.aborted ? (controller.signal.reason as StackError) : undefined),
    end() {
      clearTimeout(timer);
      clearTimeout(grace);
      signal?.removeEventListener('abort', leave);
    },
  };
}

function isQuestion({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isEvents({ path }: Request): boolean {
  return path.startsWith('/events');
}

function graceOf(request: Request): number {
  return isQuestion(request) || isWait(request) ? GRACE_MS.question : GRACE_MS.change;
}

function isWait({ path }: Request): boolean {
  return /\/wait(\?|$)/.test(path);
}

/** Returns how long the engine may be silent, in milliseconds; undefined: for ever. */
function limitOf({ patience, silent }: Line, request: Request): number | undefined {
  if (isWait(request)) return undefined;
  const question = patience.seconds * 1000;
  if (silent) return question / DISTRUST;
  if (isQuestion(request)) return question;
  return question * (/^\/(build|images\/create)\b/.test(request.path) ? FIRST_WORD_FACTOR : CHANGE_FACTOR);
}

function silence({ where }: Line, limit: number): StackError {
  return new StackError(
    'engine',
    `the Docker engine at ${where} takes questions and does not answer (${limit / 1000} s)`,
    {
      hint: 'restart it; STACK_ENGINE_TIMEOUT in the environment gives it more seconds',
    },
  );
}

/** Returns the stream, which fails when the engine is silent for too long while somebody waits for more. */
function hearOut(line: Line, request: Request, answer: IncomingMessage): Readable {
  // Who follows a log, or events, waits for what may never come.
  if (request.options?.follow || isEvents(request)) return answer;
  const limit = line.patience.seconds * 1000 * (isQuestion(request) ? 1 : FIRST_WORD_FACTOR);
  const parts = async function* (): AsyncGenerator<Buffer> {
    const wait = (): NodeJS.Timeout => setTimeout(() => answer.destroy(silence(line, limit)), limit);
    let timer = wait();
    try {
      for await (const chunk of answer) {
        clearTimeout(timer);
        yield chunk as Buffer;
        timer = wait();
      }
    } finally {
      clearTimeout(timer);
    }
  };
  return Object.assign(Readable.from(parts(), { objectMode: false }), { headers: answer.headers });
}

async function readText({ where }: Line, answer: IncomingMessage, watch: Watch): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) {
      watch.heard();
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw new StackError('engine', `the Docker engine at ${where} broke off in the middle of an answer`, {
      hint: 'see whether it, or what stands between, was restarted; then run this again',
      cause,
    });
  }
  return Buffer.concat(chunks).toString();
}

function readJson(line: Line, answer: IncomingMessage, text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw noEngine(line, answer, cause);
  }
}

/** Returns the refusal in docker-modem's shape, as `error.ts` reads it. Every refusal of an engine is JSON (since Docker 1.12). */
function refuse(line: Line, { method, statusCodes }: Request, answer: IncomingMessage, text: string): never {
  const { statusCode = 0 } = answer;
  const hasNoBody = method === 'HEAD' || statusCode === NOT_MODIFIED;
  const json = hasNoBody ? { message: '' } : readMessage(text);
  if (!json) throw noEngine(line, answer, undefined);
  const error = new Error(`(HTTP code ${statusCode}) ${statusCodes[statusCode] ?? 'unexpected'} - ${json.message}`);
  throw Object.assign(error, { statusCode, json });
}

function readMessage(text: string): { message: string } | undefined {
  const { message } = parseFields<{ message: unknown }>(text);
  return typeof message === 'string' ? { message } : undefined;
}

function isPage(type: string | undefined): boolean {
  return type !== undefined && /^text\/html\b/i.test(type);
}

function noEngine(
  { where }: Line,
  { statusCode, statusMessage, headers }: IncomingMessage,
  cause: unknown,
): StackError {
  const type = headers['content-type'] ?? 'no content type';
  return new StackError(
    'engine',
    `no Docker engine answers at ${where}, but something else: ${statusCode} ${statusMessage} (${type})`,
    {
      hint: 'DOCKER_HOST and the Docker context name the engine’s address; a proxy may stand between',
      cause,
    },
  );
}
