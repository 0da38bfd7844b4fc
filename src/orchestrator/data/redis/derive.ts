import path from 'node:path';
import { ifReadable } from '../../../adapters/files/file-errors.ts';
import { isThere, readFileIfThere } from '../../../adapters/files/files.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { readEnvBlock } from '../../../domain/env-block.ts';
import type { InstanceRecord, OwnServer } from '../../../domain/instance.ts';
import type { WorkloadStatus } from '../../../domain/runtime.ts';
import { resolveShared } from '../../../domain/shared.ts';
import type { Stack } from '../../core/stack.ts';
import { ownFolder } from '../own-folder.ts';
import type { SharedLeases } from '../own-kind.ts';
import { describeOwnServer, REDIS } from './redis.ts';

/** Returns the server that a ticket has for itself, known by its container and its folder. */
export async function findServer(
  stack: Stack,
  ticket: string,
  { shared, workloads }: { shared: SharedLeases; workloads: readonly WorkloadStatus[] },
): Promise<OwnServer | undefined> {
  const container = workloads.find(({ instance, service }) => instance === ticket && service === REDIS);
  if (!container && !(await isThere(path.join(ownFolder(stack, ticket), REDIS)))) return undefined;
  const provider = container ? 'compose' : (shared[REDIS]?.provider ?? 'embedded');
  return { ...describeOwnServer(stack, ticket, provider), port: container?.ports[0]?.host };
}

/** Returns the numbered database that a ticket's env files lead to; undefined where that is the baseline's. */
export async function readNumber(
  stack: Stack,
  config: StackConfig,
  { repos, services }: InstanceRecord,
): Promise<number | undefined> {
  const baseline = Number(resolveShared(REDIS, config.shared.services[REDIS] ?? {}, stack.values).database ?? 0);
  const numbers = await Promise.all(
    Object.entries(services).map(async ([name, { repo }]) => {
      const settings = config.services[name];
      const copy = repos[repo];
      if (!settings || copy?.mode !== 'dedicated') return [];
      const file = path.join(copy.worktree, settings.dir, config.repos[repo]?.envFile ?? '');
      const values = readEnvBlock((await ifReadable(readFileIfThere(file))) ?? '') ?? {};
      return Object.entries(settings.env).map(([key, template]) => numberIn(template, values[key] ?? ''));
    }),
  );
  return numbers.flat().find((number) => number !== undefined && number !== baseline);
}

function numberIn(template: string, value: string): number | undefined {
  const found = template === '${redis.url}' ? /^rediss?:.*\/(\d+)$/.exec(value)?.[1] : value;
  const isNumber = (template === '${redis.url}' || template === '${redis.db}') && /^\d+$/.test(found ?? '');
  return isNumber ? Number(found) : undefined;
}
