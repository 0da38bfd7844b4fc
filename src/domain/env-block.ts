import { StackError } from './errors.ts';
import { type Part, splitLines, splitParts } from './text-block.ts';

const BEGIN = '# >>> stack >>>';
const END = '# <<< stack <<<';
const MARKS = { begin: BEGIN, end: END };
const BEGIN_LINE = `${BEGIN} written by stack; what is changed between these lines is lost`;
/** Says that the text above the block ended without a line end, so that taking the block out gives it back as it was. */
const JOINED = ' (no line end above)';

/**
 * The env-file reader `dotenv` takes a backslash before a closing quote for an escape, and looks for the next quote that
 * ends a line; a shell does not. One quote of each kind that does not end its line stops that search.
 */
const GUARD = '# (that backslash isn\'t an "escape" here)';

/**
 * Returns stack's marked block for an env file. Values are quoted so that dotenv and a shell read the same, and without
 * quotes where `docker --env-file`, which knows none, can read it too. Throws `config` for a value no env file can hold.
 */
export function renderEnvBlock(values: Readonly<Record<string, string>>): string {
  return `${[BEGIN_LINE, ...renderEnvLines(values), END].join('\n')}\n`;
}

/** Returns the lines of an env file, quoted so that dotenv and a shell read the same. Throws `config` as for a block. */
export function renderEnvLines(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => renderLine(name, value));
}

function renderLine(name: string, value: string): string[] {
  if (value.includes('\0') || splitLines(value).some((line) => line.startsWith(BEGIN) || line.startsWith(END))) {
    throw new StackError('config', `no env file can hold the value of ${name}`, {
      hint: 'it has a NUL character or a line like the marks of stack’s block',
    });
  }
  return [`${name}=${quote(value)}`, ...(value.endsWith('\\') ? [GUARD] : [])];
}

/** Characters that mean themselves to every reader without quotes. */
const PLAIN = /^[\w./:@%+,=-]*$/;

/**
 * A value with an apostrophe and one of `" $ \` or a backquote reads right in a shell only: there are no quotes that a
 * shell and dotenv both take for it, and a shell that reads it wrong might run it.
 */
function quote(value: string): string {
  if (PLAIN.test(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  return `"${value.replaceAll(/["$`\\]/g, '\\$&')}"`;
}

/** Returns the file's text with `block` in place of the block it had, else at its end. All other bytes stay as they are. */
export function mergeEnvBlock(fileText: string, block: string): string {
  const parts = splitParts(fileText, MARKS);
  const first = parts.findIndex((part) => part.ours);
  if (first < 0) {
    const text = parts.flatMap((part) => part.lines).join('');
    return text === '' || text.endsWith('\n') ? text + block : `${text}\n${markJoined(block)}`;
  }
  const mine = isJoined(parts[first]) ? markJoined(block) : block;
  return parts.map((part, index) => (index === first ? mine : part.ours ? '' : part.lines.join(''))).join('');
}

function markJoined(block: string): string {
  return block.replace('\n', () => `${JOINED}\n`);
}

function isJoined(part: Part | undefined): boolean {
  return part?.lines[0]?.trimEnd().endsWith(JOINED) ?? false;
}

/** Returns the file's text without stack's block, byte for byte what it was before the block came. */
export function removeEnvBlock(fileText: string): string {
  const parts = splitParts(fileText, MARKS);
  const text = parts
    .filter((part) => !part.ours)
    .flatMap((part) => part.lines)
    .join('');
  const last = parts.at(-1);
  if (!last?.ours || !isJoined(last)) return text;
  return text.replace(isCrlf(last) ? /\r\n$/ : /\n$/, '');
}

const ASSIGNMENT = /^([A-Za-z_]\w*)=(?:'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|(.*))$/gm;

/** Returns the values in stack's block; undefined when the file has no whole block. */
export function readEnvBlock(fileText: string): Record<string, string> | undefined {
  const block = splitParts(fileText, MARKS).find((part) => part.ours);
  if (!block) return undefined;
  const text = block.lines.slice(1, -1).join('');
  const assignments = (isCrlf(block) ? text.replaceAll('\r\n', '\n') : text).matchAll(ASSIGNMENT);
  return Object.fromEntries(
    [...assignments].map(([, name, single, double, plain]) => [name, single ?? unescapeDouble(double) ?? plain ?? '']),
  );
}

function unescapeDouble(text: string | undefined): string | undefined {
  return text?.replaceAll(/\\(["$`\\])/g, '$1');
}

/** Stack writes LF; an editor may have turned all line ends of the file to CRLF. */
function isCrlf(block: Part): boolean {
  return block.lines[0]?.endsWith('\r\n') ?? false;
}
