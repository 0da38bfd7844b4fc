import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import type { Extent } from '../../domain/step.ts';
import { converge } from '../core/converge.ts';
import type { Stack } from '../core/stack.ts';
import { type FillWish, type Work, workOnBaseline } from '../core/work.ts';
import { listWantedTemplates } from '../data/own.ts';
import { planPrerequisites, requireRunnable, reservePrerequisites } from '../prepare/prerequisites.ts';
import { listOwnShared } from '../shared/plan.ts';
import { tellLogins } from '../shared/settings.ts';
import { isBaselineEmpty, listFillCommands } from '../steps/fill.ts';
import { guardUpSteps, listUpSteps, type UpRequest } from '../steps/up.ts';
import { removeOrphans } from '../workloads/orphans.ts';
import { unwind } from './unwind.ts';

export interface UpOptions {
  extent: Exclude<Extent, 'files'>;
  /** Commands that run on the baseline's database, whatever is in it. */
  migrate: boolean;
  seed: boolean;
  /** Asks a person; undefined where nobody is there: an empty database of stack's own is filled then. */
  ask?: ((question: string) => Promise<boolean>) | undefined;
}

/** Starts what tickets share: network, shared services, the baseline's services, whose empty database is filled before. Twice is once. */
export async function bringUp(stack: Stack, { extent, migrate, seed, ask }: UpOptions): Promise<void> {
  const config = await stack.config();
  requireFilling(config, { migrate, seed });
  await stack.requireTrust();
  const state = await stack.store.read();
  const prerequisites = await planPrerequisites(stack, config, state);
  await requireRunnable(stack, config, { prerequisites, services: {}, extent });
  const work = await stack.store.update(async (draft) => {
    const baseline = await reservePrerequisites(stack, config, draft, { ...prerequisites, follow: true });
    return workOnBaseline(stack, config, draft, baseline);
  });
  await removeOrphans(work, config);
  const services = Object.keys(work.baseline?.services ?? {}).filter((name) => name in config.services);
  const shared = listOwnShared(stack, config);
  const bring = async (request: Pick<UpRequest, 'services' | 'templates'>): Promise<void> => {
    const list = () => listUpSteps(work, config, { shared, network: false, extent, ...request });
    const error = await converge(work, () => guardUpSteps(work, list()), {
      unwind: (run) => unwind(work, run, { forget: false }),
    });
    if (error !== undefined) throw error;
  };
  if (listFillCommands(work.record, config).length > 0) {
    // By itself first: when what fills its database fails, or a service that needs it, the server stays.
    work.fill.wish = { migrate: false, seed: false };
    await bring({ services: [], templates: [] });
    work.fill.wish = migrate || seed ? { migrate, seed } : await askToFill(work, config, ask);
  }
  await bring({ services, templates: listWantedTemplates(config, state) });
  tellLogins(stack, config, work.shared);
}

/** Undefined: as it is found. */
async function askToFill(work: Work, config: StackConfig, ask: UpOptions['ask']): Promise<FillWish | undefined> {
  if (!ask || !(await isBaselineEmpty(work, config))) return undefined;
  const commands = listFillCommands(work.record, config).map((command) => `\`${command}\``);
  const yes = await ask(`The baseline's database is empty. Run ${commands.join(', ')}?`);
  return { migrate: yes, seed: yes, ifEmpty: true };
}

/** Throws `config` when a command that was asked for stands in no repo that the baseline has. */
function requireFilling({ repos }: StackConfig, wish: FillWish): void {
  const shared = Object.values(repos).filter((repo) => repo.shared);
  const missing = (['migrate', 'seed'] as const).find(
    (kind) => wish[kind] && shared.every((repo) => repo[kind].length === 0),
  );
  if (missing === undefined) return;
  throw new StackError('config', `no repo that tickets borrow has \`${missing}:\` commands in stack.yml`, {
    hint: `write e.g. \`${missing}: [npm run ${missing}]\` beside the repo's \`shared: true\``,
  });
}
