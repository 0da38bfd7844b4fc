import { StackError } from '../../domain/errors.ts';
import { MAY_NOT, type Session, stateOf } from './connection.ts';

/** How long a connection may keep to itself what it wrote, with a second to spare. */
const TELL_SECONDS = 11;
/** To a role that may not see what others do their kind is unknown; only what the server itself does has no user. */
const IS_CLIENT = `coalesce(backend_type, 'client backend') = 'client backend' AND usesysid IS NOT NULL`;

/** Somebody who is connected to a database. */
export interface DatabaseClient {
  pid: number;
  user: string;
  application: string;
  /** Null where the role may not see it. */
  address: string | null;
}

/** Returns who else is connected to a database. */
export async function listClients(session: Session, database: string): Promise<DatabaseClient[]> {
  return session.query<DatabaseClient & Record<string, unknown>>(
    `SELECT pid, coalesce(usename, '?') AS user, coalesce(application_name, '') AS application,
            CASE WHEN backend_type IS NOT NULL
                 THEN coalesce(host(client_addr) || ':' || client_port, 'the machine itself') END AS address
       FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() AND ${IS_CLIENT} ORDER BY pid`,
    [database],
  );
}

/** True while some connection may not have told yet what it wrote; of one that may not be looked at nobody knows. */
export async function isCounting(session: Session, database: string): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() AND ${IS_CLIENT}
        AND (state IS DISTINCT FROM 'idle' OR state_change > now() - interval '${TELL_SECONDS} s') LIMIT 1`,
    [database],
  );
  return rows.length > 0;
}

/** Ends all other connections to a database. Throws `conflict`, naming them, where they may not be ended. */
export async function endClients(session: Session, database: string): Promise<void> {
  await whileEnding(session, database, () =>
    session.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = $1 AND pid <> pg_backend_pid() AND ${IS_CLIENT}`,
      [database],
    ),
  );
}

/** Does what ends the connections of others. Throws `conflict`, naming them, where the role may not end them. */
export async function whileEnding(session: Session, database: string, end: () => Promise<unknown>): Promise<void> {
  try {
    await end();
  } catch (error) {
    const clients = stateOf(error) === MAY_NOT ? await listClients(session, database) : [];
    if (clients.length === 0) throw error;
    throw inUse(database, clients, 'the role of `url:` may not end them: close them, or let a superuser there do that');
  }
}

/** Returns the error for a database that others are connected to. */
export function inUse(name: string, clients: readonly DatabaseClient[], hint: string): StackError {
  return new StackError('conflict', `the database ${name} is in use by ${describeClients(clients)}`, {
    hint,
    details: { database: name, clients },
  });
}

/** Returns people's names for who is connected: `psql (ada from 127.0.0.1:51312)`. */
function describeClients(clients: readonly DatabaseClient[]): string {
  const shown = clients
    .slice(0, 5)
    .map(
      ({ user, application, address }) => `${application || 'a program'} (${user}${address ? ` from ${address}` : ''})`,
    );
  return `${shown.join(', ')}${clients.length > 5 ? ` and ${clients.length - 5} more` : ''}`;
}
