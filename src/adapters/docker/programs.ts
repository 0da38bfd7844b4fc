import type { Program, WorkloadRef } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { inspectContainer } from './container.ts';

/** Returns a workload's container with the env the engine started it with. What its command lays over it is not seen. */
export async function listPrograms(conn: Connection, ref: WorkloadRef): Promise<Program[]> {
  const found = await inspectContainer(conn, ref.name);
  if (!found?.State.Running) return [];
  const env = found.Config.Env.map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  const networks = Object.values(found.NetworkSettings.Networks);
  return [
    {
      name: `container ${ref.name}`,
      env: Object.fromEntries(env),
      ports: undefined,
      open: listOpen(found.NetworkSettings.Ports),
      aliases: networks.flatMap(({ Aliases }) => Aliases ?? []),
    },
  ];
}

/** Returns the ports that are published to other machines than this one; each may stand there for both families. */
function listOpen(ports: Readonly<Record<string, { HostIp: string; HostPort: string }[] | null>>): number[] {
  const bindings = Object.values(ports).flatMap((found) => found ?? []);
  return [...new Set(bindings.filter(({ HostIp }) => !isLoopback(HostIp)).map(({ HostPort }) => Number(HostPort)))];
}

/** True for an address that only programs of this machine reach. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
