import { maskPasswords } from '../secrets.ts';
import type { StackConfig } from './config.ts';
import { type ConfigSource, findPlace, findWritten, type KeyPath } from './place.ts';
import { isPlainMap } from './source.ts';
import { type ConfigInput, readConfig } from './text.ts';

type Scalar = string | number | boolean;

/** One value of a config, and where it came from. */
export interface ResolvedValue {
  /** `services.api.ports.http.from`. */
  key: string;
  /** `***` where it is a secret; as written where it has something of the environment in it that may be one. */
  value: Scalar | Scalar[];
  /** `stack.yml:12`, or `default`. */
  from: string;
  /** The variables that it has in it. */
  variables?: { name: string; from: VariableOrigin }[];
}

type VariableOrigin = 'environment' | '.env' | 'default';

/** Names of values that nobody shows. */
const SECRET = /pass(word|wd|phrase)?$|(^|[_-])pwd?$|secret|token|credential|private|(^|[_-])(api)?key$/i;
/** What a program is given or run with: `${env.…}` in there may be anything. */
const HANDED_ON = new Set(['env', 'command', 'args', 'setup', 'migrate', 'seed', 'url', 'editor', 'verify', 'notify']);

/**
 * Returns every value of a config, in the order of the files, then the defaults that nobody wrote. `isInShell` tells whether a
 * variable is in the environment itself. Throws `config` as `parseConfig` does.
 */
export function resolveConfig(input: ConfigInput, isInShell: (name: string) => boolean): ResolvedValue[] {
  const { config, sources, data } = readConfig(input);
  const written = listLeaves(data).map(({ path, value }) => {
    const { file, line } = findPlace(sources, path);
    const names = listVariables(sources, path);
    const variables = names.map((name) => ({ name, from: originOf(name, input, isInShell) }));
    const isOpen = names.length > 0 && path.some((part) => HANDED_ON.has(String(part)));
    const shown = isOpen ? (findWritten(sources, path) ?? '***') : value;
    const about = variables.length > 0 ? { variables } : {};
    return { key: path.join('.'), value: hide(path, shown), from: `${file}:${line}`, ...about };
  });
  const known = new Set(written.map(({ key }) => key));
  const defaults = listDefaults(config).filter(([key]) => !known.has(key));
  return [...written, ...defaults.map(([key, value]) => ({ key, value, from: 'default' }))];
}

interface Leaf {
  path: KeyPath;
  value: Scalar | Scalar[];
}

function listLeaves(value: unknown, path: KeyPath = []): Leaf[] {
  if (isPlainMap(value)) return Object.entries(value).flatMap(([key, inner]) => listLeaves(inner, [...path, key]));
  if (Array.isArray(value)) {
    const isFlat = value.every((item) => !isPlainMap(item) && !Array.isArray(item));
    if (isFlat) return [{ path, value: value as Scalar[] }];
    return value.flatMap((item, index) => listLeaves(item, [...path, index]));
  }
  return value === null || value === undefined ? [] : [{ path, value: value as Scalar }];
}

function listVariables(sources: readonly ConfigSource[], path: KeyPath): string[] {
  const texts = [findWritten(sources, path), ...findItems(sources, path)];
  const found = texts.flatMap((text) => [...(text ?? '').matchAll(/\$\{env\.([A-Za-z_]\w*)/g)]);
  return [...new Set(found.map(([, name = '']) => name))];
}

/** The words of a list. */
function findItems(sources: readonly ConfigSource[], path: KeyPath): string[] {
  const items: string[] = [];
  for (let index = 0; ; index++) {
    const item = findWritten(sources, [...path, index]);
    if (item === undefined) return items;
    items.push(item);
  }
}

function originOf(name: string, { values }: ConfigInput, isInShell: (name: string) => boolean): VariableOrigin {
  if (!values(name)) return 'default';
  return isInShell(name) ? 'environment' : '.env';
}

function hide(path: KeyPath, value: Leaf['value']): Leaf['value'] {
  if (SECRET.test(String(path.at(-1)))) return '***';
  if (Array.isArray(value)) return value.map((item) => (typeof item === 'string' ? maskPasswords(item) : item));
  return typeof value === 'string' ? maskPasswords(value) : value;
}

/** Returns the defaults that a person may want to change, by the keys that they would have in stack.yml. */
function listDefaults({
  runtime,
  branch,
  commit,
  dumps,
  repos,
  services,
}: StackConfig): [key: string, value: Scalar][] {
  return [
    ['runtime', runtime],
    ['branch', branch],
    ['commit', commit],
    ['dumps.keep_days', dumps.keepDays],
    ...Object.entries(repos).flatMap(([name, { title, shared, envFile, setupTimeoutSeconds }]): [string, Scalar][] => [
      [`repos.${name}.title`, title],
      [`repos.${name}.shared`, shared],
      [`repos.${name}.env_file`, envFile],
      [`repos.${name}.setup_timeout`, `${setupTimeoutSeconds}s`],
    ]),
    ...Object.entries(services).flatMap(([name, service]): [string, Scalar][] => [
      [`services.${name}.runtime`, service.runtime],
      [`services.${name}.working_dir`, service.workingDir],
      ...Object.entries(service.ports).map(([port, { to }]): [string, Scalar] => [
        `services.${name}.ports.${port}.to`,
        to,
      ]),
      [`services.${name}.ready.timeout`, `${service.ready.timeoutSeconds}s`],
      [`services.${name}.refresh`, service.refresh],
    ]),
  ];
}
