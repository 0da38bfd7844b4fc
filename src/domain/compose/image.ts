import type { Values } from '../values.ts';
import { interpolate } from './interpolate.ts';

/** Returns the image that a service of a compose file runs from; undefined where it is built, or says none. */
export function readImage(service: Readonly<Record<string, unknown>> | undefined, values: Values): string | undefined {
  const { image, build } = service ?? {};
  return typeof image === 'string' && build === undefined ? interpolate(image, values) : undefined;
}
