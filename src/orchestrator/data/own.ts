import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord, OwnRecord, RepoRecord, StackState } from '../../domain/instance.ts';
import { isOwnable, OWNABLE, OWNABLE_WORDS } from '../../domain/own-kinds.ts';
import type { Stack } from '../core/stack.ts';
import { ALL_KINDS, listKinds } from './kinds.ts';

/** What a ticket is to have of its own, besides what the repos it forks ask for. */
export interface OwnPlan {
  ticket: string;
  /** From `--own`. */
  requested: readonly string[];
  repos: Readonly<Record<string, RepoRecord>>;
  /** What it has already, which stays. */
  before?: OwnRecord | undefined;
}

/** Returns what a ticket gets of its own, still without what is leased. Throws `usage`, `config`. */
export function planOwn(stack: Stack, config: StackConfig, plan: OwnPlan): OwnRecord | undefined {
  const names = [...plan.requested.map((name) => checkOwnable(config, name)), ...listFromRepos(config, plan.repos)];
  const own: OwnRecord = { ...plan.before };
  for (const kind of ALL_KINDS)
    if (names.includes(kind.service)) own[kind.service] ??= kind.plan(stack, config, plan.ticket);
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
  for (const kind of listKinds(record.own)) await kind.lease?.(stack, config, draft, record);
}

/**
 * Returns the shared services of which tickets have copies, or get one with some repo that they fork: their templates are worth having
 * early.
 */
export function listWantedTemplates(config: StackConfig, { instances }: Pick<StackState, 'instances'>): string[] {
  const wanted = Object.values(config.repos).flatMap(({ own }) => own);
  const had = Object.values(instances).flatMap(({ own }) => Object.keys(own ?? {}));
  return OWNABLE.filter((name) => name in config.shared.services && [...wanted, ...had].includes(name));
}

function listFromRepos(config: StackConfig, repos: OwnPlan['repos']): string[] {
  return Object.keys(repos).flatMap((repo) =>
    repos[repo]?.mode === 'dedicated' ? (config.repos[repo]?.own ?? []) : [],
  );
}

function checkOwnable(config: StackConfig, name: string): string {
  const why = explainOwn(config, name);
  if (!why) return name;
  const details = isOwnable(name) ? {} : { details: { name, known: OWNABLE } };
  throw new StackError('usage', `--own ${name}: ${why.message}`, { hint: why.hint, ...details });
}

/** Returns why a ticket cannot have its own one of a shared service; undefined where it can. */
export function explainOwn(config: StackConfig, name: string): { message: string; hint: string } | undefined {
  if (!isOwnable(name)) {
    return {
      message: `a ticket can have its own ${OWNABLE_WORDS} only`,
      hint: 'other shared services are told apart by what a ticket puts into them, e.g. by a prefix',
    };
  }
  if (Object.hasOwn(config.shared.services, name)) return undefined;
  return { message: `stack.yml shares no ${name}`, hint: `add \`${name}: {}\` to \`shared:\`` };
}
