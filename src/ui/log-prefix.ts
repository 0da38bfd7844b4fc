import stringWidth from 'string-width';
import { padText } from './fit.ts';
import { cleanText } from './safe-text.ts';
import { createStyle } from './style.ts';

/**
 * Returns a function that turns a service's name into the start of its log lines (`api    | `): all of one width, each
 * in a colour of its own that stays the same from one run to the next.
 */
export function createLogPrefix(services: readonly string[], options: { color: boolean }): (service: string) => string {
  const paints = createStyle(options.color).distinct;
  const width = Math.max(0, ...services.map((service) => stringWidth(cleanText(service))));
  const taken = new Map<string, number>();
  for (const service of [...new Set(services)].sort()) taken.set(service, pickColor(service, taken, paints.length));
  return (service) => {
    const paint = paints[taken.get(service) ?? hashName(service, paints.length)]!;
    return paint(`${padText(cleanText(service), width)} | `);
  };
}

/** The colour comes from the name; the next free one when two names fall on the same. */
function pickColor(service: string, taken: ReadonlyMap<string, number>, count: number): number {
  const used = new Set(taken.values());
  const preferred = hashName(service, count);
  for (let offset = 0; offset < count; offset++) {
    const color = (preferred + offset) % count;
    if (!used.has(color)) return color;
  }
  return preferred;
}

function hashName(name: string, count: number): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)!) >>> 0;
  return hash % count;
}
