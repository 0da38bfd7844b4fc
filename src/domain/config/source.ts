import { LineCounter, parseDocument, visit } from 'yaml';
import { messageOf, StackError } from '../errors.ts';
import { type ConfigSource, type ConfigText, placeAt, renderPlace } from './place.ts';

/** Reads one YAML file. Throws `config` with file, line and column for bad YAML, the first fault only. */
export function readSource(file: ConfigText): ConfigSource {
  const lines = new LineCounter();
  const document = parseDocument(file.text, {
    lineCounter: lines,
    merge: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  const source = { file, lines, document, root: document.contents, data: null };
  const [fault] = [...document.errors, ...document.warnings];
  const conflict = fault ? file.text.search(/^<{7} /m) : -1;
  if (conflict >= 0) throw yamlError(source, conflict, { message: 'an unresolved merge conflict begins here' });
  if (fault) throw yamlError(source, fault.pos[0], explainFault(source, fault.code, fault.message, fault.pos));
  if (file.text.includes('*')) checkAliases(source);
  return { ...source, data: readData(source) };
}

function readData(source: ConfigSource): unknown {
  try {
    return source.document.toJS();
  } catch (error) {
    // What is left here: `<<` with something that is not a map, and aliases that grow without bounds.
    throw yamlError(source, 0, { message: messageOf(error) });
  }
}

interface Explanation {
  message: string;
  hint?: string;
}

function yamlError(source: ConfigSource, offset: number, { message, hint }: Explanation): StackError {
  const place = placeAt(source, offset);
  const text = source.file.text.split(/\r?\n/)[place.line - 1] ?? '';
  return new StackError('config', `${renderPlace(place)}: bad YAML: ${message}`, {
    ...(hint !== undefined && { hint }),
    lines: [text.replaceAll('\t', ' '), `${' '.repeat(place.column - 1)}^`],
    details: { problems: [{ ...place, path: '', message: `bad YAML: ${message}` }] },
  });
}

const HINTS: Record<string, string> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'check the indentation, and that every bracket and quote is closed',
  MISSING_CHAR: 'close the bracket or the quote that is open there',
  BAD_SCALAR_START: 'put the text in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'check the indentation; a text with `: ` in it needs quotes',
  MULTILINE_IMPLICIT_KEY: 'check the indentation; a key is followed by `: `',
  UNEXPECTED_TOKEN: 'a text that begins with a quote or a bracket, or holds one, needs quotes around all of it',
};

function explainFault(source: ConfigSource, code: string, message: string, pos: [number, number]): Explanation {
  const { text } = source.file;
  const line = text.split('\n')[placeAt(source, pos[0]).line - 1] ?? '';
  if (code === 'DUPLICATE_KEY') return explainDuplicate(source, pos);
  if (code === 'MULTIPLE_DOCS') return { message: 'a second document begins here', hint: 'take out the `---`' };
  if (code === 'UNEXPECTED_TOKEN' && line.includes('${')) {
    return { message, hint: 'between { } and [ ] a text with `${…}` needs quotes: `"${port.http}"`' };
  }
  const hint = HINTS[code];
  return { message, ...(hint !== undefined && { hint }) };
}

function explainDuplicate(source: ConfigSource, [offset]: [number, number]): Explanation {
  const key = /^[^\s:]+/.exec(source.file.text.slice(offset))?.[0] ?? '';
  return { message: `the key \`${key}\` is there twice`, hint: 'take out one, or put both together' };
}

/** An alias that leads nowhere or into itself is usually a glob without quotes: `copy: [*.pem]`. */
function checkAliases(source: ConfigSource): void {
  visit(source.document, {
    Alias(_, alias, ancestors) {
      const target = alias.resolve(source.document);
      if (target && !ancestors.includes(target)) return;
      const fault = target ? 'holds itself' : 'is the name of no anchor';
      throw yamlError(source, alias.range?.[0] ?? 0, {
        message: `\`*${alias.source}\` ${fault}`,
        hint: 'a text that begins with `*` needs quotes',
      });
    },
  });
}

/** Returns `over` laid over `base`: maps are merged, everything else is replaced. */
export function layOver(base: unknown, over: unknown): unknown {
  if (!isPlainMap(base) || !isPlainMap(over)) return over;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    merged.set(key, merged.has(key) ? layOver(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}

/** Whether a value is a map as YAML means it. */
export function isPlainMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
