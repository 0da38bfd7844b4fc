import type { Values } from '../values.ts';
import { interpolate, readVariable } from './interpolate.ts';

/** One TCP port that a service of a compose file publishes. */
export interface ComposePort {
  /** The port inside the stack's network. */
  container: number;
  /** The variable that says on which port of this machine; undefined: it stands in the file. */
  variable?: string | undefined;
  /** The port on this machine that the file names, as a number or through its variable. */
  host?: number | undefined;
}

/**
 * Returns the ports that a service of a compose file publishes, in the file's order; what is no fixed port of ours (a range,
 * UDP, one that the engine chooses) is left out.
 */
export function readPorts(service: { ports?: unknown } | undefined, values: Values): ComposePort[] {
  const ports = service?.ports;
  return Array.isArray(ports) ? ports.flatMap((port: unknown) => readPort(port, values) ?? []) : [];
}

function readPort(port: unknown, values: Values): ComposePort | undefined {
  if (typeof port === 'object' && port !== null) {
    const { target, published, protocol = 'tcp' } = port as Record<string, unknown>;
    const isTcp = interpolate(String(protocol), values) === 'tcp';
    return isTcp && published !== undefined ? describe(String(published), String(target), values) : undefined;
  }
  // A variable may hold more than one part: `${MAIL_PORTS:-8025:80}`.
  return readShort(String(port), values) ?? readShort(interpolate(String(port), values), values);
}

/** A part of `[ADDRESS:][HOST]:CONTAINER[/PROTOCOL]`: an address in brackets, or text and variables without a colon. */
const PART = /\[[^\]]*\]|(?:\$\{(?:[^{}]|\$\{[^{}]*\})*\}|[^:])+/g;

function readShort(port: string, values: Values): ComposePort | undefined {
  const [, mapping = '', protocol = 'tcp'] = /^(.*?)(?:\/(\w+))?$/s.exec(port) ?? [];
  const [container, host] = (mapping.match(PART) ?? []).reverse();
  if (protocol !== 'tcp' || container === undefined || host === undefined) return undefined;
  return describe(host, container, values);
}

function describe(published: string, target: string, values: Values): ComposePort | undefined {
  const [host, container] = [published, target].map((text) => readNumber(interpolate(text, values)));
  const variable = readVariable(published);
  if (container === undefined || (variable === undefined && host === undefined)) return undefined;
  return { container, ...(variable !== undefined && { variable }), ...(host !== undefined && { host }) };
}

/** Zero lets the engine choose. */
function readNumber(text: string): number | undefined {
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}
