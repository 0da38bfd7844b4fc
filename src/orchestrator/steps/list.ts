import type { StackConfig } from '../../domain/config/config.ts';
import { dedicatedRepos, requireDedicated } from '../../domain/instance.ts';
import { traitsOf } from '../../domain/runtime.ts';
import { type Extent, type Step, type StepId, stepName } from '../../domain/step.ts';
import type { Work } from '../core/work.ts';
import { listKinds } from '../data/kinds.ts';
import { listOwnShared } from '../shared/plan.ts';
import { adoptedStep } from './adopted.ts';
import { copyStep } from './copy.ts';
import { envFileStep } from './env-file.ts';
import { folderStep } from './folder.ts';
import { logsStep } from './logs.ts';
import { listMigrateSteps } from './migrate.ts';
import { repoCommandsStep } from './repo-command.ts';
import { listSavedFilesSteps, listSavedWorkSteps } from './saved-work.ts';
import { listPrerequisiteSteps, listServiceSteps } from './service.ts';
import { guardUpSteps, listUpSteps } from './up.ts';
import { worktreeStep } from './worktree.ts';

/**
 * Everything a ticket is made of, in order; the stack's own parts that it stands on come first. Of services the named
 * ones only, where some are named.
 */
export function listTicketSteps(work: Work, config: StackConfig, extent: Extent, only?: readonly string[]): Step[] {
  const { record } = work;
  const setUp = dedicatedRepos(record)
    .map(([repo]) => repo)
    .filter((repo) => (config.repos[repo]?.setup ?? []).length > 0);
  const starts = extent !== 'files';
  const migrations = starts ? listMigrateSteps(work, config) : [];
  // Commands that are still to run do so in a service's image, also where that service is not to be started.
  const toSetUp = setUp.filter((repo) => !starts || !requireDedicated(record, repo).setUp);
  const toMigrate = migrations
    .flatMap(({ id }) => id.of ?? [])
    .filter((repo) => !requireDedicated(record, repo).migrated);
  const prerequisites = [...toSetUp, ...toMigrate].flatMap((repo) => listSetupPrerequisites(work, repo));
  const services = starts ? listServices(work, config, extent, only) : [];
  const steps = [...new Map([...services, ...prerequisites].map((step) => [stepName(step.id), step])).values()];
  const needsNetwork = Object.values(record.services).some((service) => traitsOf(service).network) && steps.length > 0;
  const borrowed = starts ? listBorrowed(work, config) : [];
  const shared = starts ? listOwnShared(work.stack, config) : [];
  const templates = starts ? Object.keys(record.own ?? {}) : [];
  return [
    ...guardUpSteps(
      work,
      listUpSteps(work, config, { services: borrowed, shared, network: needsNetwork, templates, extent }),
    ),
    ...listFileSteps(work),
    ...(starts ? listOwnSteps(work) : []),
    ...setUp.map((repo) => repoCommandsStep(work, repo, 'setup')),
    ...migrations,
    ...steps,
  ];
}

/** Everything of a ticket that destroy takes apart, told from its record alone. */
export function listRecordedSteps(work: Work): Step[] {
  const { started } = work.record;
  const services = started ? [...listOwnSteps(work), ...listServices(work, undefined, 'started')] : [];
  const setUp = dedicatedRepos(work.record).map(([repo]) => repoCommandsStep(work, repo, 'setup'));
  const logs = logsStep(work);
  // What runs writes there until it has ended.
  const writers = [...setUp, ...services].map((step) => ({ ...step, after: [...step.after, logs.id] }));
  return [...listFileSteps(work), logs, ...writers];
}

const FILE_KINDS: readonly StepId['kind'][] = [
  ...(['folder', 'saved-files', 'worktree', 'saved-work', 'copy', 'env-file', 'setup'] as const),
];

/** True for the steps that make what people work in: worktrees and what is in them. */
export function isFileStep({ id }: Step): boolean {
  return FILE_KINDS.includes(id.kind);
}

/** What the ticket has of its own of the shared services. */
function listOwnSteps(work: Work): Step[] {
  return listKinds(work.record.own).map((kind) => kind.step(work));
}

function listFileSteps(work: Work): Step[] {
  const repos = dedicatedRepos(work.record).flatMap(([repo, { envFiles, adopted }]) => [
    adopted ? adoptedStep(work, repo) : worktreeStep(work, repo),
    ...listSavedWorkSteps(work, repo),
    copyStep(work, repo),
    ...(envFiles.length > 0 ? [envFileStep(work, repo)] : []),
  ]);
  return [folderStep(work), ...listSavedFilesSteps(work), ...repos];
}

function listServices(work: Work, config: StackConfig | undefined, extent: Extent, only?: readonly string[]): Step[] {
  // Without a config all that is recorded; with one, what stack.yml has dropped is left for destroy.
  const names = Object.keys(work.record.services).filter((name) => !config || name in config.services);
  const meant = only ? names.filter((name) => only.includes(name)) : names;
  return meant.flatMap((service) => listServiceSteps(work, config, service, extent));
}

/** Returns services and all that they depend on. */
export function withDependencies(config: StackConfig, names: readonly string[]): string[] {
  const found = new Set(names);
  // A set is gone through to its end, what is added meanwhile included.
  for (const name of found) for (const other of config.services[name]?.dependsOn ?? []) found.add(other);
  return [...found];
}

/** Setup commands run in the surroundings of their repo's first service. */
function listSetupPrerequisites(work: Work, repo: string): Step[] {
  const first = Object.entries(work.record.services).find(([, service]) => service.repo === repo)?.[0];
  return first === undefined ? [] : listPrerequisiteSteps(work, first);
}

/** Returns the baseline's services in the repos that the ticket borrows. */
function listBorrowed({ record, baseline }: Work, config: StackConfig): string[] {
  return Object.entries(baseline?.services ?? {}).flatMap(([name, { repo }]) =>
    record.repos[repo]?.mode === 'shared' && name in config.services ? [name] : [],
  );
}
