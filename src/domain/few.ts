const SHOWN = 4;

/** Returns the first four of some names, and how many more there are: `a, b, c, d and 12 more`. */
export function nameFew(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
