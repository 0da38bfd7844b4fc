import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord, OwnRecord, RepoRecord, StackState } from '../../domain/instance.ts';
import { OWN_REDIS, OWNABLE, type Ownable, REDIS, ticketDatabase } from '../../domain/own.ts';
import { resolveShared } from '../../domain/shared.ts';
import type { Stack } from '../core/stack.ts';
import { openPostgres } from './postgres.ts';
import { isolationOf, leaseRedis, leaseServerPort } from './redis.ts';

/** What a ticket is to have of its own, besides what the repos it forks ask for. */
export interface OwnPlan {
  ticket: string;
  /** From `--own`. */
  wishes: readonly string[];
  repos: Readonly<Record<string, RepoRecord>>;
  /** What it has already, which stays. */
  before?: OwnRecord | undefined;
}

/** Gives what a ticket gets of its own, still without what is leased. Throws `usage`, `config`. */
export function planOwn(stack: Stack, config: StackConfig, plan: OwnPlan): OwnRecord | undefined {
  const names = [...plan.wishes.map((name) => checkWish(config, name)), ...listRepoWishes(config, plan.repos)];
  const own: OwnRecord = { ...plan.before };
  // The number is leased when the ticket is written down.
  if (names.includes(REDIS)) own.redis ??= planRedis(stack, config);
  if (names.includes('postgres')) own.postgres ??= planDatabase(stack, config, plan.ticket);
  return Object.keys(own).length > 0 ? own : undefined;
}

/**
 * Leases what a ticket's own things still lack. Call it with the state lock held. Throws `conflict` when all are taken,
 * `port`.
 */
export async function leaseOwn(
  stack: Stack,
  config: StackConfig,
  draft: StackState,
  record: InstanceRecord,
): Promise<void> {
  const redis = record.own?.redis;
  if (!record.own || !redis) return;
  if (redis.server) {
    // A server of an older stack may have none, where the shared one has none.
    await stack.ownPasswords({ make: OWN_REDIS });
    redis.server.port ??= await leaseServerPort(stack, draft, record);
  } else if (redis.number === 0) record.own.redis = await leaseRedis(stack, config, draft, record);
}

/** True when every ticket that forks some repo gets a database of its own: its template is then worth having early. */
export function wantsTemplate(config: StackConfig): boolean {
  return Object.values(config.repos).some(({ own }) => own.includes('postgres'));
}

function listRepoWishes(config: StackConfig, repos: OwnPlan['repos']): string[] {
  return Object.keys(repos).flatMap((repo) =>
    repos[repo]?.mode === 'dedicated' ? (config.repos[repo]?.own ?? []) : [],
  );
}

function checkWish(config: StackConfig, name: string): string {
  if (!OWNABLE.includes(name as Ownable)) {
    throw new StackError('usage', `--own ${name}: a ticket can have its own ${OWNABLE.join(' or ')} only`, {
      hint: 'other shared services are told apart by what a ticket puts into them, e.g. by a prefix',
      details: { name, known: OWNABLE },
    });
  }
  if (!Object.hasOwn(config.shared.services, name)) {
    throw new StackError('usage', `--own ${name}: stack.yml shares no ${name}`, {
      hint: `add \`${name}: {}\` to \`shared:\``,
    });
  }
  return name;
}

/** Says what is wrong in the settings, before anything is made. */
function planRedis(stack: Stack, config: StackConfig): OwnRecord['redis'] {
  isolationOf(stack, config);
  return { number: 0 };
}

function planDatabase(stack: Stack, config: StackConfig, ticket: string): OwnRecord['postgres'] {
  const { database, url } = resolveShared('postgres', config.shared.services.postgres ?? {}, stack.values);
  // Says what is missing in the settings, before anything is made.
  if (!database) openPostgres(stack, config, {});
  const from = database ?? '';
  return { database: ticketDatabase(from, ticket, stack.rootId, url !== undefined), from };
}
