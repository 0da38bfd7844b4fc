import type { StackConfig } from '../../domain/config/config.ts';
import { addHint, ifAnswered, messageOf } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { HOST_RUNTIME } from '../../domain/runtime.ts';
import type { Step, StepId } from '../../domain/step.ts';
import type { FillWish, Work } from '../core/work.ts';
import { findKind, listDatabases } from '../data/kinds.ts';
import { observeWorkload } from '../workloads/observe.ts';
import { findHost, isHanded, runRepoCommands } from './repo-command.ts';

const KINDS = ['migrate', 'seed'] as const;
const NOTHING: FillWish = { migrate: false, seed: false };

/** Returns the baseline's repos whose `migrate:` or `seed:` commands fill its database. */
export function listFilling(baseline: InstanceRecord, config: StackConfig): string[] {
  return dedicatedRepos(baseline).flatMap(([repo]) =>
    KINDS.some((kind) => (config.repos[repo]?.[kind] ?? []).length > 0) ? [repo] : [],
  );
}

/** Returns the services in whose surroundings those commands run. */
export function listFillHosts(baseline: InstanceRecord, config: StackConfig): string[] {
  const hosts = listFilling(baseline, config).flatMap((repo) =>
    KINDS.flatMap((kind) => findHost(baseline, config, { repo, kind }) ?? []),
  );
  return [...new Set(hosts)];
}

/** True where what the commands run in is not made for them alone: a ticket that borrows nothing does not wait for an image to be built. */
export function isFillCheap(baseline: InstanceRecord, repos: readonly string[]): boolean {
  return Object.values(baseline.services).every(({ repo, builtImage }) => !repos.includes(repo) || !builtImage);
}

/** Returns what those commands are, as written: `npm run migrate`. */
export function listFillCommands(baseline: InstanceRecord, config: StackConfig): string[] {
  return KINDS.flatMap((kind) =>
    listFilling(baseline, config).flatMap((repo) => (config.repos[repo]?.[kind] ?? []).map(({ shown }) => shown)),
  );
}

/**
 * The `migrate:` and `seed:` commands of the baseline's repos, run in their main checkouts before its services start: when
 * somebody wished for them, or when its database is empty. `needed` tells that a service waits for that; else a failure is a warning.
 */
export function fillStep(work: Work, config: StackConfig, { needed }: { needed: boolean }): Step {
  const repos = listFilling(work.record, config);
  const run = async (wish: FillWish, progress: Parameters<Step['apply']>[0]): Promise<void> => {
    for (const kind of KINDS) {
      for (const repo of wish[kind] ? repos : []) {
        const commands = config.repos[repo]?.[kind] ?? [];
        await runRepoCommands(
          work,
          { repo, service: findHost(work.record, config, { repo, kind }), kind },
          commands,
          progress,
        );
      }
    }
  };
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
        await run(wish, progress);
      } catch (error) {
        const again = `\`stack up ${listFlags(repos, config).join(' ')}\``;
        if (needed || progress.signal.aborted)
          throw addHint(error, `the baseline's database may be filled in part: ${again} runs these commands again`);
        const text = `the baseline's database was not filled: ${messageOf(error)}; ${again} tries again`;
        work.stack.emit({ type: 'warning', text });
      }
      work.fill.wish = NOTHING;
    },
    ownedByOther: true,
    async revert() {
      const runtime = await work.stack.runtime(HOST_RUNTIME);
      for (const repo of repos) await runtime.endRuns?.({ instance: work.record.ticket, repo });
    },
  };
}

/** `--migrate`, `--seed`: of what there is. */
function listFlags(repos: readonly string[], config: StackConfig): string[] {
  return KINDS.filter((kind) => repos.some((repo) => (config.repos[repo]?.[kind] ?? []).length > 0)).map(
    (kind) => `--${kind}`,
  );
}

async function findWish(work: Work, config: StackConfig): Promise<FillWish> {
  const { wish } = work.fill;
  if (wish) return wish.ifEmpty && !(await isBaselineEmpty(work, config)) ? NOTHING : wish;
  // What is on a server of the team's, people decide.
  const isOurs = listDatabases(config).every((name) => config.shared.services[name]?.url === undefined);
  const isToFill =
    isOurs && isLed(work.record, config) && !(await runs(work, config)) && (await isBaselineEmpty(work, config));
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

/** True when the databases that the stack shares are there, and have nothing in them. */
export async function isBaselineEmpty(work: Work, config: StackConfig): Promise<boolean> {
  const asked = listDatabases(config).map((name) => ifAnswered(async () => findKind(name)?.isEmpty?.(work, config)));
  const found = await Promise.all(asked);
  return found.length > 0 && found.every((empty) => empty === true);
}
