import type { StackConfig } from '../../domain/config/config.ts';
import { dedicatedRepos, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import { listOwnDatabases, ownDatabase } from '../../domain/own.ts';
import { findKindFacts, isOwnable } from '../../domain/own-kinds.ts';
import type { Step } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';
import { repoCommandsStep } from './repo-command.ts';

/** The ticket's own repos that have `migrate:` commands. */
function listMigrating(record: InstanceRecord, config: StackConfig): string[] {
  return dedicatedRepos(record).flatMap(([repo]) => ((config.repos[repo]?.migrate ?? []).length > 0 ? [repo] : []));
}

/** True for a ticket with a database of its own which shares none with the others: whatever `migrate:` changes is its own. */
export function hasOwnDatabases({ own }: InstanceRecord, config: StackConfig): boolean {
  const shared = Object.keys(config.shared.services).filter(
    (name) => isOwnable(name) && !findKindFacts(name)?.numbered,
  );
  return listOwnDatabases(own).length > 0 && shared.every((name) => ownDatabase(name, own));
}

/** Migrations run by themselves on a ticket's own database; on the one that all share they run when asked for. */
export function listMigrateSteps(work: Work, config: StackConfig): Step[] {
  if (!hasOwnDatabases(work.record, config) && !work.migrate) return [];
  return listMigrating(work.record, config).map((repo) => repoCommandsStep(work, repo, 'migrate'));
}

/** Says whom migrations on the shared database touch, or that they were left out because of them. */
export function tellMigration(work: Work, config: StackConfig, state: StackState): void {
  const repos = listMigrating(work.record, config);
  if (repos.length === 0 || hasOwnDatabases(work.record, config)) return;
  const { emit } = work.stack;
  const others = Object.values(state.instances)
    .filter((other) => other.ticket !== work.record.ticket && !hasOwnDatabases(other, config))
    .map(({ ticket }) => ticket);
  const all = ['the baseline', ...others].join(', ');
  const what = `the migrate commands of ${repos.join(', ')}`;
  if (work.migrate) emit({ type: 'warning', text: `${what} change the database of ${all}` });
  else emit({ type: 'info', text: `${what} are left out, since the database is that of ${all}; --migrate runs them` });
}
