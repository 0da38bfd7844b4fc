import { messageOf } from '../errors.ts';
import { findCycle } from '../order.ts';
import { RUNTIMES } from '../runtime.ts';
import { renderSuggestion } from '../suggest.ts';
import type { PortConfig, ServiceConfig, StackConfig } from './config.ts';
import type { KeyPath } from './place.ts';
import type { Finding } from './problems.ts';
import { checkInsidePath } from './validate-paths.ts';

/** Finds what is wrong with services as parts of the whole. */
export function checkServices(config: StackConfig): Finding[] {
  const entries = Object.entries(config.services);
  return [
    ...entries.flatMap(([name, service]) => checkService(config, ['services', name], service)),
    ...checkBaselinePorts(entries),
    ...checkCycle(config.services),
  ];
}

function checkService(config: StackConfig, path: KeyPath, service: ServiceConfig): Finding[] {
  const shared = Object.keys(config.shared.services);
  const services = Object.keys(config.services);
  return [
    ...checkKnown([...path, 'repo'], service.repo, 'repo', Object.keys(config.repos)),
    ...checkInsidePath([...path, 'dir'], service.dir),
    ...service.envFiles.flatMap((file) => checkInsidePath([...path, 'env_file'], file, service.dir)),
    ...(service.build ? checkInsidePath([...path, 'build'], service.build.context, service.dir) : []),
    ...checkRunnable(path, service),
    ...Object.entries(service.ports).flatMap(([key, port]) => checkPort([...path, 'ports', key], port)),
    ...checkReady([...path, 'ready'], service),
    ...checkIdentity([...path, 'identity'], service),
    ...checkVolumes([...path, 'volumes'], service.volumes),
    ...service.dependsOn.flatMap((other, index) =>
      checkKnown([...path, 'depends_on', index], other, 'service', [...services, ...shared]),
    ),
  ];
}

function checkKnown(path: KeyPath, name: string, what: string, known: readonly string[]): Finding[] {
  if (known.includes(name)) return [];
  return [
    {
      path,
      message: `there is no ${what} \`${name}\`${renderSuggestion(name, known)}`,
      hint: known.length > 0 ? `there are: ${known.join(', ')}` : undefined,
    },
  ];
}

function checkRunnable(path: KeyPath, { image, build, command, runtime }: ServiceConfig): Finding[] {
  const find = (message: string, hint: string): Finding[] => [{ path, message, hint, at: 'key' }];
  if (image !== undefined && build) {
    return find(
      'has both `image` and `build`',
      'take one out; `image:` without a value in stack.local.yml takes it out there',
    );
  }
  const traits = runtime === 'auto' ? undefined : RUNTIMES[runtime];
  const hasImage = image !== undefined || build !== undefined;
  if (traits?.images && !hasImage) {
    return find(
      `has no \`image\` and no \`build\`, and the ${runtime} runtime needs one`,
      'write e.g. `image: node:22-alpine`',
    );
  }
  if (traits?.images === false && command === undefined) {
    return find(`has no \`command\`, and the ${runtime} runtime needs one`, 'write e.g. `command: npm start`');
  }
  if (hasImage || command !== undefined) return [];
  return find('has nothing to run', 'give it an `image` or a `build` for docker, a `command` for a process, or both');
}

function checkPort(path: KeyPath, { from, to }: PortConfig): Finding[] {
  if (to >= from) return [];
  return [{ path: [...path, 'to'], message: `is ${to}, which is below \`from\` (${from})` }];
}

const NEED_PORTS = 'write e.g. `ports: { http: { from: 3001 } }`';

function checkReady(path: KeyPath, { ready, ports }: ServiceConfig): Finding[] {
  const names = Object.keys(ports);
  const findings: Finding[] = [];
  if (ready.port !== undefined) findings.push(...checkKnown([...path, 'port'], ready.port, 'port', names));
  if (ready.http !== undefined && names.length === 0) {
    findings.push({
      path: [...path, 'http'],
      message: 'needs a port to ask, and the service has no `ports`',
      hint: NEED_PORTS,
    });
  }
  return [...findings, ...checkPattern([...path, 'log'], ready.log)];
}

function checkIdentity(path: KeyPath, { identity, ports }: ServiceConfig): Finding[] {
  if (!identity || Object.keys(ports).length > 0) return [];
  return [{ path, message: 'needs a port to ask, and the service has no `ports`', hint: NEED_PORTS, at: 'key' }];
}

function checkPattern(path: KeyPath, pattern: string | undefined): Finding[] {
  try {
    new RegExp(pattern ?? '');
    return [];
  } catch (error) {
    return [{ path, message: `is not a regular expression: ${messageOf(error)}` }];
  }
}

function checkVolumes(path: KeyPath, volumes: Record<string, string>): Finding[] {
  const entries = Object.entries(volumes);
  return entries
    .filter(([, target], index) => entries.findIndex(([, other]) => other === target) < index)
    .map(([name, target]) => ({ path: [...path, name], message: `another volume is mounted at ${target} already` }));
}

function checkBaselinePorts(services: readonly [string, ServiceConfig][]): Finding[] {
  const seen = new Map<number, string>();
  return services.flatMap(([name, service]) =>
    Object.entries(service.ports).flatMap(([key, { baseline }]) => {
      if (baseline === undefined) return [];
      const twin = seen.get(baseline);
      seen.set(baseline, twin ?? `${name}.ports.${key}`);
      if (twin === undefined) return [];
      const path = ['services', name, 'ports', key, 'baseline'];
      return [{ path, message: `port ${baseline} is the baseline port of services.${twin} already` }];
    }),
  );
}

function checkCycle(services: Record<string, ServiceConfig>): Finding[] {
  const cycle = findCycle(Object.keys(services), (name) => services[name]?.dependsOn ?? []);
  if (!cycle) return [];
  const path = ['services', cycle[0] ?? '', 'depends_on'];
  return [{ path, message: `services wait for each other: ${cycle.join(' → ')}`, hint: 'take one of them out' }];
}
