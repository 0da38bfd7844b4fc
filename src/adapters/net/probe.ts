import http from 'node:http';
import net from 'node:net';

/** Both families: a dev server bound to `::1` alone is not seen by a probe of 127.0.0.1. */
const HOSTS = ['127.0.0.1', '::1'] as const;
const PROBE_MS = 2_000;
/** An engine's port proxy accepts before the service listens, and hangs up once its own connection is refused. */
const HOLD_MS = 150;

/** Undefined when it answered 2xx or 3xx, else what it did instead: `status 503`, `connection refused`. */
export async function probeHttp(port: number, path: string): Promise<string | undefined> {
  const answers = await Promise.all(HOSTS.map((host) => askOnce({ host, port, path })));
  const troubles = answers.map((answer) => {
    if (typeof answer === 'string') return answer;
    const status = answer.statusCode ?? 0;
    return status >= 200 && status < 400 ? undefined : `status ${status}`;
  });
  if (troubles.includes(undefined)) return undefined;
  return troubles.find((trouble) => trouble?.startsWith('status')) ?? troubles[0];
}

/** Returns the value of a header in the answer to a GET of this machine; else why there is none. Never throws. */
export async function readHeader(
  port: number,
  path: string,
  header: string,
): Promise<{ value?: string | undefined; trouble?: string | undefined }> {
  const answers = await Promise.all(HOSTS.map((host) => askOnce({ host, port, path })));
  const found = answers.find((answer) => typeof answer !== 'string');
  return found ? { value: found.headers[header.toLowerCase()]?.toString() } : { trouble: answers[0]?.toString() };
}

/**
 * Returns whether a page of `origin` may read what a server of this machine answers. A browser decides it by the answer to a GET, and
 * by the one to what it asks before a POST. Undefined where nothing answers. Never throws.
 */
export async function allowsOrigin(port: number, path: string, origin: string): Promise<boolean | undefined> {
  const before = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
  const answers = await Promise.all(
    HOSTS.flatMap((host) => [
      askOnce({ host, port, path, headers: { origin } }),
      askOnce({ host, port, path, method: 'OPTIONS', headers: { origin, ...before } }),
    ]),
  );
  const found = answers.flatMap((answer) => (typeof answer === 'string' ? [] : [answer.headers]));
  if (found.length === 0) return undefined;
  return found.some((headers) => ['*', origin].includes(headers['access-control-allow-origin'] ?? ''));
}

interface Question {
  host: string;
  port: number;
  path: string;
  method?: string;
  headers?: Record<string, string>;
}

/** Returns the answer to a question, a GET if it does not say, its body dropped; else why there is none. */
function askOnce(question: Question): Promise<http.IncomingMessage | string> {
  return new Promise((resolve) => {
    const headers = { host: `localhost:${question.port}`, connection: 'close', ...question.headers };
    const options = { ...question, headers, timeout: PROBE_MS, agent: false };
    const request = http.request(options, (answer) => resolve(answer.resume())).end();
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', (error) => resolve(describe(error)));
  });
}

/** Undefined when a connection to the port, of this machine or of `hosts`, is accepted and kept, else why not. */
export async function probePort(port: number, ...hosts: string[]): Promise<string | undefined> {
  const answers = await Promise.all((hosts.length > 0 ? hosts : HOSTS).map((host) => connectOnce(host, port)));
  return answers.includes(undefined) ? undefined : answers[0];
}

function connectOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: PROBE_MS });
    const finish = (answer: string | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => setTimeout(() => finish(undefined), HOLD_MS));
    socket.on('data', () => finish(undefined));
    socket.on('timeout', () => finish('no answer'));
    socket.on('error', (error) => finish(describe(error)));
    socket.on('close', () => finish('connection closed at once'));
  });
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'connection refused';
  if (error.code === 'ECONNRESET') return 'connection closed at once';
  return error.message;
}
