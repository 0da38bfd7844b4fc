import type { Duplex } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import { interrupted, messageOf, StackError, throwIfAborted } from '../../domain/errors.ts';
import { type PostgresLogin, withRawConnection, withSession } from './connection.ts';
import { makeMessage, readMessages } from './messages.ts';

/** The newest server that the packaged pg_dump understands. */
export const WIRE_MAJOR = 18;
/** A dump of it is one text, which the server reads as a whole. */
export const WIRE_BYTES = 200 * 1024 * 1024;
const ROWS = ['--rows-per-insert=500', '--encoding=UTF8'];

/**
 * What runs in a thread of its own. The packaged pg_dump asks and waits for the answer on the spot, so the thread is held until
 * the one that has the connection has written the answer down.
 */
const THREAD = `
const { workerData: { module, args, port, flag }, parentPort, receiveMessageOnPort } = require('node:worker_threads');
const cell = new Int32Array(flag);
const pg = {
  query: async () => ({ rows: [{ search_path: '' }] }),
  exec: async () => [],
  execProtocolRawStream(bytes, { onRawData }) {
    Atomics.store(cell, 0, 0);
    port.postMessage(bytes.slice());
    Atomics.wait(cell, 0, 0);
    const answer = receiveMessageOnPort(port).message;
    if (answer.length > 0) onRawData(answer);
  },
};
import(module)
  .then(({ pgDump }) => pgDump({ pg, args }))
  .then((file) => file.text())
  .then((text) => parentPort.postMessage({ text }), (error) => parentPort.postMessage({ fault: String(error?.message ?? error) }));
`;

/**
 * The package takes such lines out of what it hands over, those within a text too, so there their backslash is another byte on the
 * way. What counts as the end of a line is JavaScript's.
 */
const TAKEN_OUT = /([\n\r]|\xe2\x80[\xa8\xa9])\\(?=(?:un)?restrict\b)/gi;
const MASKED = /([\n\r\u2028\u2029]|\xe2\x80[\xa8\xa9])\x7f(?=(?:un)?restrict\b)/gi;
/** Letters of questions that the server answers at once: Query, FunctionCall, Sync. */
const ASKS = new Set(['Q', 'F', 'S']);
const TERMINATE = 'X';
const READY = 'Z';

/**
 * Dumps a database as plain SQL, as it was at one moment, while others go on working in it: with the pg_dump of the npm package
 * whose file is `module`, over a connection of ours. Throws `database`, `interrupted`.
 */
export async function dumpByWire(
  login: PostgresLogin,
  database: string,
  module: string,
  signal: AbortSignal,
): Promise<string> {
  throwIfAborted(signal);
  return withRawConnection(login, database, async ({ stream, parameters }) => {
    const greeting = [
      makeMessage('R', Buffer.alloc(4)),
      ...parameters.map(([name, value]) => makeMessage('S', Buffer.from(`${name}\0${value}\0`))),
      makeMessage('K', Buffer.alloc(8)),
      makeMessage(READY, Buffer.from('I')),
    ];
    const { port1, port2 } = new MessageChannel();
    const flag = new SharedArrayBuffer(4);
    const workerData = { module: pathToFileURL(module).href, args: ROWS, port: port2, flag };
    const thread = new Worker(THREAD, { eval: true, workerData, transferList: [port2], stdout: true, stderr: true });
    const answer = (bytes: Uint8Array): void => {
      port1.postMessage(bytes);
      const cell = new Int32Array(flag);
      Atomics.store(cell, 0, 1);
      Atomics.notify(cell, 0);
    };
    const fail = (why: string): StackError => new StackError('database', `the dump of ${database} failed: ${why}`);
    let onAbort = (): void => undefined;
    try {
      return await new Promise<string>((done, refuse) => {
        onAbort = () => refuse(interrupted(signal.reason));
        if (signal.aborted) return onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
        stream.once('close', () => refuse(fail('the server ended the connection')));
        thread.once('error', (error) => refuse(fail(messageOf(error))));
        thread.once('exit', () => refuse(fail('its program ended without a word')));
        thread.once('message', ({ text, fault = '' }: { text?: string; fault?: string }) =>
          // Servers before 17 do not know that setting, which stands at its beginning.
          text === undefined
            ? refuse(fail(fault))
            : done(text.replace('\nSET transaction_timeout = 0;', '').replaceAll(MASKED, '$1\\')),
        );
        const ask = openConversation(stream, Buffer.concat(greeting), (bytes) => {
          const text = bytes.toString('latin1');
          if (text.search(MASKED) >= 0) refuse(fail('a text in it has a line that begins with a DEL and `restrict`'));
          else if (text.search(TAKEN_OUT) < 0) answer(bytes);
          else answer(Buffer.from(text.replaceAll(TAKEN_OUT, '$1\x7f'), 'latin1'));
        });
        port1.on('message', (bytes: Uint8Array) => ask(Buffer.from(bytes)));
      });
    } finally {
      signal.removeEventListener('abort', onAbort);
      port1.close();
      await thread.terminate();
    }
  });
}

/** Returns what takes the program's bytes; `onAnswer` gets what there is to each, which may be nothing. */
function openConversation(
  stream: Duplex,
  greeting: Buffer,
  onAnswer: (bytes: Buffer) => void,
): (bytes: Buffer) => void {
  const [theirs, ours] = [readMessages(), readMessages()];
  let isOpen = false;
  let parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => {
    parts.push(part);
    if (theirs.push(part) !== READY) return;
    const whole = Buffer.concat(parts);
    parts = [];
    onAnswer(whole);
  });
  return (bytes) => {
    if (!isOpen) {
      // Its first message asks to be let in, which we are.
      isOpen = true;
      return onAnswer(greeting);
    }
    const letter = ours.push(bytes);
    if (letter !== TERMINATE) stream.write(bytes);
    if (!ASKS.has(letter ?? '')) onAnswer(Buffer.alloc(0));
  };
}

/** Fills an empty database from one that may be in use, as that was at one moment. Throws as `dumpByWire` does. */
export async function copyByWire(
  login: PostgresLogin,
  { from, to, module }: { from: string; to: string; module: string },
  signal: AbortSignal,
): Promise<void> {
  const text = await dumpByWire(login, from, module, signal);
  await withSession(login, to, (session) => session.query(text), signal);
}
