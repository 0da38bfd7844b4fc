import type { InstanceRecord, StackState } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';
import { readHostEnv } from '../workloads/host-env.ts';

/**
 * Returns the variables of a ticket for a program that works in its folder: those of its services, as `stack env` prints them, which no
 * two of them have differently. Throws `config`, `files`.
 */
export async function readTicketEnv(
  stack: Stack,
  state: StackState,
  record: InstanceRecord,
): Promise<Record<string, string>> {
  const services = Object.keys(record.services);
  const found = await Promise.all(services.map((service) => readHostEnv(stack, state, record, service)));
  const all = found.flatMap((env) => Object.entries(env));
  const isOne = ([name, value]: [string, string]): boolean =>
    all.every(([other, its]) => other !== name || its === value);
  return { ...Object.fromEntries(all.filter(isOne)), STACK_TICKET: record.ticket, STACK_ROOT: stack.root };
}
