import { readdirSync, readlinkSync } from 'node:fs';
import pg from 'pg';
import { createClient } from 'redis';
import { ownDatabase, ownServer } from '../../src/domain/own.ts';
import type { StackView } from '../../src/domain/view.ts';
import { withOwnPassword } from '../support/own-password.ts';
import { must } from './clear.ts';
import type { FaultWorld } from './world.ts';

/** What a person has in the baseline's database and Redis before any test, and what one puts into a ticket's. */
const [ROW, KEY] = ['work of a person', 'person'];

/** Puts something of a person's into the baseline's data, for which the servers come up once. */
export async function leaveData(world: FaultWorld): Promise<void> {
  await must(world, 'up');
  await writeData(world, 'baseline');
  await must(world, 'down');
}

/** Puts something of a person's into a ticket's own data, or the baseline's. The servers run. */
export async function writeData(world: FaultWorld, ticket: string): Promise<void> {
  await askPostgres(world, ticket, (client) =>
    client.query(`CREATE TABLE IF NOT EXISTS person AS SELECT '${ROW}' AS text`),
  );
  await askRedis(world, ticket, (client) => client.set(KEY, ROW));
}

/** Returns what is lost of a person's in a ticket's own data, or the baseline's; the servers come up for it. */
export async function findLostData(world: FaultWorld, ticket: string): Promise<string[]> {
  await must(world, 'up');
  // A server of its own is at rest with the ticket.
  if (ownServer('redis', world.state()?.instances[ticket]?.own)) await must(world, 'start', ticket, '--no-wait');
  const rows = await askPostgres(world, ticket, (client) => client.query('SELECT text FROM person')).then(
    (answer) => answer.rows.map(({ text }) => text).join(),
    (error: Error) => error.message,
  );
  const value = await askRedis(world, ticket, (client) => client.get(KEY));
  return [
    ...(rows === ROW ? [] : [`the rows of ${ticket} are lost: ${rows}`]),
    ...(value === ROW ? [] : [`the keys of ${ticket} are lost: ${value}`]),
  ];
}

/** Returns what is left of tickets that are all gone, and what is lost of the baseline's; the servers come up for it. */
export async function findLeftData(world: FaultWorld): Promise<string[]> {
  const lost = await findLostData(world, 'baseline');
  const databases = await askPostgres(world, 'baseline', (client) => client.query('SELECT datname FROM pg_database'));
  const own = databases.rows.map(({ datname }) => String(datname)).filter((name) => !USUAL.test(name));
  const space = await askRedis(world, 'baseline', (client) => client.info('keyspace'));
  const numbers = [...space.matchAll(/^db([1-9]\d*):/gm)].map(([, number]) => number);
  return [
    ...lost,
    ...own.map((name) => `the database ${name} is left`),
    ...numbers.map((number) => `keys in database ${number} of Redis are left`),
    ...listServers(world).map((pid) => `a Redis of a ticket still runs: ${pid}`),
  ];
}

/** Returns the processes in folders of tickets' own servers, also such as are deleted. */
function listServers(world: FaultWorld): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(world.at('.stack/own/'));
    } catch {
      // It has ended meanwhile, or is somebody else's.
      return false;
    }
  });
}

/** What every server has, the baseline's, and the copy of it that tickets are made from. */
const USUAL = /^(postgres|template[01]|stack|stack__template_[^_]+)$/;

async function askPostgres<Answer>(
  world: FaultWorld,
  ticket: string,
  ask: (client: pg.Client) => Promise<Answer>,
): Promise<Answer> {
  // `ps` shows no password.
  const url = new URL(withOwnPassword(world.root, (await view(world)).shared.postgres?.url ?? ''));
  const database = ownDatabase('postgres', world.state()?.instances[ticket]?.own)?.database;
  if (database !== undefined) url.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: url.href });
  client.on('error', () => undefined);
  await client.connect();
  return ask(client).finally(() => client.end());
}

async function askRedis<Answer>(
  world: FaultWorld,
  ticket: string,
  ask: (client: ReturnType<typeof createClient>) => Promise<Answer>,
): Promise<Answer> {
  const { shared, instances } = await view(world);
  const own = instances.find((one) => one.ticket === ticket)?.own?.redis;
  const client = createClient({
    url: withOwnPassword(world.root, own?.server?.url ?? shared.redis?.url ?? ''),
    database: own?.db ?? 0,
  });
  client.on('error', () => undefined);
  await client.connect();
  return ask(client).finally(() => client.destroy());
}

async function view(world: FaultWorld): Promise<StackView> {
  return JSON.parse((await world.here('ps', '--json')).stdout);
}
