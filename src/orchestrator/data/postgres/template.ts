import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { pause } from '../../../adapters/pause.ts';
import { endClients, inUse, isCounting, listClients } from '../../../adapters/postgres/clients.ts';
import { type Session, stateOf } from '../../../adapters/postgres/connection.ts';
import { inSnapshot, readContents } from '../../../adapters/postgres/contents.ts';
import {
  copyDatabase,
  type Database,
  dropDatabase,
  findDatabase,
  fingerprintOf,
  makeEmptyLike,
  markDatabase,
  replaceDatabase,
  sealDatabase,
} from '../../../adapters/postgres/databases.ts';
import { copyLive } from '../../../adapters/postgres/tools.ts';
import { copyByWire, WIRE_BYTES } from '../../../adapters/postgres/wire-dump.ts';
import { addHint, bestEffort, StackError, throwIfAborted } from '../../../domain/errors.ts';
import { type Contents, hiddenDatabase } from '../../../domain/own.ts';
import { requireFilled } from '../../core/filling.ts';
import type { Stack } from '../../core/stack.ts';
import type { PostgresServer } from './postgres.ts';
import { copyChanges } from './template-rows.ts';

/** Above this a copy of a database that is in use is made when it is asked for, not with every ticket. */
const LARGE_BYTES = 100 * 1024 * 1024;
const OBJECT_IN_USE = '55006';
const POLL_MS = 50;
const QUIET_MS = 12_000;

/** Returns the name of the sealed copy that tickets' databases are made from. */
export function templateName(stack: Stack, server: PostgresServer): string {
  return hiddenDatabase(server.baseline, 'template', stack.rootId);
}

/** Returns the baseline's database. Throws `not-found` where it has none yet. */
async function requireBaseline(session: Session, server: PostgresServer): Promise<Database> {
  const found = await findDatabase(session, server.baseline);
  if (found) return found;
  throw new StackError('not-found', `the baseline has no database ${server.baseline} on ${server.login.where} yet`, {
    hint: 'make it, or let the baseline make it, then run the command again; `database` of shared.postgres in stack.yml names it',
  });
}

/**
 * True when the template is there and surely has what the baseline's database has now. The counters tell at no cost while nobody
 * is at work there; else the rows are looked at, where they are not too many, so that an API which only reads makes no template old.
 * Throws `database`, `interrupted`.
 */
export async function isTemplateFresh(stack: Stack, server: PostgresServer): Promise<boolean> {
  const mark = await server.admin(async (session) => {
    // First: a connection that ends between the two looks has told of all that it wrote by the second.
    const isTold = !(await isCounting(session, server.baseline));
    const found = await findDatabase(session, templateName(stack, server));
    const isLike = isTold && found?.mark?.sign === (await fingerprintOf(session, server.baseline));
    if (isLike) return true;
    // It may have grown since.
    const isSmall = ((await findDatabase(session, server.baseline))?.bytes ?? 0) <= LARGE_BYTES;
    return isSmall ? found?.mark : undefined;
  }, stack.signal);
  if (mark === true) return true;
  return mark?.contents !== undefined && isDeepStrictEqual(mark.contents, await findContents(server, stack.signal));
}

/** Undefined where some of it may not be read: what is in there is not known then. */
async function findContents(server: PostgresServer, signal?: AbortSignal): Promise<Contents | undefined> {
  return bestEffort(server.inside((session) => inSnapshot(session, () => readContents(session)), signal));
}

/** True while others use the baseline's database and there is a template: one that is older is made again with the next ticket. */
export async function canTemplateWait(stack: Stack, server: PostgresServer): Promise<boolean> {
  return server.admin(
    async (session) =>
      (await findDatabase(session, templateName(stack, server))) !== undefined &&
      (await listClients(session, server.baseline)).length > 0,
  );
}

export interface RefreshOptions {
  /** Ends the connections of others for the moment a copy takes, where that is the one way. */
  force: boolean;
  /** True: also where it costs minutes, or nothing has changed. */
  asked: boolean;
  signal: AbortSignal;
  note: (text: string) => void;
}

/** What became of a refresh; `stale`: the template that is there has to do, and lacks something. */
export type Refreshed = { made: true; live: boolean } | { made: false; stale: boolean };

/**
 * Makes the sealed copy of the baseline's database again, beside the old one, which it then replaces. A database that
 * nobody is connected to is copied by the server; one in use by pg_dump, which disturbs nobody. Call it with the up lock
 * held. Throws `conflict` when neither can be done and there is no template yet, `not-found`, `database`.
 */
export async function refreshTemplate(
  stack: Stack,
  server: PostgresServer,
  options: RefreshOptions,
): Promise<Refreshed> {
  const name = templateName(stack, server);
  const fresh = hiddenDatabase(server.baseline, 'template_new', stack.rootId);
  await requireFilled(stack);
  return server.admin(async (session) => {
    const baseline = await requireBaseline(session, server);
    const before = await findDatabase(session, name);
    const sign = await fingerprintOf(session, server.baseline);
    const clients = await listClients(session, server.baseline);
    // What a command that was killed left half-made.
    await dropDatabase(session, fresh, { force: true });
    const filled = await fill(session, { server, fresh, baseline, before, clients, options });
    if (filled === undefined) {
      return { made: false, stale: before?.mark?.sign !== (await fingerprintOf(session, server.baseline)) };
    }
    const { live, contents } = filled;
    const mark = { kind: 'template', rootId: stack.rootId, root: stack.root, sign, contents } as const;
    await markDatabase(session, fresh, { ...mark, copiedAt: new Date().toISOString() });
    await replaceDatabase(session, {
      name,
      by: fresh,
      aside: hiddenDatabase(server.baseline, 'template_old', stack.rootId),
    });
    return { made: true, live };
  }, options.signal);
}

