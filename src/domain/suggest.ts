import { distance } from 'fastest-levenshtein';

const MOST = 3;

/** Gives up to three names that `word` was probably meant to be, best first; [] when none is near. */
export function suggest(word: string, known: readonly string[]): string[] {
  return known
    .map((name) => ({ name, rank: rankOf(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, rank }) => rank <= allowedDistance(word) && rank < Math.max(word.length, name.length))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, MOST)
    .map(({ name }) => name);
}

/** Returns `; did you mean `x`?` for the end of an error's headline, '' when no name is near. */
export function renderSuggestion(word: string, known: readonly string[]): string {
  const [best] = suggest(word, known);
  return best === undefined ? '' : `; did you mean \`${best}\`?`;
}

function rankOf(word: string, name: string): number {
  // `ui` for `feat/ui`, `url` for `api.url`: a whole part is as near as one wrong letter.
  if (word.length > 1 && name.split(/[/.]/).includes(word)) return 1;
  return distance(word, name);
}

/** Two letters changing places is a distance of two, so words of four letters and up may differ by two. */
function allowedDistance(word: string): number {
  if (word.length < 4) return 1;
  return Math.max(2, Math.floor(word.length / 3));
}
