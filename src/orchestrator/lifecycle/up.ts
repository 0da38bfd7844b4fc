import { converge } from '../core/converge.ts';
import type { Stack } from '../core/stack.ts';
import { workOnBaseline } from '../core/work.ts';
import { listWantedTemplates } from '../data/own.ts';
import { planPrerequisites, requireRunnable, reservePrerequisites } from '../prepare/prerequisites.ts';
import { listOwnShared } from '../shared/plan.ts';
import { tellLogins } from '../shared/settings.ts';
import { guardUpSteps, listUpSteps } from '../steps/up.ts';
import { removeOrphans } from '../workloads/orphans.ts';
import { unwind } from './unwind.ts';

/** Starts what tickets share: network, shared services, the baseline's services. Twice is once. */
export async function bringUp(stack: Stack, extent: 'started' | 'ready'): Promise<void> {
  const config = await stack.config();
  await stack.requireTrust();
  const prerequisites = await planPrerequisites(stack, config, await stack.store.read());
  await requireRunnable(stack, config, { prerequisites, services: {}, extent });
  const work = await stack.store.update(async (draft) => {
    const baseline = await reservePrerequisites(stack, config, draft, { ...prerequisites, follow: true });
    return workOnBaseline(stack, config, draft, baseline);
  });
  await removeOrphans(work, config);
  const services = Object.keys(work.baseline?.services ?? {}).filter((name) => name in config.services);
  const shared = listOwnShared(stack, config);
  const request = { services, shared, network: false, templates: listWantedTemplates(config), extent };
  const error = await converge(work, () => guardUpSteps(work, listUpSteps(work, config, request)), {
    unwind: (run) => unwind(work, run, { forget: false }),
  });
  if (error !== undefined) throw error;
  tellLogins(stack, config, work.shared);
}
