import path from 'node:path';
import { isEnvFile, type Sources } from '../../sources/sources.ts';
import { listImplied } from './implied-variables.ts';
import { listReads, type Read, readsAsList } from './variable-reads.ts';

/** A variable of a program, as far as its env files and its code tell. */
export interface Variable {
  name: string;
  /** What env files set it to and what code takes without it, the best first; [] when nothing tells. */
  values: string[];
  /** Paths of the code that reads it; [] when only env files name it. */
  readIn: string[];
  /** It may hold several values: the code takes it apart at commas, or reads it as JSON. */
  form: 'list' | 'json' | undefined;
  /** A developer's own env file sets it; examples do not count. */
  isSet: boolean;
  /** The code takes something in its place where it is not set. */
  hasDefault: boolean;
}

const LINE = /^[ \t]*(?:export[ \t]+)?([A-Z][A-Z0-9_]*)[ \t]*=[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\n#]*))/gm;

/**
 * Returns the variables that the code of a folder reads or its env files name. `around` are other folders: what their env
 * files say counts where the code reads it.
 */
export function detectVariables(sources: Sources, around: readonly Sources[] = []): Variable[] {
  const found = new Map<string, Variable>();
  for (const set of listSet(sources)) addSet(take(found, set.name), set);
  for (const [file, text] of sources.texts) addReads(found, file, text);
  for (const { file, read } of listImplied(sources)) addRead(take(found, read.name), file, read);
  for (const set of around.flatMap(listSet)) {
    const variable = found.get(set.name);
    if (variable) addSet(variable, set);
  }
  return [...found.values()];
}

interface Setting {
  name: string;
  value: string;
  isExample: boolean;
}

/** What the env files of a folder set, the nearest first. */
function listSet({ texts }: Sources): Setting[] {
  return [...texts].flatMap(([file, text]) => {
    if (!isEnvFile(file)) return [];
    const example = isExample(file);
    return readEnvFile(text).map(([name, value]) => ({ name, value, isExample: example }));
  });
}

/** True for an env file that shows what others set. */
export function isExample(file: string): boolean {
  return EXAMPLE.test(path.posix.basename(file));
}

const EXAMPLE = /example|sample|template|dist|default|^env[._-]/i;

function addSet(variable: Variable, { value, isExample }: Setting): void {
  addValue(variable, value);
  if (!isExample && value !== '' && !PLACEHOLDER.test(value)) variable.isSet = true;
}

function addReads(found: Map<string, Variable>, file: string, text: string): void {
  for (const read of listReads(file, text)) {
    const variable = take(found, read.name);
    addRead(variable, file, read);
    if (!read.isJson && readsAsList(text, read.name)) variable.form ??= 'list';
  }
}

function addRead(variable: Variable, file: string, { value, isJson }: Read): void {
  if (!variable.readIn.includes(file)) variable.readIn.push(file);
  if (isJson) variable.form = 'json';
  if (value === undefined) return;
  addValue(variable, value);
  variable.hasDefault = true;
}

function take(found: Map<string, Variable>, name: string): Variable {
  const known = found.get(name) ?? { name, values: [], readIn: [], form: undefined, isSet: false, hasDefault: false };
  found.set(name, known);
  return known;
}

/** Returns what an env file sets, in its order. */
function readEnvFile(text: string): [name: string, value: string][] {
  return [...text.matchAll(LINE)].map(([, name = '', double, single, plain]) => [
    name,
    (double ?? single ?? plain ?? '').trim(),
  ]);
}

/** `<your key>` says what a person has to write there. */
const PLACEHOLDER = /^<[^<>]+>$/;

function addValue(variable: Variable, value: string): void {
  if (value !== '' && !PLACEHOLDER.test(value) && !variable.values.includes(value)) variable.values.push(value);
}
