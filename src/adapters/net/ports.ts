import getPort, { clearLockedPorts } from 'get-port';
import { StackError } from '../../domain/errors.ts';
import { isPortFree } from '../process/ports.ts';

/** Ports that browsers refuse to open (the Fetch standard's list of bad ports, those above 1023). */
const UNSAFE_PORTS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

export interface PortRequest {
  /** Shown in the error: `front.http`. */
  name: string;
  /** Taken first when it is free. */
  preferred?: number | undefined;
  from: number;
  to: number;
}

/**
 * Returns a port that nothing on this machine listens on, and that is not in `leased` nor refused by browsers. Call it with the state
 * lock held: get-port knows nothing of other processes. Throws `port` when the range is exhausted.
 */
export async function findFreePort(request: PortRequest, leased: ReadonlySet<number>): Promise<number> {
  const candidates = listCandidates(request).filter((port) => !leased.has(port) && !UNSAFE_PORTS.has(port));
  // A listener on all addresses makes macOS's firewall ask a person; on one alone it does not find all that is in its way.
  const isMac = process.platform === 'darwin';
  for (let left = candidates; left.length > 0; ) {
    const port = await getPort({ port: left, ...(isMac && { host: '127.0.0.1' }) });
    // It would call the port taken for half a minute; our leases say whose it is.
    clearLockedPorts();
    // When no candidate is free get-port answers with any port at all.
    if (!left.includes(port)) break;
    if (!isMac || (await isPortFree(port))) return port;
    left = left.slice(left.indexOf(port) + 1);
  }
  throw new StackError('port', `no port is free for ${request.name} between ${request.from} and ${request.to}`, {
    hint: 'destroy a ticket that is done (`stack ps`), or widen `from:`/`to:` of that port in stack.yml',
    details: { service: request.name, from: request.from, to: request.to },
  });
}

function listCandidates(request: PortRequest): number[] {
  const range = Array.from({ length: request.to - request.from + 1 }, (_, index) => request.from + index);
  return request.preferred === undefined
    ? range
    : [request.preferred, ...range.filter((port) => port !== request.preferred)];
}
