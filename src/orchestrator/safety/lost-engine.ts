import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { LABELS } from '../../domain/names.ts';
import { hasOwnData, listOwnDatabases, listOwnServers } from '../../domain/own.ts';
import { tellOthers, tellSilent, traitsOf } from '../../domain/runtime.ts';
import { isServiceStep, type Step } from '../../domain/step.ts';
import { requireInstances } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';

/** Throws `engine` when one of some tickets has something in an engine, and none answers: better all of it now than half. */
export async function requireEngine(stack: Stack, tickets: readonly string[]): Promise<void> {
  const { shared, ...state } = await stack.store.read();
  for (const record of requireInstances({ shared, ...state }, tickets)) {
    const reason = await findLostEngine(stack, { record, shared });
    if (reason === undefined) continue;
    throw new StackError('engine', `${record.ticket} has containers or data in an engine: ${reason}`, {
      hint: `start it, or name it in DOCKER_HOST, and run this again; \`stack destroy ${record.ticket} --force\` goes on without it, and says what stays in it`,
    });
  }
}

/** Says why the engine that a ticket has something in cannot be asked; undefined where there is nothing, or it answers. */
export async function findLostEngine(
  stack: Stack,
  parts: Pick<Work, 'record' | 'shared'>,
): Promise<string | undefined> {
  if (!parts.record.started) return undefined;
  if (listContained(parts.record).length === 0 && !hasComposedData(parts)) return undefined;
  const check = await stack.checkEngine();
  if (!check.ok) return check.reason;
  // Another engine than the one that has it may answer in its place.
  const { silent = [], others = [] } = check;
  if (silent.length + others.length === 0) return undefined;
  const owned = Object.values(await (await stack.docker()).listOwned(stack.rootId)).flat();
  // Its data is in a shared server, which no ticket's label is on.
  const isThere = ({ labels }: (typeof owned)[number]): boolean =>
    hasComposedData(parts) || labels[LABELS.ticket] === parts.record.ticket;
  if (owned.some(isThere)) return undefined;
  return `the one at ${check.where} has nothing of it${tellSilent(silent)}${tellOthers(others)}`;
}

/** True when a step unmakes what is in the engine. */
export function isInEngine(work: Pick<Work, 'record' | 'shared'>, { id }: Step): boolean {
  if (id.kind === 'database') return hasOwnData(work.record) && isComposed(work, id.of);
  return isServiceStep(id) && listContained(work.record).includes(id.of);
}

/** Names what a ticket leaves in an engine that is gone. */
export function listAbandoned({ record, shared }: Pick<Work, 'record' | 'shared'>): string[] {
  const services = listContained(record).flatMap((name) => {
    const { workload = '', volumes = {}, builtImage } = record.services[name] ?? {};
    const named = Object.values(volumes).map((volume) => `the volume ${volume}`);
    return [`the container ${workload}`, ...named, ...(builtImage === undefined ? [] : [`the image ${builtImage}`])];
  });
  const databases = listOwnDatabases(record.own).filter(([name]) => isComposed({ record, shared }, name));
  const servers = listOwnServers(record.own).filter(([, server]) => traitsOf(server).engine);
  return [
    ...services,
    ...databases.map(([, { database }]) => `the database ${database}`),
    ...servers.map(([, { workload }]) => `the container ${workload}`),
  ];
}

function listContained({ services }: InstanceRecord): string[] {
  return Object.entries(services).flatMap(([name, service]) => (traitsOf(service).engine ? [name] : []));
}

function hasComposedData(parts: Pick<Work, 'record' | 'shared'>): boolean {
  return hasOwnData(parts.record) && Object.keys(parts.record.own ?? {}).some((name) => isComposed(parts, name));
}

/** True when what a ticket has of its own of a shared service is in the engine. */
function isComposed({ record, shared }: Pick<Work, 'record' | 'shared'>, name: string): boolean {
  const part = record.own?.[name];
  const server = part?.as === 'server' ? part : shared[name];
  return server !== undefined && traitsOf(server).engine;
}
