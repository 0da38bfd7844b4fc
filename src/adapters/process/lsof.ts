import { existsSync } from 'node:fs';
import { textOf } from '../files/byte-names.ts';
import { askTool } from './ask-tool.ts';

/** Where the system is slow to tell of some processes, no command waits for it. All of them take their time (`askTool`). */
const LSOF_MS = 3000;

/** A file that a process has open, or the folder that it works in. */
export interface OpenFile {
  pid: number;
  parent: number;
  group: number;
  /** The program's name, as the system has it. */
  program: string;
  /** `IPv4`, `IPv6`, `DIR`, … */
  type: string;
  /** A path, or a socket's address: `*:4001`, `127.0.0.1:4001`, `[::1]:4001`. */
  name: string;
}

/** Returns the open files that flags of lsof(8) select. Throws `unseen`. */
export async function listOpenFiles(select: readonly string[]): Promise<OpenFile[]> {
  // Programs' names are cut off at nine characters unless it is told otherwise.
  const flags = ['-n', '-P', '+c', '0', ...select, '-F', 'pgRcftn'];
  return parseFields(await askTool('lsof', flags, select.includes('-p') ? { timeout: LSOF_MS } : {}));
}

/** One field a line, a letter in front: a process's own first, then those of each of its files, which end with the name. */
function parseFields(text: string): OpenFile[] {
  const found: OpenFile[] = [];
  let fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [key = '', value] = [line.slice(0, 1), line.slice(1)];
    if (key === 'p') fields = new Map();
    fields.set(key, value);
    if (key !== 'n') continue;
    const [pid = 0, parent = 0, group = 0] = ['p', 'R', 'g'].map((one) => Number(fields.get(one)));
    const [program, type] = ['c', 't'].map((one) => readEscapes(fields.get(one) ?? ''));
    found.push({ pid, parent, group, program: program ?? '', type: type ?? '', name: readName(value) });
  }
  return found;
}

/** `\b`, `\f`, `\n`, `\r`, `\t`, `\\`, and `\xNN` for any other byte that the C locale has no letter for: a letter of UTF-8 is several. */
const ESCAPES = /\\(?:x([0-9a-f]{2})|([bfnrt\\]))/g;
const LETTERS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '\\': '\\' };
/** Other control characters. A caret stands for itself, too. */
const CONTROLS = /\^([@A-Z[\]^_])/g;

/** Returns what lsof printed as it was (`safepup` in its misc.c; what it is asked with pins the C locale). */
function readEscapes(text: string): string {
  if (!text.includes('\\')) return text;
  const read = Buffer.from(text)
    .toString('latin1')
    .replace(ESCAPES, (_, byte: string | undefined, letter = '') =>
      byte === undefined ? (LETTERS[letter] ?? '') : String.fromCharCode(Number.parseInt(byte, 16)),
    );
  return textOf(Buffer.from(read, 'latin1'));
}

/** What `^A` stands for in a path the disk tells: a name that is there as it is printed is that one. */
function readName(text: string): string {
  const name = readEscapes(text);
  if (!name.startsWith('/') || name.search(CONTROLS) < 0 || existsSync(name)) return name;
  return readEscapes(
    text.replace(CONTROLS, (_, letter: string) => `\\x${(letter.charCodeAt(0) - 0x40).toString(16).padStart(2, '0')}`),
  );
}
