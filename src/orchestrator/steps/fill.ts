import type { StackConfig } from '../../domain/config/config.ts';
import { addHint, ifAnswered, messageOf, StackError } from '../../domain/errors.ts';
import { dedicatedRepos, FILL_KINDS, type FillKind, type InstanceRecord } from '../../domain/instance.ts';
import { HOST_RUNTIME, type RuntimeName } from '../../domain/runtime.ts';
import type { Step, StepId } from '../../domain/step.ts';
import { halfFilled, noteFilling } from '../core/filling.ts';
import type { FillWish, Work } from '../core/work.ts';
import { listDatabases } from '../data/kinds.ts';
import { observeWorkload } from '../workloads/observe.ts';
import { dropEmpty, findHalf, isBaselineEmpty, isOnOurs, keepEmpty, putEmptyBack } from './half-filled.ts';
import { findHost, isHanded, runRepoCommands, runsOf } from './repo-command.ts';

const NOTHING: FillWish = { migrate: false, seed: false };

/** Returns the baseline's repos whose `migrate:` or `seed:` commands fill its database. */
export function listFilling(baseline: InstanceRecord, config: StackConfig): string[] {
  return dedicatedRepos(baseline).flatMap(([repo]) =>
    FILL_KINDS.some((kind) => (config.repos[repo]?.[kind] ?? []).length > 0) ? [repo] : [],
  );
}

/** Returns the services in whose surroundings those commands run. */
export function listFillHosts(baseline: InstanceRecord, config: StackConfig): string[] {
  const hosts = listFilling(baseline, config).flatMap((repo) =>
    FILL_KINDS.flatMap((kind) => findHost(baseline, config, { repo, kind }) ?? []),
  );
  return [...new Set(hosts)];
}

/** True where what the commands run in is not made for them alone: a ticket that borrows nothing does not wait for an image to be built. */
export function isFillCheap(baseline: InstanceRecord, repos: readonly string[]): boolean {
  return Object.values(baseline.services).every(({ repo, builtImage }) => !repos.includes(repo) || !builtImage);
}

/** Returns what those commands are, as written: `npm run migrate`. */
export function listFillCommands(
  baseline: InstanceRecord,
  config: StackConfig,
  kinds: readonly FillKind[] = FILL_KINDS,
): string[] {
  return kinds.flatMap((kind) =>
    listFilling(baseline, config).flatMap((repo) => (config.repos[repo]?.[kind] ?? []).map(({ shown }) => shown)),
  );
}

/**
 * The `migrate:` and `seed:` commands of the baseline's repos, run in their main checkouts before its services start: when
 * somebody wished for them, when its database is empty, or when they did not come to their end. `needed` tells that a service
 * waits for that; else a failure is a warning.
 */
export function fillStep(work: Work, config: StackConfig, { needed }: { needed: boolean }): Step {
  const repos = listFilling(work.record, config);
  return {
    id: { kind: 'fill' },
    subject: repos.join(', '),
    title: 'migrate and seed commands',
    after: [],
    afterIfListed: [
      ...([{ kind: 'network' }, { kind: 'shared services' }] as const),
      ...Object.keys(work.shared).map((of): StepId => ({ kind: 'embedded', of })),
      ...listFillHosts(work.record, config).flatMap((of): StepId[] => [
        { kind: 'image', of },
        { kind: 'volumes', of },
      ]),
    ],
    async inspect() {
      const { migrate, seed } = await findWish(work, config);
      return migrate || seed ? 'absent' : 'present';
    },
    async apply(progress) {
      const wish = await findWish(work, config);
      try {
        await fill(work, config, wish, progress);
      } catch (error) {
        const isRefused = error instanceof StackError && error.code === 'conflict';
        const again = `\`stack up ${listKinds(repos, config)
          .map((kind) => `--${kind}`)
          .join(' ')}\``;
        if (needed || progress.signal.aborted) {
          const hint = `the baseline's database may be filled in part: ${again} runs these commands again`;
          throw isRefused ? error : addHint(error, hint);
        }
        const next = isRefused ? error.hint : `${again} tries again`;
        const text = `the baseline's database was not filled: ${messageOf(error)}; ${next}`;
        work.stack.emit({ type: 'warning', text });
      }
      work.fill.wish = NOTHING;
    },
    ownedByOther: true,
    async revert() {
      await endRuns(work, repos, [HOST_RUNTIME]);
    },
  };
}

