import type { StackConfig } from '../../domain/config/config.ts';
import { StackError, tolerate } from '../../domain/errors.ts';
import { listRecords, type RepoRecord, type ServiceRecord } from '../../domain/instance.ts';
import { fittingLeases } from '../../domain/leases.ts';
import { builtImageName, networkAlias, volumeName, workloadName } from '../../domain/names.ts';
import { RUNTIMES } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { chooseRuntime } from './runtime.ts';

/** Returns records, still without leases, for the services that run out of the record's own repos. */
export async function planServices(
  stack: Stack,
  config: StackConfig,
  instance: string,
  repos: Record<string, RepoRecord>,
): Promise<Record<string, ServiceRecord>> {
  // Doctor plans what is to stand in the state that is lost.
  const state = await tolerate(stack.store.read(), 'state');
  const records = state ? listRecords(state) : [];
  const own = Object.entries(config.services).filter(([, settings]) => repos[settings.repo]?.mode === 'dedicated');
  const planned = await Promise.all(
    own.map(async ([name, settings]): Promise<[string, ServiceRecord]> => {
      const { name: runtime } = await chooseRuntime(stack, settings.runtime);
      const { images } = RUNTIMES[runtime];
      const isNew = records.every((record) => record.services[name]?.runtime !== runtime);
      if (!images) checkProcess(stack, config, { name, isNew });
      const volumes = Object.keys(settings.volumes).map((key) => [
        key,
        volumeName(stack.name, stack.rootId, instance, name, key),
      ]);
      return [
        name,
        {
          repo: settings.repo,
          runtime,
          workload: workloadName(stack.name, stack.rootId, instance, name),
          alias: networkAlias(name, instance),
          ports: {},
          volumes: images ? Object.fromEntries(volumes) : {},
          ...(settings.build && images ? { builtImage: builtImageName(stack.name, stack.rootId, instance, name) } : {}),
        },
      ];
    }),
  );
  return Object.fromEntries(planned);
}

/**
 * A host process needs a command; what only containers use is left aside, and said so where process was asked for, until an instance
 * runs it so.
 */
function checkProcess(stack: Stack, config: StackConfig, { name, isNew }: { name: string; isNew: boolean }): void {
  const settings = config.services[name];
  const unused = settings?.build ? 'build:' : settings?.image === undefined ? undefined : 'image:';
  if (settings?.command === undefined) {
    throw new StackError('config', `${name} is to run as a process and has no \`command:\``, {
      hint:
        unused === undefined ? 'say what to run' : `\`${unused}\` is for containers; say what to run on this machine`,
    });
  }
  if (unused === undefined || settings.runtime === 'auto' || !isNew) return;
  stack.emit({ type: 'info', text: `${name} runs as a process: its \`${unused}\` is not used` });
}

/**
 * Lays what stack.yml wants now over what was recorded: leases that still fit are kept, as are runtimes, and services
 * that stack.yml has dropped (they may come back).
 */
export function mergeServices(
  config: StackConfig,
  known: Record<string, ServiceRecord>,
  planned: Record<string, ServiceRecord>,
): Record<string, ServiceRecord> {
  const merged = Object.entries(planned).map(([name, service]): [string, ServiceRecord] => {
    const before = known[name];
    if (!before) return [name, service];
    // What was planned for another runtime has other images and volumes than the one that is kept.
    const kept = service.runtime === before.runtime ? service : before;
    return [name, { ...kept, repo: service.repo, ports: fittingLeases(config, name, before) }];
  });
  return { ...known, ...Object.fromEntries(merged) };
}
