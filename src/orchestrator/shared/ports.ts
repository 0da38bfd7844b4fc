import path from 'node:path';
import { isThere, readFileIfThere } from '../../adapters/files/files.ts';
import { type ComposePort, readPorts } from '../../domain/compose/ports.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import { resolveShared, sharedVariable } from '../../domain/shared.ts';
import type { Stack } from '../core/stack.ts';

const SHIPPED = 'docker-compose.base.yml';

/** One port of a shared service, before it is leased. */
export interface SharedPort {
  /** Its key in `ports:` of stack.yml; undefined for the one that `url` means where none has a name. */
  name: string | undefined;
  /** The port wished for on this machine. */
  wished: number;
  container: number;
  /** What tells compose of the lease. */
  variable: string;
  /** It stands in the compose file as a number: no other can be leased. */
  fixed: boolean;
}

/** Returns the compose file of the shared services: the team's, else the one that ships with stack. Throws `config`. */
export async function findComposeFile(stack: Stack, config: StackConfig): Promise<string> {
  const shipped = path.join(stack.packageRoot, SHIPPED);
  const { compose } = config.shared;
  if (compose === undefined) return shipped;
  const file = path.resolve(stack.root, compose);
  if (await isThere(file)) return file;
  if (compose === SHIPPED) return shipped;
  throw new StackError('config', `stack.yml: shared.compose: there is no ${file}`, {
    hint: 'name a file that is there, or leave the key out: stack ships one with Postgres and Redis',
  });
}

/**
 * Returns the ports of a shared service, the one that `url` means first: as stack.yml names them, published as the compose
 * file says. Throws `config` for one that nothing tells of, `files` where that file cannot be read.
 */
export async function listSharedPorts(stack: Stack, config: StackConfig, service: string): Promise<SharedPort[]> {
  const file = await findComposeFile(stack, config);
  const { services, unseen } = await stack.readCompose(file);
  // Why it cannot be read is said best by reading it.
  if (unseen.includes(file)) await readFileIfThere(file);
  const published = readPorts(services[service], stack.values);
  const settings = resolveShared(service, config.shared.services[service] ?? {}, stack.values);
  const names = Object.entries(config.shared.services[service]?.ports ?? {});
  const said = Number(stack.values(sharedVariable(service, 'port'))) || config.shared.services[service]?.port;
  const preferredFor = (port: ComposePort, isFirst: boolean): number | undefined =>
    (port.variable === undefined ? port.host : Number(stack.values(port.variable)) || undefined) ??
    (isFirst ? said : undefined) ??
    // What the compose file takes by default comes before what is usual.
    port.host ??
    (isFirst ? settings.port : undefined);
  const describe = (port: ComposePort, name: string | undefined, isFirst: boolean): SharedPort => ({
    name,
    wished: requirePort(preferredFor(port, isFirst) ?? port.container, service, port.variable ?? file),
    container: port.container,
    variable: port.variable ?? sharedVariable(service, 'port'),
    fixed: port.variable === undefined,
  });
  if (names.length > 0) {
    return names.map(([name, container], index) => {
      const port = published.find((one) => one.container === container);
      if (!port) throw unpublished(service, container, file);
      return describe(port, name, index === 0);
    });
  }
  if (published[0]) return [describe(published[0], undefined, true)];
  const { port, containerPort } = settings;
  if (port === undefined || containerPort === undefined) throw unpublished(service, undefined, file);
  const variable = sharedVariable(service, 'port');
  return [{ name: undefined, wished: port, container: containerPort, variable, fixed: false }];
}

/** `from` is the file or the variable that says so. */
function requirePort(port: number, service: string, from: string): number {
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new StackError('config', `${from}: ${service} cannot be published on port ${port}`, {
    hint: 'a port is a number from 1 to 65535',
  });
}

function unpublished(service: string, container: number | undefined, file: string): StackError {
  const line = `"127.0.0.1:\${${sharedVariable(service, 'port')}:-${container ?? 9092}}:${container ?? 9092}"`;
  return new StackError(
    'config',
    `stack.yml: shared.${service}: ${file} publishes no port${container === undefined ? '' : ` ${container}`} of ${service}`,
    { hint: `add e.g. ${line} to its \`ports:\` there` },
  );
}
