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

/**
 * Returns names so that each stands behind those that it depends on, and else as they were; where they depend on each other in a circle, as
 * they were.
 */
export function sortByDependencies(
  names: readonly string[],
  dependenciesOf: (name: string) => readonly string[],
): string[] {
  const left = [...names];
  const sorted: string[] = [];
  while (left.length > 0) {
    const free = left.findIndex(
      (name) => !dependenciesOf(name).some((other) => other !== name && left.includes(other)),
    );
    sorted.push(...left.splice(Math.max(free, 0), 1));
  }
  return sorted;
}
