import { parse } from 'yaml';
import { CONFIG_FILES, isOfOtherPlace, type Sources } from '../../sources/sources.ts';
import type { Read } from './variable-reads.ts';

/** Returns the variables that a framework reads by itself, for each setting of the program: Spring's, Nuxt's and Viper's. */
export function listImplied({ texts }: Sources): { file: string; read: Read }[] {
  const nameInViper = findViper(texts);
  return [...texts].flatMap(([file, text]) =>
    impliedBy(file, text, nameInViper)
      .filter(({ name }) => VARIABLE.test(name))
      .map((read) => ({ file, read })),
  );
}

/** No shell sets others. */
const VARIABLE = /^[A-Za-z_]\w*$/;

type NameKey = (key: string) => string;

function impliedBy(file: string, text: string, nameInViper: NameKey | undefined): Read[] {
  if (nameInViper && CONFIG_FILES.test(file) && !isOfOtherPlace(file))
    return readPlain(text).map(([key, value]) => readOf(nameInViper(key), value));
  if (SPRING.test(file)) return readSpring(file, text).map(([key, value]) => readOf(nameInSpring(key), value));
  if (/^nuxt\.config\.[cm]?[jt]s$/.test(file)) return readNuxt(text);
  return [];
}

function readOf(name: string, value: string): Read {
  return { name, value, isJson: false };
}

const SPRING =
  /(?:^|\/)src\/main\/resources\/(?:config\/)?application(?:-(?:dev|local|development))?\.(?:ya?ml|properties)$/;

/** Returns the settings of a Spring program that have a plain value: `server.port`, `spring.datasource.url`. */
export function listSpringSettings({ texts }: Sources): Map<string, string> {
  return new Map([...texts].reverse().flatMap(([file, text]) => (SPRING.test(file) ? readSpring(file, text) : [])));
}

/** Returns how a Go program with Viper names the variable of a setting; undefined for a program that reads none. */
function findViper(texts: Sources['texts']): NameKey | undefined {
  const code = [...texts].find(([file, text]) => file.endsWith('.go') && /\.AutomaticEnv\(\)/.test(text))?.[1];
  if (code === undefined) return undefined;
  const prefix = code.match(/\.SetEnvPrefix\(\s*"([^"\n]+)"/)?.[1];
  // `".", "_", "-", "_"`: what is replaced, and by what.
  const pairs = code.match(/\.SetEnvKeyReplacer\([^\n]*NewReplacer\(([^)]*)\)/)?.[1] ?? '';
  const replaced = [...pairs.matchAll(/"([^"\n]+)"\s*,\s*"([^"\n]*)"/g)];
  return (key) => {
    const name = [...(prefix === undefined ? [] : [prefix]), key].join('_').toUpperCase();
    return replaced.reduce((text, [, from = '', to = '']) => text.replaceAll(from, to), name);
  };
}

function readSpring(file: string, text: string): [key: string, value: string][] {
  const all = file.endsWith('.properties')
    ? [...text.matchAll(/^[ \t]*([\w.-]+)[ \t]*[=:][ \t]*(.*?)[ \t]*$/gm)].map(
        ([, key = '', value = '']): [string, string] => [key, value],
      )
    : readPlain(text);
  return all.filter(isPlain);
}

/** Returns the settings of YAML that have a plain value: `server.port` for what is nested. */
export function readPlain(text: string): [key: string, value: string][] {
  return text
    .split(/^---\s*$/m)
    .flatMap((part) => flatten(readYaml(part), ''))
    .filter(isPlain);
}

function isPlain([key, value]: [key: string, value: string]): boolean {
  return /^[\w.-]+$/.test(key) && value !== '' && !value.includes('${');
}

function readYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch {
    return undefined;
  }
}

function flatten(node: unknown, path: string): [key: string, value: string][] {
  if (typeof node === 'string' || typeof node === 'number') return [[path, String(node)]];
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return [];
  return Object.entries(node).flatMap(([key, value]) => flatten(value, path === '' ? key : `${path}.${key}`));
}

/** Relaxed binding: dots are underscores, and dashes are left out. */
function nameInSpring(key: string): string {
  return key.replaceAll('-', '').replaceAll('.', '_').toUpperCase();
}

/** `runtimeConfig: { public: { apiBase: 'x' } }` is set by `NUXT_PUBLIC_API_BASE`. */
function readNuxt(text: string): Read[] {
  const all = blockOf(text, 'runtimeConfig');
  const open = blockOf(all, 'public');
  return [...readKeys(all.replace(open, ''), 'NUXT_'), ...readKeys(open, 'NUXT_PUBLIC_')];
}

function readKeys(block: string, prefix: string): Read[] {
  return [...block.matchAll(/\b(\w+)\s*:\s*['"`]([^'"`\n]*)['"`]/g)].map(([, key = '', value = '']) =>
    readOf(prefix + key.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').toUpperCase(), value),
  );
}

/** Returns what stands between the braces of a key; '' when it is not there. */
function blockOf(text: string, key: string): string {
  const at = text.search(new RegExp(String.raw`\b${key}\s*:\s*\{`));
  if (at === -1) return '';
  const first = text.indexOf('{', at);
  let depth = 0;
  for (let end = first; end < text.length; end++) {
    if (text[end] === '{') depth++;
    if (text[end] === '}' && --depth === 0) return text.slice(first + 1, end);
  }
  return '';
}
