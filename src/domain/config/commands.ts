import { isPlainMap } from './source.ts';

/**
 * Keys of stack.yml, of a repo, a service and a shared service, that decide neither what runs nor what it is given. All others
 * are told, so that a new key is not forgotten.
 */
const QUIET = new Set([
  ...[
    'name',
    'title',
    'runtime',
    'branch',
    'commit',
    'dumps',
    'base',
    'shared',
    'own',
    'setup_timeout',
    'repo',
    'ports',
    'port',
  ],
  ...['depends_on', 'refresh', 'identity', 'ready', 'provider', 'isolation', 'scheme', 'memory', 'cpus', 'logs'],
  ...['names', 'limits', 'idle', 'warm', 'disposable', 'contracts', 'working_dir', 'user', 'password', 'database'],
]);

/** The same of a compose file: of its top level, a service, a volume or network, a health check. */
const QUIET_COMPOSE = new Set([
  ...['name', 'version', 'depends_on', 'profiles', 'restart', 'container_name', 'hostname', 'labels'],
  ...[
    'annotations',
    'logging',
    'stop_grace_period',
    'stop_signal',
    'expose',
    'platform',
    'pull_policy',
    'attach',
    'scale',
  ],
]);
const QUIET_HEALTH = new Set(['interval', 'timeout', 'retries', 'start_period', 'start_interval']);

/** Keys whose lists are one command. */
const ARGV = new Set(['command', 'entrypoint', 'test']);

type Path = readonly string[];

/** Returns a line for every value of a stack.yml that runs or is given to what runs, as written: `services.api.command: npm start`. */
export function listRunning(data: unknown): string[] {
  // The section `shared` is no key of it.
  return listLeaves(data, [], ([section, , key], depth) =>
    depth === 1 ? section !== 'shared' && QUIET.has(section ?? '') : depth === 3 && QUIET.has(key ?? ''),
  );
}

/** The same of a compose file. */
export function listRunningCompose(data: unknown): string[] {
  return listLeaves(data, [], ([section = '', , key = '', inner = ''], depth) => {
    if (depth === 1) return QUIET_COMPOSE.has(section) || section.startsWith('x-');
    // A name decides which network or volume of the engine it is, be it the host's network or somebody else's data.
    if (depth === 3) return key !== 'name' && QUIET_COMPOSE.has(key);
    return depth === 4 && key === 'healthcheck' && QUIET_HEALTH.has(inner);
  });
}

function listLeaves(value: unknown, path: Path, isQuiet: (path: Path, depth: number) => boolean): string[] {
  if (isQuiet(path, path.length)) return [];
  const tell = (leaf: unknown): string => {
    const text = typeof leaf === 'string' ? leaf : JSON.stringify(leaf);
    return `${path.map(revealText).join('.')}: ${revealText(text)}`;
  };
  if (Array.isArray(value)) return isArgv(value, path) ? [tell(value)] : value.map(tell);
  if (!isPlainMap(value)) return value === undefined ? [] : [tell(value)];
  return Object.entries(value).flatMap(([key, inner]) => listLeaves(inner, [...path, key], isQuiet));
}

function isArgv(value: readonly unknown[], path: Path): boolean {
  return value.length > 0 && ARGV.has(path.at(-1) ?? '') && value.every((word) => typeof word === 'string');
}

/** What a terminal does not show as it stands: controls, marks that reorder or hide text, spaces that are none. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu;

/** Returns a text as a person can judge it: whole, in one line, with every character seen. */
export function revealText(text: string): string {
  const shown = text.replace(/\n$/, '');
  // A fresh search each time: a global one remembers where it was.
  if (shown.search(HIDDEN) < 0) return shown;
  return JSON.stringify(shown).replaceAll(HIDDEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
