/** Controls and marks that JSON lets pass and a terminal acts on: it may take U+009B for the begin of an escape sequence. */
const HARMFUL_IN_JSON = /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Returns JSON of which a terminal only shows what it holds: control characters beyond ASCII are escaped too. */
export function escapeJson(json: string): string {
  return json.replaceAll(HARMFUL_IN_JSON, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Returns what a text is the JSON of; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the fields of the object that a text is the JSON of, unchecked; none where it is no such text. */
export function parseFields<Fields extends object>(text = ''): Partial<Fields> {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
