import type { BuildConfig, StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import { type InstanceRecord, requireDedicated, requireService, type ServiceRecord } from '../../domain/instance.ts';
import { networkName, shortHash } from '../../domain/names.ts';
import { pickPassed } from '../../domain/pass-env.ts';
import type { WorkloadRef, WorkloadSpec } from '../../domain/runtime.ts';
import { fillTemplate } from '../../domain/template.ts';
import { listTicketNames, resolveName, type Wiring } from '../../domain/wiring.ts';
import type { Stack } from '../core/stack.ts';
import { type Work, wiringOf } from '../core/work.ts';
import { readServiceFiles } from './service-files.ts';

type ServiceSettings = StackConfig['services'][string];

/** Returns what names one service's workload: all that stop, remove and logs need. */
export function refOf(stack: Stack, record: InstanceRecord, service: string): WorkloadRef {
  const { workload } = requireService(record, service);
  return { rootId: stack.rootId, stack: stack.name, instance: record.ticket, service, name: workload };
}

/** Returns all that is needed to run one service as record and stack.yml stand now. Throws `config`, `not-found`. */
export async function buildSpec(work: Work, service: string): Promise<WorkloadSpec> {
  const [wiring, fromFiles] = await Promise.all([wiringOf(work), readServiceFiles(work, service)]);
  const describe = (from: Wiring) => describeSpec(work, from, service, fromFiles);
  const spec = describe(wiring);
  // Tickets come and go: what only names them is no other setting.
  const steady = { ...wiring, tickets: {} };
  const hashed = Object.keys(wiring.tickets).length > 0 ? describe(steady) : spec;
  // An image that is built again has the tag of the old one.
  const build = describeBuild(steady, service);
  const passEnv = wiring.config.services[service]?.passEnv ?? [];
  // What they hold is not hashed: another shell, or a new token, makes nothing again.
  const env = { ...pickPassed(work.stack.env, passEnv), ...spec.env };
  return { ...spec, env, hash: hashSpec(hashed, { build, passEnv, lists: listTicketValues(wiring, service) }) };
}

/** What of a spec changes as tickets come and go. */
export const TICKETS = 'tickets';

/** Each part has a hash of its own, so that one can say which of them changed: `image:… command:…`. */
function hashSpec(
  spec: Omit<WorkloadSpec, 'hash'>,
  { build, passEnv, lists }: { build: BuildConfig | undefined; passEnv: readonly string[]; lists: readonly string[] },
): string {
  const { image, command, env, ports, volumes, ...rest } = spec;
  // Without any it is the hash that older versions made.
  const settings = passEnv.length > 0 ? { ...rest, passEnv } : rest;
  const known = { image: [image, build], command, env, ports, volumes, settings };
  const parts = lists.length > 0 ? { ...known, [TICKETS]: lists } : known;
  return Object.entries(parts)
    .map(([name, part]) => `${name}:${shortHash(JSON.stringify(part) ?? '')}`)
    .join(' ');
}

/** Returns what two specs differ in, told from their hashes: `image`, `env`, `tickets`, …, and `settings` for all that has no name here. */
export function listChanges(before: string, now: string): string[] {
  if (before === now) return [];
  const known = before.split(' ');
  const changed = now.split(' ').flatMap((part) => (known.includes(part) ? [] : [part.slice(0, part.indexOf(':'))]));
  // Older versions have one hash of all.
  return known.length === 1 || changed.length === 0 ? ['settings'] : changed;
}

/**
 * Returns what the image of a service is built from as record and stack.yml stand now, and a hash that tells it from what it
 * was built from before; undefined where nothing is built. Throws `config`.
 */
export async function buildSource(work: Work, service: string): Promise<(BuildConfig & { hash: string }) | undefined> {
  const wiring = await wiringOf(work);
  const build = describeBuild(wiring, service);
  const steady = describeBuild(isRefreshed(wiring, service) ? wiring : { ...wiring, tickets: {} }, service);
  return build && { ...build, hash: shortHash(JSON.stringify(steady)) };
}

/** What runs is made again for tickets that come and go only where stack.yml says so. */
function isRefreshed({ config }: Wiring, service: string): boolean {
  return config.services[service]?.refresh === 'restart';
}

/** Returns what stands for tickets in the settings of a service that is made again for them. */
function listTicketValues(wiring: Wiring, service: string): string[] {
  const settings = wiring.config.services[service];
  const names = settings && isRefreshed(wiring, service) ? listTicketNames(settings) : [];
  return names.map((name) => resolveName(wiring, service, name) ?? '');
}

function describeBuild(wiring: Wiring, service: string): BuildConfig | undefined {
  const build = wiring.config.services[service]?.build;
  if (!build || wiring.record.services[service]?.builtImage === undefined) return undefined;
  const args = Object.entries(build.args).map(([key, text]) => [key, fillFor(wiring, service, text)]);
  return { ...build, args: Object.fromEntries(args) };
}

function describeSpec(
  work: Work,
  wiring: Wiring,
  service: string,
  fromFiles: Record<string, string>,
): Omit<WorkloadSpec, 'hash'> {
  const settings = requireSettings(wiring, service);
  const own = requireService(work.record, service);
  const repo = requireDedicated(work.record, own.repo);
  const fill = (text: string): string => fillFor(wiring, service, text);
  const { command } = settings;
  return {
    ...refOf(work.stack, work.record, service),
    root: work.stack.root,
    repo: own.repo,
    source: repo.worktree,
    gitCommonDir: repo.gitCommonDir,
    dir: settings.dir,
    workingDir: settings.workingDir,
    image: own.builtImage ?? (settings.image === undefined ? undefined : fill(settings.image)),
    command: typeof command === 'string' ? fill(command) : command?.map(fill),
    env: { ...fromFiles, ...fillEnv(wiring, service, settings) },
    ports: Object.entries(own.ports).map(([name, port]) => ({ name, ...port })),
    volumes: listVolumes(own, settings),
    network: networkName(work.stack.name, work.stack.rootId),
    aliases: [own.alias],
    logBytes: settings.logBytes,
    memoryBytes: settings.memoryBytes,
    cpus: settings.cpus,
  };
}

/** Returns what stack.yml says of a service. Throws `config` where it says nothing any more. */
export function requireSettings(
  { config, record }: Pick<Wiring, 'config' | 'record'>,
  service: string,
): ServiceSettings {
  const settings = config.services[service];
  if (settings) return settings;
  throw new StackError('config', `stack.yml has no service ${service} any more`, {
    hint: `destroy ${record.ticket} and create it again, or put the service back`,
  });
}

/** Returns the variables of one service filled in from its own viewpoint, with those that say whose copy it is. */
export function fillEnv(wiring: Wiring, service: string, settings: ServiceSettings): Record<string, string> {
  const filled = Object.entries(settings.env).map(([key, text]) => [key, fillFor(wiring, service, text)]);
  return {
    ...Object.fromEntries(filled),
    STACK_TICKET: wiring.record.ticket,
    STACK_SERVICE: service,
    STACK_ROOT: wiring.root,
  };
}

/** Fills one text from the viewpoint of a service. Throws `config` for a name that stands for nothing. */
function fillFor(wiring: Wiring, service: string, text: string): string {
  return fillTemplate(text, (name) => resolveName(wiring, service, name));
}

function listVolumes(own: ServiceRecord, settings: ServiceSettings): { name: string; target: string }[] {
  return Object.entries(own.volumes).flatMap(([key, name]) => {
    const target = settings.volumes[key];
    return target === undefined ? [] : [{ name, target }];
  });
}
