import { StackError } from './errors.ts';

/**
 * Returns the names so that each comes after what it depends on, otherwise in the order they came. Dependencies that
 * are not among the names are ignored. Throws `config` for a cycle.
 */
export function sortByDependencies(
  names: readonly string[],
  dependenciesOf: (name: string) => readonly string[],
): string[] {
  const cycle = findCycle(names, dependenciesOf);
  if (cycle) throw new StackError('config', `these depend on each other: ${cycle.join(' → ')}`);
  const known = new Set(names);
  const sorted = new Set<string>();
  const visit = (name: string): void => {
    if (sorted.has(name) || !known.has(name)) return;
    for (const dependency of dependenciesOf(name)) visit(dependency);
    sorted.add(name);
  };
  for (const name of names) visit(name);
  return [...sorted];
}

/** Returns the first cycle as a way round, `['a', 'b', 'a']`; undefined when there is none. */
export function findCycle(
  names: readonly string[],
  dependenciesOf: (name: string) => readonly string[],
): string[] | undefined {
  const known = new Set(names);
  const done = new Set<string>();
  const walk = (name: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    if (done.has(name) || !known.has(name)) return undefined;
    for (const dependency of dependenciesOf(name)) {
      const cycle = walk(dependency, [...trail, name]);
      if (cycle) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of names) {
    const cycle = walk(name, []);
    if (cycle) return cycle;
  }
  return undefined;
}
