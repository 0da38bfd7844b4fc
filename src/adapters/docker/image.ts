import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { LABELS } from '../../domain/names.ts';
import type { Connection } from './connection.ts';
import { explainEngineError, orMissing, readReason, readStatus } from './error.ts';

/** Takes a line about how far something is. */
export type OnProgress = (text: string) => void;

/** Returns whether the engine has an image. */
export async function hasImage(conn: Connection, ref: string): Promise<boolean> {
  return (await readImageId(conn, ref)) !== undefined;
}

/** Returns an image's labels; undefined when the engine has none of that name. */
export async function readImageLabels(
  conn: Connection,
  ref: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const image = await orMissing(conn.client.getImage(ref).inspect());
  return image && (image.Config.Labels ?? {});
}

/** Returns an image's id; undefined when the engine has none of that name. */
export async function readImageId(conn: Connection, ref: string): Promise<string | undefined> {
  return (await orMissing(conn.client.getImage(ref).inspect()))?.Id;
}

/** Pulls an image that is not here, saying `pulling 12/40 MB`. Throws `engine` when it cannot be had, `interrupted`. */
export async function ensureImage(
  conn: Connection,
  ref: string,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  if (await hasImage(conn, ref)) return;
  onProgress(`pulling ${ref}`);
  try {
    // `node` alone would mean every tag there is.
    const stream = await conn.client.pull(withTag(ref), { abortSignal: signal });
    const meter = createMeter();
    await followEvents(stream, signal, (event) => {
      const text = meter(event);
      if (text !== undefined) onProgress(text);
    });
  } catch (error) {
    throwIfAborted(signal);
    const unreachable = readStatus(error) === undefined && !(error instanceof StackError);
    throw unreachable ? explainEngineError(error, conn.where) : cannotPull([ref], readReason(error), error);
  }
  if (!(await hasImage(conn, ref))) throw cannotPull([ref], 'the pull ended early');
}

function withTag(ref: string): string {
  return /[:@][^/]*$/.test(ref) ? ref : `${ref}:latest`;
}

/**
 * Begins to pull an image that is not here, and leaves off once its registry has said that it has it. Returns why it cannot be had;
 * undefined where it can. Throws `interrupted` when the signal is aborted before anybody has said anything.
 */
export async function explainMissing(conn: Connection, ref: string, signal: AbortSignal): Promise<string | undefined> {
  if (await hasImage(conn, ref)) return undefined;
  const enough = new AbortController();
  try {
    const stream = await conn.client.pull(withTag(ref), { abortSignal: AbortSignal.any([signal, enough.signal]) });
    await followEvents(stream, signal, ({ error }) => {
      // Its first word comes when the manifest is there.
      if (error === undefined) enough.abort();
    });
    return undefined;
  } catch (error) {
    throwIfAborted(signal);
    return enough.signal.aborted ? undefined : readReason(error);
  }
}

/** Returns the error for images that the engine lacks and cannot get; the first one's name is in the hint. */
export function cannotPull(refs: readonly string[], reason: string, cause?: unknown): StackError {
  const [ref = ''] = refs;
  const [what, are, its] = refs.length > 1 ? ['images', 'are', 'their names'] : ['image', 'is', 'its name'];
  const named = refs.map((one) => `"${one}"`).join(' and ');
  return new StackError('engine', `${what} ${named} ${are} not here and cannot be pulled: ${reason}`, {
    hint: `check ${its} and the network; for a private registry run \`docker login\` and \`docker pull ${ref}\``,
    details: { images: refs },
    cause,
  });
}

/** True for an error that `cannotPull` made. */
export function isUnpulled(error: unknown): error is StackError {
  return error instanceof StackError && (error.details as { images?: unknown } | undefined)?.images !== undefined;
}

/** One line of what the engine says while it pulls or builds. */
export interface EngineEvent {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly stream?: string;
  /** BuildKit's own report. */
  readonly aux?: unknown;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}

/**
 * Reads the stream of events of a pull or build to its end. Throws `engine` with the words of an error event, which the engine sends
 * after it has answered with success; `interrupted`.
 */
export async function followEvents(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
  onEvent: (event: EngineEvent) => void,
): Promise<void> {
  let failure: string | undefined;
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((one) => one.trim() !== '')) {
      const event = JSON.parse(line) as EngineEvent;
      failure ??= event.errorDetail?.message ?? event.error;
      onEvent(event);
    }
  }
  throwIfAborted(signal);
  if (failure !== undefined) throw new StackError('engine', failure);
}

const MEGABYTE = 1_000_000;

/** Adds up the layers of a pull. The text is given only when it differs from the last one. */
export function createMeter(): (event: EngineEvent) => string | undefined {
  const layers = new Map<string, { current: number; total: number }>();
  let last = '';
  return ({ id, status, progressDetail }) => {
    if (id === undefined) return undefined;
    if (status === 'Downloading' && progressDetail?.total) {
      layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
    } else if (status === 'Download complete' || status === 'Pull complete') {
      const layer = layers.get(id);
      if (layer) layer.current = layer.total;
    }
    const sum = (key: 'current' | 'total') => [...layers.values()].reduce((all, layer) => all + layer[key], 0);
    const megabytes = (bytes: number) => Math.round(bytes / MEGABYTE);
    const text = `pulling ${megabytes(sum('current'))}/${megabytes(sum('total'))} MB`;
    if (layers.size === 0 || text === last) return undefined;
    last = text;
    return text;
  };
}

/** Removes an image that stack built; one that is missing or was not built by stack is left. Throws `engine` while it is used. */
export async function removeImage(conn: Connection, ref: string, rootId: string): Promise<void> {
  const image = conn.client.getImage(ref);
  const found = await orMissing(image.inspect());
  if (found?.Config.Labels?.[LABELS.root] !== rootId) return;
  await orMissing(image.remove());
}
