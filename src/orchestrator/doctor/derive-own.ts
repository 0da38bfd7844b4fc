import path from 'node:path';
import { isThere, readFileIfThere } from '../../adapters/files/files.ts';
import { listMarked } from '../../adapters/postgres/databases.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { readEnvBlock } from '../../domain/env-block.ts';
import type { InstanceRecord, OwnRecord, OwnServer, SharedLease, StackState } from '../../domain/instance.ts';
import { POSTGRES, REDIS } from '../../domain/own.ts';
import { resolveShared } from '../../domain/shared.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { openPostgres } from '../data/postgres.ts';
import { describeOwnServer } from '../data/redis.ts';
import { ownFolder } from '../data/redis-server.ts';
import { placeOf } from '../shared/place.ts';
import type { Evidence } from './evidence.ts';
import type { Finding } from './finding.ts';

type SharedLeases = Readonly<Record<string, SharedLease>>;

/**
 * Gives a record that was derived from worktrees with what the ticket has of its own: its database says so in its comment, its
 * number of Redis is in its env files, a server is known by its container and its folder. Never throws; what cannot be asked is
 * left out.
 */
export async function withOwn(
  stack: Stack,
  config: StackConfig,
  record: InstanceRecord,
  { shared, evidence }: { shared: SharedLeases; evidence: Evidence },
): Promise<InstanceRecord> {
  const [databases, number, server] = await Promise.all([
    listOwned(stack, config, shared),
    readNumber(stack, config, record),
    findServer(stack, record.ticket, { shared, evidence }),
  ]);
  const database = databases.get(record.ticket);
  // A number that nothing of the ticket has run with may hold somebody's keys: the next start looks.
  const checked = evidence.workloads.some(({ instance }) => instance === record.ticket);
  const own: OwnRecord = {
    ...(number !== undefined && { redis: { number, ...(checked && { checked, at: placeOf(REDIS, stack, config) }) } }),
    ...record.own,
    ...(server && { redis: { number: 0, checked: true, server } }),
    ...(database && { postgres: database }),
  };
  return Object.keys(own).length > 0 ? { ...record, own } : record;
}

/** Finds databases of tickets whose records do not know of them: a destroy would leave them. */
export async function examineOwned(stack: Stack, state: StackState): Promise<Finding[]> {
  const config = await configIfReadable(stack);
  const databases = config ? await listOwned(stack, config, state.shared) : new Map<string, OwnedDatabase>();
  return [...databases].flatMap(([ticket, own]) => {
    const record = Object.hasOwn(state.instances, ticket) ? state.instances[ticket] : undefined;
    return record?.phase === 'ready' && !record.own?.postgres ? [offerDatabase(stack, record, own)] : [];
  });
}

type OwnedDatabase = NonNullable<OwnRecord['postgres']>;

function offerDatabase(stack: Stack, { ticket, createdAt: since }: InstanceRecord, own: OwnedDatabase): Finding {
  return {
    subject: ticket,
    ok: false,
    text: `the database ${own.database} is its own, and its record does not say so`,
    hint: '`stack doctor --fix` asks about it',
    fix: {
      question: `Note that ${ticket} has the database ${own.database} of its own?`,
      async run() {
        await stack.store.update((draft) => {
          const record = draft.instances[ticket];
          // It may have been destroyed meanwhile, and made again without.
          if (record?.createdAt === since) record.own = { postgres: own, ...record.own };
        });
        return `${ticket} has ${own.database} again; \`stack start ${ticket}\` wires it`;
      },
    },
  };
}

/** Gives the databases of tickets by what their comments say; none where the server does not answer. */
async function listOwned(stack: Stack, config: StackConfig, shared: SharedLeases): Promise<Map<string, OwnedDatabase>> {
  if (!config.shared.services[POSTGRES]) return new Map();
  try {
    const server = openPostgres(stack, config, shared);
    const marked = await server.admin(listMarked);
    const at = placeOf(POSTGRES, stack, config);
    return new Map(
      marked.flatMap(({ name, mark: { kind, rootId, ticket } }) =>
        kind === 'ticket' && rootId === stack.rootId && ticket !== undefined
          ? [[ticket, { database: name, from: server.baseline, made: true, at }] as const]
          : [],
      ),
    );
  } catch {
    return new Map();
  }
}

async function findServer(
  stack: Stack,
  ticket: string,
  { shared, evidence }: { shared: SharedLeases; evidence: Evidence },
): Promise<OwnServer | undefined> {
  const container = evidence.workloads.find(
    ({ instance, service, runtime }) => instance === ticket && service === REDIS && runtime === 'docker',
  );
  if (!container && !(await isThere(path.join(ownFolder(stack, ticket), REDIS)))) return undefined;
  const provider = container ? 'compose' : (shared[REDIS]?.provider ?? 'embedded');
  return { ...describeOwnServer(stack, ticket, provider), port: container?.ports[0]?.host };
}

/** Gives the numbered database that a ticket's env files lead to; undefined where that is the baseline's. */
async function readNumber(
  stack: Stack,
  config: StackConfig,
  { repos, services }: InstanceRecord,
): Promise<number | undefined> {
  const baseline = Number(resolveShared(REDIS, config.shared.services[REDIS] ?? {}, stack.values).database ?? 0);
  const numbers = await Promise.all(
    Object.entries(services).map(async ([name, { repo }]) => {
      const settings = config.services[name];
      const copy = repos[repo];
      if (!settings || copy?.mode !== 'dedicated') return [];
      const file = path.join(copy.worktree, settings.dir, config.repos[repo]?.envFile ?? '');
      const values = readEnvBlock((await readFileIfThere(file).catch(() => undefined)) ?? '') ?? {};
      return Object.entries(settings.env).map(([key, template]) => numberIn(template, values[key] ?? ''));
    }),
  );
  return numbers.flat().find((number) => number !== undefined && number !== baseline);
}

function numberIn(template: string, value: string): number | undefined {
  const found = template === '${redis.url}' ? /^rediss?:.*\/(\d+)$/.exec(value)?.[1] : value;
  const isNumber = (template === '${redis.url}' || template === '${redis.db}') && /^\d+$/.test(found ?? '');
  return isNumber ? Number(found) : undefined;
}
