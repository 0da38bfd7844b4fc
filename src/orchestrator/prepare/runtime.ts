import { isThere } from '../../adapters/files/files.ts';
import { ENGINE_RUNTIME, HOST_RUNTIME, type RuntimeName } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { embeddedFolder } from '../shared/plan.ts';

/** What runs services, with the reason in words a person can act on. */
export interface RuntimeChoice {
  name: RuntimeName;
  why: string;
}

/**
 * Returns the runtime to use: `auto` is docker where an engine answers, else process; and process where the
 * shared data is that of embedded servers, which containers cannot reach.
 */
export async function chooseRuntime(stack: Stack, requested: RuntimeName | 'auto'): Promise<RuntimeChoice> {
  if (requested !== 'auto') return { name: requested, why: 'asked for' };
  const embedded = await listEmbedded(stack);
  if (embedded.length > 0) {
    return {
      name: HOST_RUNTIME,
      why: `${embedded.join(' and ')} of this stack ${embedded.length > 1 ? 'are' : 'is'} embedded`,
    };
  }
  const check = await stack.checkEngine();
  return check.ok
    ? { name: ENGINE_RUNTIME, why: `an engine answers at ${check.where}` }
    : { name: HOST_RUNTIME, why: check.reason };
}

async function listEmbedded(stack: Stack): Promise<string[]> {
  const { shared } = await stack.config();
  const auto = Object.keys(shared.services).filter((name) => (shared.services[name]?.provider ?? 'auto') === 'auto');
  const found = await Promise.all(
    auto.map(async (name) => ((await isThere(embeddedFolder(stack, name))) ? [name] : [])),
  );
  return found.flat();
}
