const SHOWN = 4;

/** Returns the first four of some names, and how many more there are: `a, b, c, d and 12 more`. */
export function nameFew(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Returns the text, or as many of its first whole words as fit into so many letters, with `…` behind them. */
export function cutAtWord(text: string, most: number): string {
  if (text.length <= most) return text;
  const short = text.slice(0, most);
  const end = /\s/.test(text[most - 1] ?? '') ? most - 1 : short.slice(0, -1).search(/\s+\S*$/);
  // A single word that is longer is cut where it has to be, and no letter of two halves apart.
  const kept = end > 0 ? short.slice(0, end) : short.slice(0, -1).replace(/[\ud800-\udbff]$/, '');
  return `${kept.trimEnd()}…`;
}
