import type { Context } from '../../context.ts';
import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';

/** Returns the service named; else the one whose folder we are in; else the only one. Throws `usage`. */
export async function pickService(context: Context, record: InstanceRecord, named: readonly string[]): Promise<string> {
  if (named.length > 1) throw new StackError('usage', `one service at a time, not ${named.join(', ')}`);
  const [service] = named;
  if (service !== undefined) return service;
  const [{ findPlace }, stack] = await Promise.all([import('../../orchestrator/workloads/place.ts'), context.stack()]);
  const names = Object.keys(record.services);
  const here = await findPlace(stack, record, context.host.cwd);
  if (here.service !== null) return here.service;
  const local = names.filter((name) => record.services[name]?.repo === here.repo);
  const [only, ...others] = local.length > 0 ? local : names;
  if (only !== undefined && others.length === 0) return only;
  throw new StackError('usage', 'which service?', {
    hint: `${record.ticket} has ${names.join(', ') || 'none of its own'}`,
  });
}
