import { type ErrorCode, StackError } from '../../../domain/errors.ts';
import { dedicatedRepos } from '../../../domain/instance.ts';
import type { Stack } from '../../core/stack.ts';
import { startInstance } from '../../lifecycle/start.ts';
import { hasOwnDatabases } from '../../steps/migrate.ts';
import type { SyncedRepo } from './plan.ts';

/** What was run for the news of a ticket. */
export interface SetUp {
  /** Repos whose set-up and migrations ran, and those whose env files were written again. */
  setUp: string[];
  migrated: string[];
  env: string[];
  /** What is left to a person, a line each. */
  notes: string[];
  /** Why it did not come to its end; what is left is run by the same command, or `stack start`. */
  error?: { code: ErrorCode; message: string; hint?: string | undefined; lines?: readonly string[] | undefined };
}

/** Notes before its files move what of a ticket has to run again. What comes to nothing is run once too often at worst. Throws `state`. */
export async function noteStale(stack: Stack, ticket: string, news: Record<string, SyncedRepo>): Promise<void> {
  await stack.store.update((draft) => {
    const record = draft.instances[ticket];
    for (const [repo, own] of record ? dedicatedRepos(record) : []) {
      const { lockfiles = [], migrations = [] } = news[repo]?.changed ?? {};
      if (lockfiles.length > 0) own.setUp = false;
      if (migrations.length > 0) own.migrated = false;
    }
  });
}

/**
 * Runs what the news of a ticket ask for, and what an earlier run has not come to: `setup:` where a lockfile changed, `migrate:` on data of
 * its own where migrations did; env files are written again. No service is started, ended or started again. Returns what ran; undefined
 * where nothing was to. Throws a fault of stack alone.
 */
export async function setUpNews(
  stack: Stack,
  ticket: string,
  repos: Record<string, SyncedRepo>,
): Promise<SetUp | undefined> {
  const [config, { instances }] = [await stack.config(), await stack.store.read()];
  const record = instances[ticket];
  if (!record) return undefined;
  const has = (repo: string, what: 'setup' | 'migrate'): boolean => (config.repos[repo]?.[what] ?? []).length > 0;
  const stale = dedicatedRepos(record);
  const toSetUp = stale.flatMap(([repo, own]) => (!own.setUp && has(repo, 'setup') ? [repo] : []));
  const late = stale.flatMap(([repo, own]) => (own.migrated === false && has(repo, 'migrate') ? [repo] : []));
  const migrates = hasOwnDatabases(record, config);
  const env = Object.entries(repos).flatMap(([repo, { changed }]) => (changed && changed.env.length > 0 ? [repo] : []));
  const migrated = migrates ? late : [];
  const shared = late.length > 0 && !migrates;
  const touched = [...new Set([...toSetUp, ...migrated])];
  const running = record.started
    ? Object.entries(record.services).filter(([, { repo }]) => touched.includes(repo))
    : [];
  const notes = [
    ...(shared
      ? [`the database of ${late.join(', ')} is not its own: \`stack start ${ticket} --migrate\` runs its migrations`]
      : []),
    ...(running.length > 0
      ? [
          `what runs still has what it began with: \`stack restart ${ticket} ${running.map(([name]) => name).join(' ')}\``,
        ]
      : []),
  ];
  if (touched.length + env.length === 0) return shared ? { setUp: [], migrated: [], env: [], notes } : undefined;
  try {
    const extent = migrated.length > 0 ? 'started' : 'files';
    await startInstance(stack, ticket, { extent, rebuild: false, keep: true, services: 'as they are' });
    return { setUp: toSetUp, migrated, env, notes };
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const { code, message, hint, lines } = error;
    return { setUp: [], migrated: [], env: [], notes: [], error: { code, message, hint, lines } };
  }
}
