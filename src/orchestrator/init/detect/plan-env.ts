import { planValue } from './plan-values.ts';
import type { Project, Role } from './project.ts';
import type { PlannedServer } from './stack-plan.ts';
import type { Variable } from './variables.ts';
import { type Server, wireAddress } from './wire-addresses.ts';
import { wireServer } from './wire-servers.ts';
import { wireStore } from './wire-stores.ts';

/** A service whose variables are to be filled in. */
interface Reader {
  name: string;
  role: Role;
  project: Project;
}

interface Others {
  services: readonly Reader[];
  /** Names of the shared services that it may use. */
  stores: readonly string[];
  /** Those that a compose file starts. */
  servers: readonly PlannedServer[];
  /** Name of the stack. */
  stack: string;
  /** The one of several APIs that is meant where nothing else tells. */
  api?: string | undefined;
}

/** Returns the variables of a service, each with its text in `stack.yml`: its port, its stores, where the others are, what it cannot do without. Nothing is there that no code reads. */
export function planEnv(service: Reader, { services, stores, servers, stack, api }: Others): Record<string, string> {
  const { project } = service;
  const { port, env } = project;
  const self = serverOf(service);
  const view = {
    self,
    servers: services.filter(({ project: other }) => other.worker === undefined).map(serverOf),
    prefix: service.role === 'front' ? (project.prefix ?? '') : undefined,
    words: stack.toUpperCase().split('-'),
    api,
  };
  const own = port.variable ?? 'PORT';
  const planned: Record<string, string> = project.worker === undefined ? { [own]: '${port.http}' } : {};
  // A command of ours hands the port on, and tools take it by its usual name.
  if (own !== 'PORT' && /\$PORT\b/.test(project.command?.value ?? '')) planned.PORT = '${port.http}';
  for (const variable of listVariables(project, own)) {
    if (variable.name in planned || variable.name in env) continue;
    const value =
      wireStore(variable, stores) ??
      wireServer(variable, servers) ??
      wireAddress(variable, view) ??
      wireParts(variable, services, self) ??
      planValue(variable, stores);
    if (value !== undefined) planned[variable.name] = value;
  }
  return { ...planned, ...env };
}

/** A worker answers nobody: it has no port, and no browser comes from elsewhere. */
function listVariables({ variables, worker }: Project, port: string): Variable[] {
  const isForRequests = ({ name }: Variable) => name === port || name === 'PORT' || /CORS|ORIGINS?$/.test(name);
  return worker === undefined ? variables : variables.filter((variable) => !isForRequests(variable));
}

/** True when what is filled in changes as tickets come. */
export function namesTickets(env: Readonly<Record<string, string>>): boolean {
  return Object.values(env).some((value) => value.includes('${tickets.'));
}

function serverOf({ name, role, project }: Reader): Server {
  return { name, role, port: project.port.value, certain: project.port.check === undefined };
}

/** `API_PORT=4000` of a front-end is the port of the API on 4000. */
function wireParts({ name, values }: Variable, services: readonly Reader[], self: Server): string | undefined {
  if (!/^(?:\w+_)?(?:API|BACKEND|SERVER|FRONTEND|CLIENT)_PORT$/.test(name)) return undefined;
  const server = services
    .map(serverOf)
    .find(({ name: other, port }) => other !== self.name && values.includes(String(port)));
  return server && `\${${server.name}.port}`;
}
