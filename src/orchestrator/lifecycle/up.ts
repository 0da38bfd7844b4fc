import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import { FILL_KINDS, type Filling } from '../../domain/instance.ts';
import type { Extent } from '../../domain/step.ts';
import { converge } from '../core/converge.ts';
import { noteFilling } from '../core/filling.ts';
import type { Stack } from '../core/stack.ts';
import { type FillWish, type Work, workOnBaseline } from '../core/work.ts';
import { listWantedTemplates } from '../data/own.ts';
import { planPrerequisites, requireRunnable, reservePrerequisites } from '../prepare/prerequisites.ts';
import { listOwnShared } from '../shared/plan.ts';
import { tellLogins } from '../shared/settings.ts';
import { listFillCommands } from '../steps/fill.ts';
import { findHalf, isBaselineEmpty } from '../steps/half-filled.ts';
import { guardUpSteps, isUpAtWork, listUpSteps, type UpRequest } from '../steps/up.ts';
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
  } else await noteFilling(stack, undefined);
  await bring({ services, templates: listWantedTemplates(config, state) });
  tellLogins(stack, config, work.shared);
}

/** Undefined: as it is found. A no leaves the database as it is. */
async function askToFill(work: Work, config: StackConfig, ask: UpOptions['ask']): Promise<FillWish | undefined> {
  if (!ask) return undefined;
  // What another command is at is not cut off.
  const half = (await isUpAtWork(work.stack)) ? undefined : await findHalf(work, config);
  const isSeeding = half?.left[0] === 'seed';
  if (!isSeeding && !(await isBaselineEmpty(work, config))) return undefined;
  const kinds = isSeeding && !half.fromEmpty ? (['seed'] as const) : FILL_KINDS;
  const commands = listFillCommands(work.record, config, kinds).map((command) => `\`${command}\``);
  const yes = await ask(`The baseline's database is ${describe(half)} ${commands.join(', ')}?`);
  if (!yes) await noteFilling(work.stack, undefined);
  if (!isSeeding) return { migrate: yes, seed: yes, ifEmpty: true };
  return { migrate: yes && half.fromEmpty, seed: yes, fromEmpty: yes && half.fromEmpty };
}

function describe(half: Filling | undefined): string {
  if (half?.left[0] !== 'seed') return 'empty. Run';
  return half.fromEmpty ? 'filled in part. Empty it and run' : 'filled in part. On what is there, run';
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
