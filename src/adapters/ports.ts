import getPort from 'get-port';
import { StackError } from '../domain/errors.ts';

export interface PortWish {
  /** Shown in the error: `front.http`. */
  name: string;
  /** Taken first when it is free. */
  preferred?: number | undefined;
  from: number;
  to: number;
}

/**
 * Gives a port that nothing on this machine listens on (get-port binds it on every local address, IPv6 included) and
 * that is not in `leased`. Call it with the state lock held: get-port knows nothing of other processes.
 * Throws `port` when the range is exhausted.
 */
export async function findFreePort(wish: PortWish, leased: ReadonlySet<number>): Promise<number> {
  const candidates = listCandidates(wish).filter((port) => !leased.has(port));
  if (candidates.length > 0) {
    const port = await getPort({ port: candidates });
    // When no candidate is free get-port answers with any port at all.
    if (candidates.includes(port)) return port;
  }
  throw new StackError('port', `no port is free for ${wish.name} between ${wish.from} and ${wish.to}`, {
    hint: 'destroy a ticket that is done (`stack ps`), or widen `from:`/`to:` of that port in stack.yml',
    details: { service: wish.name, from: wish.from, to: wish.to },
  });
}

/** True when nothing listens on the port, on any local address. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await getPort({ port: [port] })) === port;
}

function listCandidates(wish: PortWish): number[] {
  const range = Array.from({ length: wish.to - wish.from + 1 }, (_, index) => wish.from + index);
  return wish.preferred === undefined ? range : [wish.preferred, ...range.filter((port) => port !== wish.preferred)];
}
