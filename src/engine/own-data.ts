import { setTimeout as delay } from 'node:timers/promises';
import { findDatabase, inUse, listClients } from '../adapters/postgres/databases.ts';
import type { InstanceRecord } from '../domain/instance.ts';
import { POSTGRES, type PostgresServer } from './postgres.ts';
import { runBackward, runForward } from './run.ts';
import { openRecorded } from './steps/database.ts';
import { stopStep } from './steps/stop.ts';
import { guardUpSteps, listUpSteps } from './steps/up.ts';
import type { Work } from './work.ts';

const POLL_MS = 50;
/** How long the server may take to see that a program that was ended is gone. */
const LEAVE_MS = 3000;

/** True when something of a ticket may be in a shared server. */
export function hasOwnData(record: InstanceRecord): boolean {
  return record.started && record.own?.postgres !== undefined;
}

/**
 * Runs `use` while the server that has a ticket's data runs: one that was down is started for it, and goes down again where
 * no other ticket is there. Throws what starting it throws.
 */
export async function withOwnServer<Result>(work: Work, use: () => Promise<Result>): Promise<Result> {
  if (!hasOwnData(work.record)) return use();
  const [server, config] = [await openRecorded(work), await work.stack.config().catch(() => undefined)];
  if (!server || server.foreign || !config || (await answers(server))) return use();
  const wish = { services: [], shared: [POSTGRES], network: false, template: false, extent: 'started' } as const;
  const result = await runForward(guardUpSteps(work, listUpSteps(work, config, wish)), work.stack);
  if (result.error !== undefined) throw result.error;
  try {
    return await use();
  } finally {
    await runBackward(result.made, work.stack);
  }
}

async function answers(server: PostgresServer): Promise<boolean> {
  return server.admin(async () => true).catch(() => false);
}

/**
 * Brings a ticket's services to rest and looks who else is connected to its database. Throws `conflict`, naming them,
 * unless `force`, which ends them when the database is dropped.
 */
export async function requireAlone(work: Work, { force }: { force: boolean }): Promise<void> {
  const database = work.record.own?.postgres?.database;
  const server = await openRecorded(work);
  if (database === undefined || !server) return;
  const { error } = await runForward(
    Object.keys(work.record.services).map((service) => stopStep(work, service)),
    work.stack,
  );
  if (error !== undefined) throw error;
  if (force) return;
  await server.admin(async (session) => {
    const deadline = performance.now() + LEAVE_MS;
    for (;;) {
      const clients = (await findDatabase(session, database)) ? await listClients(session, database) : [];
      if (clients.length === 0) return;
      if (performance.now() > deadline) {
        const { ticket } = work.record;
        throw inUse(database, clients, `close them, or say --force to end them; the services of ${ticket} are stopped`);
      }
      await delay(POLL_MS);
    }
  });
}

/** Gives what there is still of a ticket's data, a name each. */
export async function listOwnData(work: Work): Promise<string[]> {
  const own = hasOwnData(work.record) ? work.record.own?.postgres : undefined;
  const server = own && (await openRecorded(work));
  if (!own || !server) return [];
  const found = await server.admin(async (session) => findDatabase(session, own.database));
  const { ticket } = work.record;
  return found?.mark?.rootId === work.stack.rootId && found.mark.ticket === ticket
    ? [`the database ${own.database}`]
    : [];
}
