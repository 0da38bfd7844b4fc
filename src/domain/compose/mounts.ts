import path from 'node:path';
import { isPlainMap } from '../config/source.ts';
import type { Values } from '../values.ts';
import { interpolate } from './interpolate.ts';
import type { ComposeData } from './merge.ts';

/** Absolute paths of this machine that a compose file leads to. */
export interface ComposePaths {
  dockerfiles: string[];
  /** Files and folders that containers see, with `secrets:` and `configs:`. */
  mounts: string[];
}

/** Returns what the services of a compose file are built from and have mounted; `folder` is where relative paths start from. */
export function listComposePaths(data: ComposeData, folder: string, values: Values): ComposePaths {
  const resolve = (text: unknown): string[] =>
    typeof text === 'string' ? [path.resolve(folder, interpolate(text, values))] : [];
  const services = Object.values(isPlainMap(data.services) ? data.services : {}).filter(isPlainMap);
  const files = [data.secrets, data.configs].flatMap((all) => (isPlainMap(all) ? Object.values(all) : []));
  const volumes = services.flatMap((service) => (Array.isArray(service.volumes) ? service.volumes : []));
  return {
    dockerfiles: services.flatMap(({ build }) => (isPlainMap(build) ? resolve(dockerfileOf(build, values)) : [])),
    mounts: [
      ...volumes.flatMap((volume: unknown) => resolve(sourceOf(volume, values))),
      ...files.flatMap((one) => (isPlainMap(one) ? resolve(one.file) : [])),
      ...devicesOf(data.volumes).flatMap(resolve),
    ],
  };
}

function dockerfileOf({ context, dockerfile = 'Dockerfile' }: ComposeData, values: Values): string | undefined {
  if (typeof context !== 'string' || typeof dockerfile !== 'string') return undefined;
  return path.resolve(interpolate(context, values), interpolate(dockerfile, values));
}

/** A named volume begins like neither path. */
function sourceOf(volume: unknown, values: Values): string | undefined {
  if (isPlainMap(volume)) return volume.type === 'bind' ? String(volume.source) : undefined;
  return /^([./~][^:]*):/.exec(interpolate(String(volume), values))?.[1];
}

/** A named volume may be a folder of this machine all the same. */
function devicesOf(volumes: unknown): unknown[] {
  const all = isPlainMap(volumes) ? Object.values(volumes) : [];
  return all.flatMap((one) => (isPlainMap(one) && isPlainMap(one.driver_opts) ? [one.driver_opts.device] : []));
}
