import { setTimeout as delay } from 'node:timers/promises';
import { type DatabaseClient, endClients, inUse, listClients } from '../../adapters/postgres/clients.ts';
import type { Session } from '../../adapters/postgres/connection.ts';
import { findDatabase } from '../../adapters/postgres/databases.ts';
import { countKeys } from '../../adapters/redis/redis.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { requireService } from '../../domain/instance.ts';
import { hasOwnData, POSTGRES, REDIS } from '../../domain/own.ts';
import { claimInstance } from '../core/claim.ts';
import { runBackward, runForward } from '../core/run.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { createWork, type Work } from '../core/work.ts';
import { openRecorded } from '../data/postgres.ts';
import { openRedis } from '../data/redis.ts';
import { listStopRedisSteps } from '../steps/redis.ts';
import { stopStep } from '../steps/stop.ts';
import { guardUpSteps, listUpSteps } from '../steps/up.ts';
import { release } from './reserve.ts';

/** Stops a ticket's services, all or the named ones; worktrees, leases, volumes and logs stay. */
export async function stopInstance(stack: Stack, ticket: string, only: readonly string[]): Promise<void> {
  const { record, state } = await claimInstance(stack, ticket, (found) => {
    for (const name of only) requireService(found, name);
  });
  const work = createWork({ stack, config: undefined, record, baseline: state.baseline, shared: state.shared });
  const services = record.started ? Object.keys(record.services) : [];
  const wanted = services.filter((name) => only.length === 0 || only.includes(name));
  const steps = wanted.map((name) => stopStep(work, name));
  // Others of its services may use it still.
  const servers =
    record.started && only.length === 0
      ? listStopRedisSteps(
          work,
          steps.map(({ id }) => id),
        )
      : [];
  const { error } = await runForward([...steps, ...servers], stack);
  await release(work);
  if (error !== undefined) throw error;
}

const POLL_MS = 50;

/** How long the server may take to see that a program that was ended is gone. */
const LEAVE_MS = 3000;

/**
 * Runs `use` while the servers that have a ticket's data run: one that was down is started for it, and goes down again where
 * no other ticket is there. Throws what starting it throws.
 */
export async function withOwnServers<Result>(work: Work, use: () => Promise<Result>): Promise<Result> {
  const config = hasOwnData(work.record) ? await configIfReadable(work.stack) : undefined;
  const shared = config ? await listSilent(work, config) : [];
  if (shared.length === 0) return use();
  await work.stack.requireTrust();
  const wish = { services: [], shared, network: false, template: false, extent: 'started' } as const;
  const result = await runForward(guardUpSteps(work, listUpSteps(work, config, wish)), work.stack);
  if (result.error !== undefined) throw result.error;
  try {
    return await use();
  } finally {
    await runBackward(result.made, work.stack);
  }
}

/** The servers that stack runs, that have data of the ticket, and that do not answer. */
async function listSilent(work: Work, config: StackConfig): Promise<string[]> {
  const { own } = work.record;
  const server = own?.postgres && (await openRecorded(work));
  const isShared = own?.redis?.checked && !own.redis.server;
  const redis = isShared && own.redis ? openRedis(work.stack, config, work.shared, own.redis) : undefined;
  const asked = await Promise.all([
    server?.admin(async () => POSTGRES).catch(() => undefined),
    redis &&
      countKeys(redis).then(
        () => REDIS,
        () => undefined,
      ),
  ]);
  const wanted = [...(server ? [POSTGRES] : []), ...(redis ? [REDIS] : [])];
  // Those with a `url:` have no lease: they are not ours to start.
  return wanted.filter((name) => !asked.includes(name) && work.shared[name] !== undefined);
}

/**
 * Brings a ticket's services to rest and looks who else is connected to its database. Throws `conflict`, naming them,
 * unless `force`, which ends them, where that is allowed.
 */
export async function requireAlone(
  work: Work,
  { force, staysAtRest = false }: { force: boolean; staysAtRest?: boolean },
): Promise<void> {
  const database = work.record.own?.postgres?.database;
  const server = await openRecorded(work);
  if (database === undefined || !server) return;
  await bringToRest(work);
  const clients = await server.admin(async (session) => {
    if (force) await endClients(session, database);
    // What they wrote counts once they have left.
    const staying = await untilAlone(session, database);
    // Whoever came in after that is ended when the database goes.
    return force ? [] : staying;
  });
  if (clients.length === 0) return;
  const rest = staysAtRest ? `; the services of ${work.record.ticket} are stopped` : '';
  throw inUse(database, clients, `close them, or say --force to end them${rest}`);
}

/** Stops all services of a ticket; what is stopped is left. Throws what stopping one throws. */
export async function bringToRest(work: Work): Promise<void> {
  const { started, services } = work.record;
  const names = started ? Object.keys(services) : [];
  const { error } = await runForward(
    names.map((service) => stopStep(work, service)),
    work.stack,
  );
  if (error !== undefined) throw error;
}

/** Gives who is connected still when those who were ended must have left. */
async function untilAlone(session: Session, database: string): Promise<DatabaseClient[]> {
  const deadline = performance.now() + LEAVE_MS;
  for (;;) {
    const clients = (await findDatabase(session, database)) ? await listClients(session, database) : [];
    if (clients.length === 0 || performance.now() > deadline) return clients;
    await delay(POLL_MS);
  }
}
