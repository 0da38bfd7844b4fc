import type { Values } from '../values.ts';

/** Returns the names of the variables that a text of a compose file takes: `${NAME…}`, `$NAME`; `$$NAME` is none. */
export function listVariables(text: string): string[] {
  const places = text.matchAll(/\$(?:\$|\{?([A-Za-z_]\w*))/g);
  return [...new Set(Array.from(places, ([, name = '']) => name).filter(Boolean))];
}

/**
 * Fills in a text as compose does: `$NAME`, `${NAME}`, with a default (`:-`, `-`), an alternative (`:+`, `+`) or an error
 * (`:?`, `?`), which may hold variables in turn; `$$` is `$`. A variable without a value is empty.
 */
export function interpolate(text: string, values: Values): string {
  let filled = '';
  for (let at = 0; at < text.length; ) {
    const place = readPlace(text, at);
    filled += place ? fillPlace(place, values) : text[at];
    at = place?.end ?? at + 1;
  }
  return filled;
}

/** Returns the variable that a whole text is: `$NAME`, `${NAME}`, `${NAME:-…}`; undefined for any other text. */
export function readVariable(text: string): string | undefined {
  const place = readPlace(text, 0);
  return place?.end === text.length ? place.name : undefined;
}

interface Place {
  /** Undefined for `$$`. */
  name: string | undefined;
  operator: string;
  word: string;
  /** Where the text goes on. */
  end: number;
}

function readPlace(text: string, at: number): Place | undefined {
  if (text[at] !== '$') return undefined;
  if (text[at + 1] === '$') return { name: undefined, operator: '', word: '$', end: at + 2 };
  const [whole, brace, name] = /^\$(\{?)([A-Za-z_]\w*)/.exec(text.slice(at)) ?? [];
  if (whole === undefined) return undefined;
  const inner = at + whole.length;
  if (brace === '') return { name, operator: '', word: '', end: inner };
  const close = findClose(text, inner);
  if (close === undefined) return undefined;
  const [, operator = '', word = ''] = /^(:?[-+?])?(.*)$/s.exec(text.slice(inner, close)) ?? [];
  return { name, operator, word, end: close + 1 };
}

function findClose(text: string, from: number): number | undefined {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('${', at)) depth++;
    else if (text[at] === '}' && --depth === 0) return at;
  }
  return undefined;
}

function fillPlace({ name, operator, word }: Place, values: Values): string {
  if (name === undefined) return word;
  const value = values(name);
  const isGiven = operator.startsWith(':') ? Boolean(value) : value !== undefined;
  if (operator.endsWith('+')) return isGiven ? interpolate(word, values) : '';
  return isGiven || !operator.endsWith('-') ? (value ?? '') : interpolate(word, values);
}
