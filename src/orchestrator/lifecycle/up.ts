import { converge } from '../core/converge.ts';
import type { Stack } from '../core/stack.ts';
import { workOnBaseline } from '../core/work.ts';
import { wantsTemplate } from '../data/own.ts';
import { planGround, requireRunnable, reserveGround } from '../prepare/prerequisites.ts';
import { listOwnShared } from '../shared/plan.ts';
import { tellLogins } from '../shared/settings.ts';
import { guardUpSteps, listUpSteps } from '../steps/up.ts';
import { removeDropped } from '../workloads/orphans.ts';
import { unwind } from './unwind.ts';

/** Starts what tickets share: network, shared services, the baseline's services. Twice is once. */
export async function bringUp(stack: Stack, extent: 'started' | 'ready'): Promise<void> {
  const config = await stack.config();
  await stack.requireTrust();
  const ground = await planGround(stack, config, await stack.store.read());
  await requireRunnable(stack, config, { ground, services: {}, extent });
  const work = await stack.store.update(async (draft) => {
    const baseline = await reserveGround(stack, config, draft, { ...ground, follow: true });
    return workOnBaseline(stack, config, draft, baseline);
  });
  await removeDropped(work, config);
  const services = Object.keys(work.baseline?.services ?? {}).filter((name) => name in config.services);
  const shared = listOwnShared(stack, config);
  const wish = { services, shared, network: false, template: wantsTemplate(config), extent };
  const error = await converge(work, () => guardUpSteps(work, listUpSteps(work, config, wish)), {
    unwind: (run) => unwind(work, run, { forget: false }),
  });
  if (error !== undefined) throw error;
  tellLogins(stack, config, work.shared);
}
