import { StackError } from '../../domain/errors.ts';
import { type InstanceRecord, isBorrowed, requireService, type StackState } from '../../domain/instance.ts';
import type { WorkloadState } from '../../domain/runtime.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { observeWorkload } from '../workloads/observe.ts';

/** Where a service of a ticket is reached. */
export interface Address {
  /** The ticket that was meant. */
  ticket: string;
  /** The instance whose service it is: the baseline where the ticket borrows it. */
  instance: string;
  service: string;
  url: string;
  status: WorkloadState;
}

/**
 * Returns the address of a service of a ticket, the baseline’s where it is borrowed; without a name of the one that people look at:
 * the first that no other service’s settings lead to. Throws `not-found`, `usage`, `engine`.
 */
export async function findAddress(
  stack: Stack,
  { state, record }: { state: StackState; record: InstanceRecord },
  named: string | undefined,
): Promise<Address> {
  const { baseline } = state;
  const service = named ?? (await chooseService(stack, record));
  const owner = baseline && isBorrowed(record, baseline, service) ? baseline : record;
  const url = urlOf(owner, service);
  if (url === undefined) {
    throw new StackError('usage', `${service} has no port that could be opened`, {
      hint: 'name another service, or give it `ports:` in stack.yml',
    });
  }
  const found = await observeWorkload({ stack, record: owner }, service);
  const status = found?.state ?? 'stopped';
  return { ticket: record.ticket, instance: owner.ticket, service, url, status };
}

function urlOf(record: InstanceRecord, service: string): string | undefined {
  const [port] = Object.values(requireService(record, service).ports);
  return port && `http://localhost:${port.host}`;
}

async function chooseService(stack: Stack, record: InstanceRecord): Promise<string> {
  const config = await configIfReadable(stack);
  const names = Object.keys(record.services).filter((name) => urlOf(record, name) !== undefined);
  const settings = Object.entries(config?.services ?? {});
  const isLedTo = (name: string): boolean =>
    settings.some(
      ([other, { env }]) => other !== name && Object.values(env).some((text) => text.includes(`\${${name}.`)),
    );
  const chosen = names.find((name) => !isLedTo(name)) ?? names[0];
  if (chosen !== undefined) return chosen;
  throw new StackError('usage', `${record.ticket} has no service with a port of its own`, {
    hint: 'name one that it borrows: `stack open TICKET SERVICE`',
  });
}
