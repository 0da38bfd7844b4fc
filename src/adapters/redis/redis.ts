import type { RedisClientType } from '@redis/client';
import { bestEffort, messageOf, StackError } from '../../domain/errors.ts';

const CONNECT_MS = 5_000;
/** A server that says nothing for longer, be it while it lets us in, does not answer; a large database is emptied in less. */
const SILENT_MS = 20_000;

/** One numbered database of a Redis. */
export interface RedisLogin {
  /** Address with user and password. */
  url: string;
  /** For errors: `localhost:6379`. */
  where: string;
  number: number;
}

/** Returns how many keys a numbered database holds. Throws `database`. */
export async function countKeys(login: RedisLogin): Promise<number> {
  return withRedis(login, (client) => client.dbSize());
}

/** Deletes all keys of a numbered database; the others keep theirs. Throws `database`. */
export async function emptyRedis(login: RedisLogin): Promise<void> {
  await withRedis(login, (client) => client.flushDb());
}

/**
 * Says why a numbered database would not keep a ticket apart on a server: it is a cluster, or was told to have fewer, or
 * somebody subscribes to channels, which all of them share; undefined for nothing. Throws `database`.
 */
export async function findMix(login: RedisLogin): Promise<string | undefined> {
  return withRedis({ ...login, number: 0 }, async (client) => {
    if (/^cluster_enabled:1/m.test(await client.info('cluster'))) return 'it is a cluster, without numbered databases';
    // Where its settings cannot be asked for there are as many as usual, until a number is refused.
    const { databases } = (await bestEffort(client.configGet('databases'))) ?? {};
    if (login.number >= Number(databases ?? Number.POSITIVE_INFINITY)) return `it has ${databases} databases`;
    const [channels, patterns] = await Promise.all([client.pubSubChannels(), client.pubSubNumPat()]);
    return channels.length + patterns > 0
      ? 'somebody subscribes to channels, which numbered databases do not keep apart'
      : undefined;
  });
}

/** Keys that are asked for at once. */
const BATCH = 200;

/** Returns all keys of a numbered database with their values and how long they live on, a line each. Throws `database`. */
export async function dumpKeys(login: RedisLogin): Promise<string> {
  const { RESP_TYPES } = await import('@redis/client');
  return withRedis(login, async (client) => {
    const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    const lines: string[] = [];
    let cursor = '0';
    do {
      const found = await bytes.scan(cursor, { COUNT: BATCH });
      // Not `scanIterator`, which would take a cursor of bytes for one that is never at its end.
      cursor = String(found.cursor);
      const entries = await Promise.all(
        found.keys.map(async (key) => [key, await bytes.dump(key), await client.pTTL(key)] as const),
      );
      for (const [key, value, ttl] of entries) {
        // It ended in between.
        if (value === null) continue;
        lines.push(
          JSON.stringify({ key: key.toString('base64'), value: value.toString('base64'), ttl: Math.max(ttl, 0) }),
        );
      }
    } while (cursor !== '0');
    return lines.map((line) => `${line}\n`).join('');
  });
}

/** Puts keys of a dump into a numbered database, over those of their names. Throws `database`. */
export async function loadKeys(login: RedisLogin, text: string): Promise<void> {
  await withRedis(login, async (client) => {
    for (const line of text.split('\n').filter(Boolean)) {
      const { key, value, ttl } = JSON.parse(line) as { key: string; value: string; ttl: number };
      await client.restore(Buffer.from(key, 'base64'), ttl, Buffer.from(value, 'base64'), { REPLACE: true });
    }
  });
}

async function withRedis<Result>(
  { url, where, number }: RedisLogin,
  use: (client: RedisClientType) => Promise<Result>,
): Promise<Result> {
  const { createClient } = await import('@redis/client');
  const socket = { connectTimeout: CONNECT_MS, socketTimeout: SILENT_MS, reconnectStrategy: false } as const;
  // What the address names is the baseline's number.
  const client = createClient({ url: Object.assign(new URL(url), { pathname: '' }).href, database: number, socket });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client as RedisClientType);
  } catch (error) {
    throw explainError(error, where, number);
  } finally {
    // One that was not let in is closed already, and throws.
    if (client.isOpen) client.destroy();
  }
}

/** The last is what a server without a password says to one. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH )/;

/** True when a server did not let us in with the login that we have. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StackError && error.cause instanceof Error && REFUSED.test(error.cause.message);
}

function explainError(error: unknown, where: string, number: number): StackError {
  const message = messageOf(error);
  if (/DB index is out of range|SELECT is not allowed in cluster/i.test(message)) {
    return new StackError('database', `Redis at ${where} has no database ${number}`, {
      hint: 'it is a cluster, or was told to have fewer; `isolation: server` of shared.redis, which has no `url:` then, gives each ticket its own',
      cause: error,
    });
  }
  if (REFUSED.test(message)) {
    return new StackError('database', `Redis at ${where} does not let stack in: ${message}`, {
      hint: 'set `user` and `password` of shared.redis in stack.yml; `stack up` gives the one that stack runs the password it has there',
      cause: error,
    });
  }
  return new StackError('database', `Redis does not answer at ${where}: ${message}`, {
    hint: '`stack up` starts the one that stack runs; `stack doctor` says more',
    cause: error,
  });
}