/** Seeds may not run twice on what they made: somebody has to say so. What was begun is in the state until all is done. */
async function fill(
  work: Work,
  config: StackConfig,
  wish: FillWish,
  progress: Parameters<Step['apply']>[0],
): Promise<void> {
  const half = await findHalf(work, config);
  if (half?.left[0] === 'seed' && !work.fill.wish) throw halfFilled(half);
  const fromEmpty = half?.fromEmpty ?? (await keepEmpty(work, config));
  const repos = listFilling(work.record, config);
  if (wish.fromEmpty) {
    const hosts = listFillHosts(work.record, config).flatMap((name) => work.record.services[name]?.runtime ?? []);
    await endRuns(work, repos, [HOST_RUNTIME, ...hosts]);
    await putEmptyBack(work, config);
  }
  const left = listKinds(repos, config).filter((kind) => wish[kind]);
  for (const [done, kind] of left.entries()) {
    await noteFilling(work.stack, { left: left.slice(done), fromEmpty });
    for (const repo of repos) {
      const commands = config.repos[repo]?.[kind] ?? [];
      await runRepoCommands(
        work,
        { repo, service: findHost(work.record, config, { repo, kind }), kind },
        commands,
        progress,
      );
    }
  }
  await noteFilling(work.stack, undefined);
  if (fromEmpty) await dropEmpty(work, config);
}

/** Ends what a command that was killed has left: a container goes on without it. */
async function endRuns(work: Work, repos: readonly string[], runtimes: readonly RuntimeName[]): Promise<void> {
  for (const name of new Set(runtimes)) {
    const runtime = await work.stack.runtime(name);
    for (const repo of repos) await runtime.endRuns?.(runsOf(work, repo));
  }
}

/** Of what there is. */
function listKinds(repos: readonly string[], config: StackConfig): FillKind[] {
  return FILL_KINDS.filter((kind) => repos.some((repo) => (config.repos[repo]?.[kind] ?? []).length > 0));
}

async function findWish(work: Work, config: StackConfig): Promise<FillWish> {
  const { wish } = work.fill;
  if (wish?.ifEmpty && !(await isBaselineEmpty(work, config))) return NOTHING;
  const half = wish && !wish.fromEmpty ? undefined : await findHalf(work, config);
  // Another command may have been quicker.
  if (wish) return wish.fromEmpty && !half ? NOTHING : wish;
  const left = half && listKinds(listFilling(work.record, config), config).filter((kind) => half.left.includes(kind));
  if (left) return { migrate: left.includes('migrate'), seed: left.includes('seed') };
  const isToFill =
    isOnOurs(config) &&
    isLed(work.record, config) &&
    !(await runs(work, config)) &&
    (await isBaselineEmpty(work, config));
  return isToFill ? { migrate: true, seed: true } : NOTHING;
}

/** True where the commands are handed the database: those of another repo would write who knows where. */
function isLed(baseline: InstanceRecord, config: StackConfig): boolean {
  return listFilling(baseline, config).every((repo) => {
    const host = findHost(baseline, config, { repo, kind: 'migrate' });
    return host !== undefined && isHanded(config, host, listDatabases(config));
  });
}

/** Whoever lets a service run on an empty database wants it so. */
async function runs(work: Work, config: StackConfig): Promise<boolean> {
  const repos = listFilling(work.record, config);
  const names = Object.keys(work.record.services).filter((name) =>
    repos.includes(work.record.services[name]?.repo ?? ''),
  );
  const found = await Promise.all(names.map((name) => ifAnswered(() => observeWorkload(work, name))));
  return found.some((status) => status?.state === 'running');
}
