import type { Program, WorkloadRef } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { inspectContainer } from './container.ts';

/** Gives a workload's container with the env the engine started it with. What its command lays over it is not seen. */
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
      aliases: networks.flatMap(({ Aliases }) => Aliases ?? []),
    },
  ];
}
