import type { Product, Right, ServiceNeeds } from './product.ts';

/** A line that a person must change. */
export interface Change {
  /** `services.api.env.PORT`. */
  line: string;
  kind: 'missing' | 'wrong' | 'invented';
  /** What stands there, and what is right. */
  text: string;
}

type Node = Record<string, unknown>;

/** What interpreters and package managers read: output at once, and a place for packages that lives as long as the worktree. */
const READ_BY_TOOLS = new Set([
  ...[
    'PYTHONUNBUFFERED',
    'BUNDLE_PATH',
    'GOCACHE',
    'GOMODCACHE',
    'MIX_HOME',
    'HEX_HOME',
    'COMPOSER_HOME',
    'UV_CACHE_DIR',
  ],
]);

/** Returns the lines of `stack.yml` that a person must change until a ticket with its own API works; each once. */
export function compare(product: Product, stack: unknown, compose: unknown): Change[] {
  const { needs, may = {} } = product;
  const [shared, repos, services] = ['shared', 'repos', 'services'].map((key) => mapOf(mapOf(stack)[key])) as [
    Node,
    Node,
    Node,
  ];
  const found = pairServices(needs.services, services, repos);
  const names = new Map(Object.entries(found).map(([right, actual]) => [actual, right]));
  const seen = { services: renamed(services, names, mapOf(shared.postgres).scheme) as Node, shared };
  return onePerLine([
    ...compareShared(needs.shared ?? {}, may.shared ?? [], seen.shared),
    ...Object.entries(needs.compose ?? {}).flatMap(([name, image]) =>
      check(`compose.${name}`, image, mapOf(mapOf(mapOf(compose).services)[name]).image),
    ),
    ...compareRepos(product, repos),
    ...compareSurroundings(product, repos, services, names),
    ...Object.entries(needs.services).flatMap(([name, right]) =>
      compareService(name, right, seen.services[found[name] ?? '']),
    ),
    ...Object.keys(services)
      .filter((name) => !names.has(name) && !may.services?.includes(name))
      .map((name) => invented(`services.${name}`)),
  ]);
}

function compareShared(needs: NonNullable<Product['needs']['shared']>, may: readonly string[], actual: Node): Change[] {
  const { compose: _, ...servers } = actual;
  return [
    ...Object.entries(needs).flatMap(([name, keys]) => {
      if (!(name in servers)) return [missing(`shared.${name}`, 'is not there')];
      return Object.entries(keys).flatMap(([key, right]) =>
        check(`shared.${name}`, right, mapOf(servers[name])[key], `${key} `),
      );
    }),
    ...Object.keys(servers)
      .filter((name) => !(name in needs) && !may.includes(name))
      .map((name) => invented(`shared.${name}`)),
  ];
}

function compareRepos({ needs, repos, layout }: Product, actual: Node): Change[] {
  const byFolder = new Map(Object.values(actual).map((repo) => [folderOf(mapOf(repo).path), mapOf(repo)]));
  const folders = new Set(Object.values(needs.services).map(({ repo }) => mainOf(repo, layout)));
  return [
    ...Object.keys(repos).flatMap((repo) => {
      const folder = mainOf(repo, layout);
      const there = byFolder.get(folder);
      const keys = Object.entries(needs.repos?.[repo] ?? {}) as [string, Right][];
      if (there) return keys.flatMap(([key, right]) => check(`repos.${folder}.${key}`, right, textOf(there[key])));
      const lines = keys.flatMap(([key, right]) => check(`repos.${folder}.${key}`, right, undefined));
      return folders.has(folder) ? [missing(`repos.${folder}`, 'is not there'), ...lines] : [];
    }),
    ...[...byFolder.keys()]
      .filter((folder) => !Object.keys(repos).some((repo) => mainOf(repo, layout) === folder))
      .map((folder) => invented(`repos.${folder}`)),
  ];
}

