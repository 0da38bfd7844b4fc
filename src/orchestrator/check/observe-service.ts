import { probeHttp, probePort, readHeader } from '../../adapters/net/probe.ts';
import type { ServiceFacts, Trouble } from '../../domain/check/link.ts';
import type { ServiceConfig } from '../../domain/config/config.ts';
import { requireService, type ServiceRecord } from '../../domain/instance.ts';
import { type Program, traitsOf } from '../../domain/runtime.ts';
import { firstPort } from '../../domain/wiring.ts';
import { requireConfig, type Work, wiringOf } from '../core/work.ts';
import { fillEnv, refOf } from '../workloads/spec.ts';
import { traceEnvFiles } from './env-files.ts';

/** Looks at one service as it is: what its programs were given, whether its port leads to it, what its env files say. */
export async function observeService(
  work: Work,
  service: string,
  { running, withFiles }: { running: boolean; withFiles: boolean },
): Promise<ServiceFacts> {
  const own = requireService(work.record, service);
  const [wiring, config] = await Promise.all([wiringOf(work), requireConfig(work)]);
  const settings = config.services[service];
  if (!settings) throw new Error(`${service} is not in stack.yml`);
  const runtime = await work.stack.runtime(own.runtime);
  const expected = fillEnv(wiring, service, settings);
  const [programs, traced] = await Promise.all([
    running ? runtime.programs(refOf(work.stack, work.record, service), expected) : [],
    withFiles ? traceEnvFiles(work, service) : { files: [], readers: [] },
  ]);
  return {
    ...{ service, settings, own, wiring, running, programs, expected, ...traced },
    door: running ? await findDoorTrouble({ own, settings, programs, ticket: work.record.ticket }) : undefined,
  };
}

interface Door {
  own: ServiceRecord;
  settings: ServiceConfig;
  programs: readonly Program[];
  ticket: string;
}

/** Says why a service's first port does not lead to it, or is not seen to. */
async function findDoorTrouble(door: Door): Promise<Trouble | undefined> {
  const port = firstPort(door.own)?.host;
  if (port === undefined) return undefined;
  const unseen = door.programs.length === 0 || door.programs.some(({ ports }) => ports === undefined);
  const closed = unseen ? await probeDoor(door, port) : findOtherPort(door.programs, port);
  const trouble = closed ?? findLostAlias(door) ?? (await askIdentity(door, port));
  // An engine leads a port to its container; on this machine anything may listen there.
  if (trouble || !unseen || door.settings.identity || traitsOf(door.own).network) return trouble;
  return {
    state: 'unseen',
    reason: `something answers on ${port}, and whose it is, is not shown here`,
    hint: '`identity:` in stack.yml lets it say so itself',
  };
}

async function probeDoor({ settings }: Door, port: number): Promise<Trouble | undefined> {
  const { http } = settings.ready;
  const trouble = http === undefined ? await probePort(port) : await probeHttp(port, http);
  return trouble === undefined ? undefined : { state: 'wrong', reason: `nothing of it answers on ${port}: ${trouble}` };
}

function findOtherPort(programs: readonly Program[], port: number): Trouble | undefined {
  const ports = [...new Set(programs.flatMap((program) => program.ports ?? []))];
  if (ports.includes(port)) return undefined;
  const where = ports.length > 0 ? `listens on ${ports.join(', ')}` : 'listens on no port';
  return {
    state: 'wrong',
    reason: `it ${where}, and was given ${port}`,
    hint: 'does its command read its port from the env?',
  };
}

function findLostAlias({ own, programs }: Door): Trouble | undefined {
  const lost = programs.find(({ aliases }) => aliases && !aliases.includes(own.alias));
  return lost && { state: 'wrong', reason: `${lost.name} is not called ${own.alias} in the network of the stack` };
}

/** Who answers says whose it is, where stack.yml says how it can be asked. */
async function askIdentity({ settings, ticket }: Door, port: number): Promise<Trouble | undefined> {
  const { identity } = settings;
  if (!identity) return undefined;
  const { http, header } = identity;
  const answer = await readHeader(port, http, header);
  if (answer.value === ticket) return undefined;
  if (answer.value !== undefined)
    return { state: 'wrong', reason: `who answers on ${port} says that it is ${answer.value}` };
  return { state: 'warning', reason: `it did not say whose it is: ${answer.trouble ?? `no ${header} in GET ${http}`}` };
}