interface Fill {
  server: PostgresServer;
  fresh: string;
  baseline: Database;
  before: Database | undefined;
  clients: Awaited<ReturnType<typeof listClients>>;
  options: RefreshOptions;
}

interface Filled {
  /** It was copied while in use. */
  live: boolean;
  contents: Contents | undefined;
}

/** Returns how it was filled, and with what; undefined where the template that is there has to do. */
async function fill(session: Session, parts: Fill): Promise<Filled | undefined> {
  const { server, fresh, baseline, before, clients, options } = parts;
  const isSmall = baseline.bytes <= LARGE_BYTES;
  if (isSmall && before && clients.length > 0) {
    const contents = await copyChanges(session, server, { before, fresh }, options.signal);
    if (contents) return { live: true, contents };
  }
  const look = async () => (isSmall ? findContents(server, options.signal) : undefined);
  const contents = await look();
  const live = await fillWhole(session, parts);
  if (live === undefined) return undefined;
  // What was written meanwhile may be in the copy, or not, and may be taken back.
  return { live, contents: isDeepStrictEqual(contents, await look()) ? contents : undefined };
}

/** Returns whether it was copied while in use; undefined as `fill` does. */
async function fillWhole(session: Session, parts: Fill): Promise<boolean | undefined> {
  const { server, fresh, baseline, before, clients, options } = parts;
  if (clients.length === 0 && (await copyQuiet(session, fresh, baseline))) return false;
  if (before && !options.asked && baseline.bytes > LARGE_BYTES) return undefined;
  const copy = await findLiveCopy(server, baseline, fresh, options.signal);
  if (copy) {
    options.note(`${baseline.name} is in use: copying it with pg_dump`);
    await makeEmptyLike(session, fresh, baseline.name);
    await copy().catch((error: unknown) => {
      throw addHint(
        error,
        'stop what uses it, then `stack db refresh`: the server itself copies what nobody is connected to',
      );
    });
    await sealDatabase(session, fresh);
    return true;
  }
  if (options.force) {
    await copyForced(session, server, fresh, baseline);
    return false;
  }
  if (!options.asked && (await copyAtQuietMoment(session, fresh, baseline, options))) return false;
  if (before && !options.asked) return undefined;
  throw inUse(
    baseline.name,
    await listClients(session, baseline.name),
    'a copy needs a moment without connections: stop what uses it, or `stack db refresh --force` ends them',
  );
}

/** Returns what fills an empty database from the baseline's while others use that; undefined where there is nothing that can. */
async function findLiveCopy(
  server: PostgresServer,
  { name, bytes }: Database,
  fresh: string,
  signal: AbortSignal,
): Promise<(() => Promise<void>) | undefined> {
  const tools = await server.tools();
  if (tools) return () => copyLive(tools, name, fresh, signal);
  const module = bytes > WIRE_BYTES ? undefined : await server.wireDump();
  if (module === undefined) return undefined;
  // Tables may belong to other roles, and keep rows from their owner.
  return async () => copyByWire(await server.strongest(), { from: name, to: fresh, module }, signal);
}

/**
 * While CREATE DATABASE waits for others to leave (5 s), it keeps new ones waiting at the door: those that are in are ended
 * from beside it. Nothing has to be put back should we be killed in the middle.
 */
async function copyForced(session: Session, server: PostgresServer, fresh: string, baseline: Database): Promise<void> {
  let done = false;
  const copying = copyDatabase(session, { name: fresh, from: baseline, sealed: true }).finally(() => {
    done = true;
  });
  const ending = server.admin(async (other) => {
    while (!done) {
      await endClients(other, baseline.name);
      await delay(POLL_MS);
    }
  });
  await Promise.all([copying, ending]);
}

/**
 * Pools let go of idle connections after some seconds (node-pg: ten). False when there was no such moment; what was written
 * before is in the counters then.
 */
async function copyAtQuietMoment(
  session: Session,
  fresh: string,
  baseline: Database,
  { signal, note }: RefreshOptions,
): Promise<boolean> {
  const deadline = performance.now() + QUIET_MS;
  while (performance.now() < deadline) {
    throwIfAborted(signal);
    if ((await listClients(session, baseline.name)).length === 0) return copyQuiet(session, fresh, baseline);
    note(`waiting for a moment without connections to ${baseline.name}`);
    await pause(POLL_MS, signal);
  }
  return false;
}

/** False when somebody connected meanwhile. */
async function copyQuiet(session: Session, fresh: string, baseline: Database): Promise<boolean> {
  try {
    await copyDatabase(session, { name: fresh, from: baseline, sealed: true });
    return true;
  } catch (error) {
    if (stateOf(error) === OBJECT_IN_USE) return false;
    throw error;
  }
}
