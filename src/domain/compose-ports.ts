import { parse } from 'yaml';

/** One TCP port that a service of a compose file publishes. */
export interface ComposePort {
  /** The port inside the stack's network. */
  container: number;
  /** The variable that says on which port of this machine; undefined: it stands in the file. */
  variable?: string | undefined;
  /** The port on this machine that the file names, as a number or as the variable's default. */
  host?: number | undefined;
}

/**
 * Gives the ports that the services of a compose file publish, in the file's order; what is no fixed port of ours (a range,
 * UDP) is left out. A text that is no compose file has none: compose itself says what is wrong with it.
 */
export function readComposePorts(text: string): Record<string, ComposePort[]> {
  const services = childOf(parseQuietly(text), 'services');
  return Object.fromEntries(
    Object.entries(services ?? {}).map(([name, service]) => {
      const ports = childOf(service, 'ports');
      return [name, Array.isArray(ports) ? ports.flatMap((port: unknown) => readPort(port) ?? []) : []];
    }),
  );
}

function parseQuietly(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function childOf(parent: unknown, key: string): object | undefined {
  const child = typeof parent === 'object' && parent !== null ? (parent as Record<string, unknown>)[key] : undefined;
  return typeof child === 'object' && child !== null ? child : undefined;
}

/** `[ADDRESS:][HOST]:CONTAINER[/PROTOCOL]`, where each part may be a variable with a default. */
const SHORT = /^(?:.*:)?(\$\{[^}]*\}|\$\w+|\d+):(\$\{[^}]*\}|\d+)(?:\/tcp)?$/;

function readPort(port: unknown): ComposePort | undefined {
  if (typeof port === 'object' && port !== null) {
    const { target, published, protocol = 'tcp' } = port as Record<string, unknown>;
    return protocol === 'tcp' && published !== undefined ? describe(String(published), String(target)) : undefined;
  }
  const [, host, container] = SHORT.exec(String(port)) ?? [];
  return host !== undefined && container !== undefined ? describe(host, container) : undefined;
}

function describe(published: string, target: string): ComposePort | undefined {
  const container = readVariable(target).host;
  const { variable, host } = readVariable(published);
  if (container === undefined || (variable === undefined && host === undefined)) return undefined;
  return { container, ...(variable !== undefined && { variable }), ...(host !== undefined && { host }) };
}

/** `9092`, `${NAME}`, `${NAME:-9092}`. */
function readVariable(text: string): { variable?: string | undefined; host?: number | undefined } {
  if (/^\d+$/.test(text)) return { host: Number(text) };
  const [, braced, fallback, plain] = /^(?:\$\{(\w+)(?::?-(\d+))?[^}]*\}|\$(\w+))$/.exec(text) ?? [];
  return { variable: braced ?? plain, host: fallback === undefined ? undefined : Number(fallback) };
}

/** Gives the names of the variables that a text of a compose file takes: `${NAME…}`, `$NAME`. */
export function listVariables(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(/\$\{?([A-Za-z_]\w*)/g), ([, name = '']) => name))];
}
