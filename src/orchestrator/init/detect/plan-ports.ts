import type { Project, Role } from './project.ts';
import type { PlannedPort } from './stack-plan.ts';

/** A service whose ports are to be planned. */
interface Listener {
  role: Role;
  project: Pick<Project, 'port' | 'worker'>;
}

const FRONT = 3001;
const API = 4001;
/** A range ends below the next thousand; from 32768 on the system gives ports to anybody. */
const RANGE = 1000;
const LAST_RANGE = 30_001;
/** The baseline of an API whose own port is not free for it. */
const OTHER_BASELINE = 3000;
/** Below it only root listens. */
const FIRST_FREE = 1024;
const LAST_FREE = 65_535;
/** The shared Postgres, MySQL and Redis. */
const SHARED = [3306, 5432, 6379];
/** So many tickets are hardly ever there: within them a range meets no baseline's port. */
const FIRST_TICKETS = 100;

/**
 * Returns the ports of each service, undefined for a worker. The main checkout's is the one that the program has by itself, so that what names it
 * goes on working; where two have the same, the API's wins. Ranges for tickets: the first front-end from 3001, the first API
 * from 4001, then 5001, 6001, …
 */
export function planPorts(all: readonly Listener[]): (PlannedPort | undefined)[] {
  const services = all.filter(({ project }) => project.worker === undefined);
  const baselines = planBaselines(services);
  const front = services.findIndex(({ role }) => role === 'front');
  const api = services.findIndex(({ role }) => role === 'api');
  let next = API;
  const takeRange = () => {
    next = Math.min(next + RANGE, LAST_RANGE);
    return next;
  };
  const planned = services.map(({ project }, index) => ({
    baseline: baselines[index],
    from: beside(baselines, index === front ? FRONT : index === api ? API : takeRange()),
    container: project.port.value,
  }));
  return all.map((service) => planned[services.indexOf(service)]);
}

function planBaselines(services: readonly Listener[]): (number | undefined)[] {
  const taken = new Set(SHARED);
  const found = new Map<Listener, number>();
  const take = (service: Listener, port: number) => {
    if (port < FIRST_FREE || port > LAST_FREE || taken.has(port)) return false;
    taken.add(port);
    found.set(service, port);
    return true;
  };
  const apis = services.filter(({ role }) => role === 'api');
  for (const service of [...apis, ...services.filter((one) => !apis.includes(one))])
    take(service, service.project.port.value);
  for (const service of apis) if (!found.has(service)) take(service, OTHER_BASELINE);
  return services.map((service) => found.get(service));
}

/** The range, moved up where a baseline's port is among its first. */
function beside(baselines: readonly (number | undefined)[], from: number): number {
  const isFree = (first: number) =>
    !baselines.some((port) => port !== undefined && port >= first && port < first + FIRST_TICKETS);
  const steps = Array.from({ length: RANGE / FIRST_TICKETS }, (_, step) => from + step * FIRST_TICKETS);
  return steps.find(isFree) ?? from;
}