/** Migrations run in the environment of the repo's first service that has a database: without one they fail. */
function compareSurroundings(
  { needs, layout }: Product,
  repos: Node,
  services: Node,
  names: ReadonlyMap<string, string>,
): Change[] {
  const hasDatabase = (name: string) =>
    Object.values(needs.services[names.get(name) ?? '']?.env ?? {})
      .flatMap((right) => (right instanceof Set ? [...right] : [right]))
      .some((right) => /\{(postgres|mysql)\\?\./.test(String(right)));
  return Object.entries(needs.repos ?? {}).flatMap(([repo, { migrate }]) => {
    const folder = mainOf(repo, layout);
    const isOf = (service: unknown) => folderOf(mapOf(repos[String(mapOf(service).repo)]).path) === folder;
    const own = Object.keys(services).filter((name) => isOf(services[name]));
    if (migrate === undefined || own.length === 0 || own.some(hasDatabase)) return [];
    const text = `runs beside ${own.join(', ')}, of which none has a database`;
    return [{ line: `repos.${folder}.migrate`, kind: 'wrong', text }];
  });
}

function compareService(name: string, right: ServiceNeeds, service: unknown): Change[] {
  const { repo: _, dir, baseline, container, ready, env = {}, ...rest } = right;
  const line = `services.${name}`;
  const there = mapOf(service);
  const port = mapOf(Object.values(mapOf(there.ports))[0]);
  const entries = mapOf(there.env);
  const command = textOf(there.command) ?? '';
  // What the command itself reads is no invention: `--port $PORT`.
  const isRead = (key: string) => READ_BY_TOOLS.has(key) || new RegExp(`\\$\\{?${key}\\b`).test(command);
  return [
    ...(service === undefined ? [missing(line, 'is not there')] : []),
    ...(dir === undefined ? [] : check(`${line}.dir`, dir, folderOf(there.dir ?? '.'))),
    ...Object.entries(rest as Record<string, Right>).flatMap(([key, value]) =>
      check(`${line}.${key}`, value, textOf(there[key])),
    ),
    ...('baseline' in right ? check(`${line}.ports`, baseline, port.baseline, 'baseline ') : []),
    ...('container' in right ? check(`${line}.ports`, container, port.container, 'container ') : []),
    ...('ready' in right ? check(`${line}.ready`, ready, mapOf(there.ready).http) : []),
    ...Object.entries(env)
      // A port may reach its program by way of the command.
      .filter(([key, value]) => !(value === '${port.http}' && !(key in entries) && command.includes('${port.')))
      .flatMap(([key, value]) => check(`${line}.env.${key}`, value, entries[key])),
    ...Object.keys(entries)
      .filter((key) => !(key in env) && !isRead(key))
      .map((key) => invented(`${line}.env.${key}`, entries[key])),
  ];
}

/** Which actual service is which right one: names are init's to choose, so the folder decides first, then the name. */
function pairServices(needs: Product['needs']['services'], services: Node, repos: Node): Record<string, string> {
  const places = new Map(
    Object.entries(services).map(([name, service]) => {
      const { repo, dir = '.' } = mapOf(service);
      return [name, `${folderOf(mapOf(repos[String(repo)]).path).replace(/\/main$/, '')}:${folderOf(dir)}`];
    }),
  );
  const pairs: Record<string, string> = {};
  const pair = (fits: (right: string, actual: string) => boolean): void => {
    for (const right of Object.keys(needs)) {
      if (right in pairs) continue;
      const actual = Object.keys(services).find((one) => !Object.values(pairs).includes(one) && fits(right, one));
      if (actual !== undefined) pairs[right] = actual;
    }
  };
  const isAt = (right: string, actual: string) => {
    const { repo, dir = '.' } = needs[right] as ServiceNeeds;
    const dirs = dir instanceof Set ? [...dir] : [dir];
    return dirs.some((one) => places.get(actual) === `${folderOf(repo)}:${folderOf(one)}`);
  };
  pair((right, actual) => right === actual && isAt(right, actual));
  pair(isAt);
  pair((right, actual) => right === actual);
  return pairs;
}

/**
 * The services with the right names in `${…}`; a shared service's internal address is its address. A scheme of Postgres's own
 * stands behind it.
 */
function renamed(value: unknown, names: ReadonlyMap<string, string>, scheme: unknown): unknown {
  if (typeof value === 'string')
    return value
      .replaceAll(/\$\{(tickets\.)?([\w-]+)\./g, (whole, tickets = '', name) =>
        names.has(name) ? `\${${tickets}${names.get(name)}.` : whole,
      )
      .replaceAll(/\$\{(postgres|mysql|redis)\.internal_/g, '${$1.')
      .replaceAll('${postgres.url}', (url) => (scheme === undefined ? url : `${url}#${scheme}`));
  if (Array.isArray(value)) return value.map((one) => renamed(one, names, scheme));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, renamed(one, names, scheme)]));
}

function check(line: string, right: Right, actual: unknown, what = ''): Change[] {
  const values = right instanceof Set ? [...right] : [right];
  if (values.some((value) => isMet(value, actual))) return [];
  const wanted = values.map((value) => (value === undefined ? 'nothing' : String(value))).join(' or ');
  if (actual === undefined || actual === null) return [missing(line, `${what}${wanted}`)];
  return [{ line, kind: 'wrong', text: `${what}${String(actual)}, not ${wanted}` }];
}

function isMet(right: unknown, actual: unknown): boolean {
  if (right === undefined || actual === undefined || actual === null) return right === (actual ?? undefined);
  const text = String(actual).trim();
  if (right instanceof RegExp) return right.test(text);
  // A person's own value goes before the default; and any scheme of Postgres will do.
  const plain = /^\$\{env\.\w+:-(.*)\}$/.exec(text)?.[1] ?? text.replace('#postgresql', '');
  return [text, plain].includes(String(right));
}

function missing(line: string, text: string): Change {
  return { line, kind: 'missing', text };
}

function invented(line: string, value?: unknown): Change {
  return { line, kind: 'invented', text: value === undefined ? 'nothing needs it' : `${String(value)}` };
}

/** A line may be wrong in more than one way, and is changed once. */
function onePerLine(changes: readonly Change[]): Change[] {
  const lines = new Map<string, Change>();
  for (const change of changes) {
    const { line, text } = lines.get(change.line) ?? change;
    lines.set(line, { ...change, text: text === change.text ? text : `${text}; ${change.text}` });
  }
  return [...lines.values()];
}

function mapOf(value: unknown): Node {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Node) : {};
}

/** Commands as one text, whichever way they are written; `yarn run dev` is `yarn dev`. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value.replaceAll(/\b(yarn|pnpm|bun) run /g, '$1 ');
  if (Array.isArray(value)) return value.map(textOf).join(' && ');
  const { run, context } = mapOf(value);
  if (run !== undefined) return textOf(run);
  return String(context ?? value);
}

function mainOf(folder: string, layout: Product['layout']): string {
  return layout === 'bare' ? `${folderOf(folder)}/main` : folderOf(folder);
}

function folderOf(value: unknown): string {
  return (
    String(value ?? '.')
      .replace(/^\.\//, '')
      .replace(/\/$/, '') || '.'
  );
}
