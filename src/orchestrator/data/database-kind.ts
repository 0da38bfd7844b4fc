import type { StackConfig } from '../../domain/config/config.ts';
import { ifAnswered, StackError } from '../../domain/errors.ts';
import type { OwnDatabase } from '../../domain/instance.ts';
import { type DatabaseMark, ownDatabase, ticketDatabase } from '../../domain/own.ts';
import type { Ownable } from '../../domain/own-kinds.ts';
import { resolveShared } from '../../domain/shared.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { placeOf } from '../shared/place.ts';
import { isTicketOf } from './own-database.ts';
import type { OwnKind, SharedLeases } from './own-kind.ts';

/** What stack asks a server with databases, of whatever make it is. */
interface DatabaseServer {
  /** Host and port, for people. */
  where: string;
  /** The baseline's database. */
  baseline: string;
  listNames(): Promise<string[]>;
  /** Returns the databases that have a mark of ours, of whichever root. */
  listMarked(): Promise<{ name: string; mark: DatabaseMark }[]>;
  /** Missing is done. Throws `conflict` while others are connected, unless `force`. */
  drop(name: string, options: { force: boolean }): Promise<void>;
}

/** A server as a command needs it: a ticket's record, or the settings alone. */
export type Recorded = Pick<Work, 'stack' | 'config' | 'shared'> & Partial<Pick<Work, 'record'>>;

interface Servers {
  service: Ownable;
  /** Returns the shared server. Throws `config` when there is none. */
  open(stack: Stack, config: StackConfig | undefined, leases: SharedLeases): DatabaseServer;
}

type Asked = 'plan' | 'answers' | 'listLeft' | 'derive' | 'listStrays';

/** Returns what a kind whose tickets each have a database does alike, whatever make its server is of. */
export function askDatabases({
  service,
  open,
}: Servers): Pick<OwnKind, Asked> & Required<Pick<OwnKind, 'listLost' | 'listMarked' | 'dropAll'>> {
  const openRecorded = (asked: Recorded): Promise<DatabaseServer | undefined> =>
    ifRecorded(service, asked, (config) => open(asked.stack, config, asked.shared));

  /** The databases of this root's tickets; undefined where stack.yml has no such server, or it does not answer. */
  async function askMarks(stack: Stack, config: StackConfig | undefined, leases: SharedLeases) {
    if (!config?.shared.services[service]) return undefined;
    return ifAnswered(async () => {
      const server = open(stack, config, leases);
      const marked = (await server.listMarked()).flatMap(({ name, mark: { kind, rootId, ticket } }) =>
        kind === 'ticket' && rootId === stack.rootId && ticket !== undefined ? [{ name, ticket }] : [],
      );
      return { server, marked };
    });
  }

  async function listMarked(stack: Stack, config: StackConfig, leases: SharedLeases) {
    const found = await askMarks(stack, config, leases);
    const at = placeOf(service, stack, config);
    const ours = found?.marked.map(({ name, ticket }): [string, OwnDatabase] => [
      ticket,
      { as: 'database', database: name, from: found.server.baseline, made: true, at },
    ]);
    return new Map(ours);
  }

  return {
    plan(stack, config, ticket) {
      const { database, url } = resolveShared(service, config.shared.services[service] ?? {}, stack.values);
      // Says what is missing in the settings, before anything is made.
      if (!database) open(stack, config, {});
      const from = database ?? '';
      return { as: 'database', database: ticketDatabase(from, ticket, stack.rootId, url !== undefined), from };
    },
    async answers(work) {
      const server = await openRecorded(work);
      return server && (await ifAnswered(() => server.listNames())) !== undefined;
    },
    async listLeft(work) {
      const own = ownDatabase(service, work.record.own);
      const marked = own && (await (await openRecorded(work))?.listMarked());
      const isThere = marked?.some(({ name, mark }) => name === own?.database && isTicketOf(mark, work));
      return isThere ? [`the database ${own?.database}`] : [];
    },
    // One question for all. A server that is down tells nothing, so that nothing is said.
    async listLost(stack, state) {
      const wanted = Object.values(state.instances).flatMap(({ ticket, own, started, phase }): [string, string][] => {
        const database = ownDatabase(service, own);
        return database?.made && started && phase === 'ready' ? [[ticket, database.database]] : [];
      });
      if (wanted.length === 0) return [];
      const ask = async () => (await openRecorded({ stack, config: undefined, shared: state.shared }))?.listNames();
      const names = await ifAnswered(ask);
      return names ? wanted.filter(([, database]) => !names.includes(database)) : [];
    },
    listMarked,
    async derive(stack, config, { ticket, own }, { shared }) {
      return (await listMarked(stack, config, shared)).get(ticket) ?? own?.[service];
    },
    async listStrays(stack, state) {
      const found = await askMarks(stack, await configIfReadable(stack), state.shared);
      const strays = found?.marked.filter(({ ticket }) => !Object.hasOwn(state.instances, ticket)) ?? [];
      return strays.map(({ name, ticket }) => ({
        ticket,
        what: `the database ${name}`,
        remove: async () => found?.server.drop(name, { force: false }),
      }));
    },
    // Where somebody is connected who may not be ended it throws; else what stays is told.
    async dropAll(stack, config) {
      const settings = config.shared.services[service];
      if (!settings || resolveShared(service, settings, stack.values).url === undefined) return;
      const server = open(stack, config, {});
      try {
        for (const { name, mark } of await server.listMarked()) {
          if (mark.rootId === stack.rootId) await server.drop(name, { force: true });
        }
      } catch (error) {
        if (!(error instanceof StackError) || error.code === 'conflict') throw error;
        stack.emit({ type: 'warning', text: `what stack made on ${server.where} stays: ${error.message}` });
      }
    },
  };
}

/**
 * Opens the server a recorded ticket's database is on; undefined when it is gone with all its data, or is another than the one
 * that stack.yml names now.
 */
export async function ifRecorded<Server>(
  service: Ownable,
  { stack, config: given, shared, record }: Recorded,
  open: (config: StackConfig | undefined) => Server,
): Promise<Server | undefined> {
  const config = given ?? (await configIfReadable(stack));
  const at = ownDatabase(service, record?.own)?.at;
  if (at !== undefined && at !== placeOf(service, stack, config)) return undefined;
  const { url } = resolveShared(service, config?.shared.services[service] ?? {}, stack.values);
  return url === undefined && !shared[service] ? undefined : open(config);
}
