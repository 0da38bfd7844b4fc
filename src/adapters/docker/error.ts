import { interrupted, StackError } from '../../domain/errors.ts';
import { GO_WITHOUT } from '../../domain/runtime.ts';

interface EngineFailure {
  code?: string;
  /** Set by ssh2: `client-socket`, `client-authentication`, … */
  level?: string;
  name?: string;
  statusCode?: number;
  json?: { message?: string };
  message?: string;
}

/** Returns the HTTP status the engine answered with; undefined when it did not answer. */
export function readStatus(error: unknown): number | undefined {
  return (error as EngineFailure | undefined)?.statusCode;
}

/** Returns the engine's own words, without dockerode's `(HTTP code 500) server error - ` in front. */
export function readReason(error: unknown): string {
  const { json, message = String(error) } = (error ?? {}) as EngineFailure;
  return (json?.message ?? message).replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}

/** Runs a call to the engine and gives undefined where it answers `missing` (404). Other errors pass. */
export async function orMissing<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error) => {
    if (readStatus(error) === 404) return undefined;
    throw error;
  });
}

const UNREACHABLE = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ECONNRESET',
  'EPIPE',
  'ENOTSOCK',
]);

/** How somebody who may not use the socket comes to. On macOS it is the person's own: a sandbox of an agent says EPERM. */
const MAY_NOT = {
  other: 'join the group that owns the socket (`sudo usermod -aG docker $USER`, then log in again)',
  darwin: 'allow the socket in the sandbox that this runs in, or start the engine as this user',
};
const START = { other: 'start Docker', darwin: 'start Docker Desktop, OrbStack or Colima (`colima start`)' };

/**
 * Returns what a failed call to the engine stands for: `interrupted` for an abort, `engine` when it refused or did not
 * answer. Anything else is not the engine's and passes as it is.
 */
export function explainEngineError(
  error: unknown,
  where: string,
  platform: NodeJS.Platform = process.platform,
): unknown {
  const system = platform === 'darwin' ? 'darwin' : 'other';
  if (error instanceof StackError) return error;
  const { code, level, name } = (error ?? {}) as EngineFailure;
  if (name === 'AbortError' || code === 'ABORT_ERR') return interrupted(error);
  if (code === 'EACCES' || code === 'EPERM') {
    return new StackError('engine', `the Docker engine at ${where} may not be used by this user`, {
      hint: MAY_NOT[system],
      cause: error,
    });
  }
  // Node's HTTP parser says so of what is no HTTP at all.
  if (code?.startsWith('HPE_'))
    return new StackError(
      'engine',
      `no Docker engine answers at ${where}, but something else: it does not speak HTTP`,
      {
        hint: 'DOCKER_HOST and the Docker context name the engine’s address',
        cause: error,
      },
    );
  if (level !== undefined || (code !== undefined && UNREACHABLE.has(code))) {
    return new StackError('engine', `no Docker engine answers at ${where}`, {
      hint: `${START[system]}, or name its address in DOCKER_HOST or DOCKER_CONTEXT${GO_WITHOUT}`,
      cause: error,
    });
  }
  if (readStatus(error) === undefined) return error;
  return new StackError('engine', `the Docker engine refused: ${readReason(error)}`, { cause: error });
}

/** Engines have a status for a taken port nowhere, but these wordings: Docker's allocator and proxy, Docker Desktop, Docker 28, Podman, Windows. */
const TAKEN =
  /port is already allocated|address already in use|ports are not available|EADDRINUSE|forbidden by its access permissions/i;
/** The first address of this machine in it: `127.0.0.1:80`, `[::1]:80`, `:::80`, `:80`. Docker 28 names the container's behind it. */
const HOST_PORT = /(?:\d+(?:\.\d+){3}|\]|::|\s):(\d+)\b/;

/** Returns the host port that a text says is taken, else undefined: what the engine said, or compose said that it did. */
export function readTakenPort(text: string): number | undefined {
  const port = TAKEN.test(text) ? HOST_PORT.exec(text)?.[1] : undefined;
  return port === undefined ? undefined : Number(port);
}

/** Returns which of these host ports an error is about when it says that one is taken, else undefined. */
export function findTakenPort(error: unknown, ports: readonly number[]): number | undefined {
  const reason = readReason(error);
  if (ports.length === 0 || !TAKEN.test(reason)) return undefined;
  const named = readTakenPort(reason);
  return ports.find((port) => port === named) ?? ports[0];
}

/** Returns the refusal of an engine on another machine, which has neither the folders that containers mount nor our ports. */
export function remoteEngine(where: string): StackError {
  return new StackError('engine', `the Docker engine at ${where} is on another machine`, {
    hint: 'stack needs one on this machine: see DOCKER_HOST, DOCKER_CONTEXT and `docker context use`, or say --runtime process',
  });
}
