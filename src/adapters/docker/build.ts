import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { bestEffort, StackError, throwIfAborted } from '../../domain/errors.ts';
import { ifThere } from '../files/file-errors.ts';
import { readTrace } from './buildkit-trace.ts';
import type { Connection } from './connection.ts';
import { explainEngineError, readReason, readStatus } from './error.ts';
import { type EngineEvent, followEvents, type OnProgress, readImageId } from './image.ts';

const SHOWN_LINES = 30;

/** What an image is built from. */
export interface BuildRequest {
  readonly tag: string;
  /** Absolute path of the folder that is sent to the engine. */
  readonly context: string;
  /** Relative to the context. */
  readonly dockerfile: string;
  /** The stage to stop at; undefined: the last. */
  readonly target?: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Builds an image and tags it, saying `Step 2/5 : RUN npm ci`; what had the tag before is removed when nothing uses it.
 * Throws `config` when there is no Dockerfile, `engine` with the last lines of output, `interrupted`.
 */
export async function buildImage(
  conn: Connection,
  request: BuildRequest,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  await requireDockerfile(request);
  const before = await readImageId(conn, request.tag);
  await build(conn, request, onProgress, signal);
  const after = await readImageId(conn, request.tag);
  // An old image that a container still runs from cannot go yet; it has our label and is found by that.
  if (before !== undefined && before !== after) await bestEffort(conn.client.getImage(before).remove());
}

async function requireDockerfile({ context, dockerfile }: BuildRequest): Promise<void> {
  const file = join(context, dockerfile);
  const found = await ifThere(stat(file));
  if (found?.isFile()) return;
  throw new StackError('config', `there is no Dockerfile at ${file}`, {
    hint: '`build:` in stack.yml is a folder with a Dockerfile, relative to the service’s folder',
  });
}

/** BuildKit where the engine prefers it, and where a Dockerfile asks for what only BuildKit does. */
async function build(
  conn: Connection,
  request: BuildRequest,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  if (await prefersBuildKit(conn)) return buildWith('2', conn, request, onProgress, signal);
  try {
    await buildWith('1', conn, request, onProgress, signal);
  } catch (error) {
    if (!(error instanceof StackError) || !/requires BuildKit/i.test(error.message)) throw error;
    await buildWith('2', conn, request, onProgress, signal);
  }
}

/** The engine says which builder it prefers in a header of its ping (Engine API, SystemPing). */
async function prefersBuildKit({ client }: Connection): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const ping = { path: '/_ping', method: 'GET', isStream: true, statusCodes: { 200: true }, options: {} };
    client.modem.dial(ping, (error: unknown, answer: unknown) => {
      if (error) return reject(error);
      const { headers } = (answer as Readable & { headers: Record<string, string> }).resume();
      resolve(headers['builder-version'] === '2');
    });
  });
}

async function buildWith(
  version: '1' | '2',
  conn: Connection,
  request: BuildRequest,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const lines: string[] = [];
  const onEvent = (event: EngineEvent): void => {
    for (const line of readOutput(event)) {
      lines.push(line);
      if (isStep(line)) onProgress(line);
    }
  };
  try {
    await followEvents(await sendBuild(version, conn, request, signal), signal, onEvent);
  } catch (error) {
    throwIfAborted(signal);
    if (readStatus(error) === undefined && !(error instanceof StackError)) throw explainEngineError(error, conn.where);
    throw new StackError('engine', `the image cannot be built: ${readReason(error)}`, {
      // Its own folder may be unwound by the time a person reads this.
      hint: `what ${request.dockerfile} came to is below`,
      lines: lines.slice(-SHOWN_LINES),
      cause: error,
    });
  }
}

async function sendBuild(
  version: '1' | '2',
  { client }: Connection,
  { tag, context, dockerfile, target, args, labels }: BuildRequest,
  signal: AbortSignal,
): Promise<NodeJS.ReadableStream> {
  const { packContext } = await import('./build-context.ts');
  return client.buildImage(await packContext(context, dockerfile), {
    ...{ version, dockerfile, labels, t: tag, buildargs: args, rm: true, forcerm: true, abortSignal: signal },
    ...(target !== undefined && { target }),
  });
}

function readOutput({ stream = '', id, aux }: EngineEvent): string[] {
  const lines = id === 'moby.buildkit.trace' ? readTrace(String(aux)) : stripVTControlCharacters(stream).split('\n');
  return lines.map((line) => line.trimEnd()).filter((line) => line !== '');
}

/** `Step 2/5 : RUN npm ci` of the classic builder, `[stage 2/5] RUN npm ci` of BuildKit. */
function isStep(line: string): boolean {
  return /^(Step \d+\/\d+ : |\[[^\]]*\d+\/\d+\] )/.test(line);
}
