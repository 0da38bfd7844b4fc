import { CODE_FILES, findInTexts, findText, type Sources } from '../../sources/sources.ts';
import { findFileRoute } from './file-routes.ts';
import type { Guess, Role } from './project.ts';
import { mountOf } from './route-mounts.ts';

const NAMES = [
  ...['health', 'healthz', 'health-check', 'healthcheck', 'health_check', '_health', 'up', 'ready', 'readyz', 'livez'],
  ...['health/live', 'health/ready', 'alive', 'heartbeat', 'ping', 'status'],
];
const PREFIXES = ['/', '/api/', '/v1/', '/api/v1/', '/internal/'];

/** Returns the path that tells whether a program is ready: a health route in its code, else `/` where it has that; undefined: its port. */
export function detectHealth(sources: Sources, role: Role): Guess<string | undefined> {
  if (role === 'front') return { value: findFileRoute(sources, NAMES) ?? '/' };
  const found = findHealthRoute(sources);
  if (found) return found;
  const file = findFileRoute(sources, NAMES);
  if (file !== undefined) return { value: file };
  const root = findInTexts(
    sources,
    CODE_FILES,
    /\b(?:app|server|fastify|router)\.get\(\s*(['"`])\/\1|['"`]GET \/(?:\{\$\})?['"`]/,
  );
  return { value: root ? '/' : undefined };
}

/** Returns a health route named in the code, e.g. `/health`. */
export function findHealthRoute(sources: Sources): Guess<string> | undefined {
  for (const name of NAMES) {
    const value =
      findNest(sources, name) ?? findDjango(sources, name) ?? findRails(sources, name) ?? findPath(sources, name);
    // One with a place in it cannot be asked.
    if (value !== undefined && !/[${}:<*]/.test(value)) return { value };
  }
  return undefined;
}

/** `@Controller('health')`, and `@Get('health')` of one that has a path or none. */
function findNest(sources: Sources, name: string): string | undefined {
  for (const [file, text] of sources.texts) {
    const controller = /\.[jt]s$/.test(file) ? text.match(CONTROLLER) : null;
    const route = controller ? routeOf(controller[1] ?? '', text, name) : undefined;
    if (route !== undefined) return nestPrefix(sources, text, name) + route;
  }
  return undefined;
}

const CONTROLLER = /@Controller\(\s*(?:\{[^)]*?path:\s*)?(?:['"`]\/?([\w/-]*?)\/?['"`])?/;

function routeOf(place: string, text: string, name: string): string | undefined {
  const inside = new RegExp(String.raw`@Get\(\s*['"\`]/?${name}/?['"\`]`).test(text);
  const isWhole = !inside || /@Get\(\s*\)/.test(text);
  if (place === name && isWhole) return `/${name}`;
  if (!inside) return undefined;
  return place === '' ? `/${name}` : `/${place}/${name}`;
}

/** The prefix of all routes but those it excludes, and the version of a controller. */
function nestPrefix(sources: Sources, controller: string, name: string): string {
  const set = findInTexts(
    sources,
    CODE_FILES,
    /setGlobalPrefix\(\s*([^,)\n]+(?:\([^)]*\))?[^,)\n]*)(?:,\s*\{([^}]*)\})?/s,
  );
  if (!set) return '';
  const [, said = '', settings = ''] = set;
  const literal = said.match(/^['"`]\/?([\w/-]+?)\/?['"`]/)?.[1];
  const prefix = new RegExp(`exclude:[^\\]]*['"\`/]${name}\\b`).test(settings) ? undefined : literal;
  const hasVersions = findInTexts(sources, CODE_FILES, /enableVersioning\(/) !== undefined;
  const version = hasVersions ? controller.match(/version:\s*['"](\d+)['"]/)?.[1] : undefined;
  return [prefix, version && `v${version}`]
    .filter(Boolean)
    .map((part) => `/${part}`)
    .join('');
}

/** `path('health/', …)` in `urls.py`, behind what includes the file: `path('api/', include('shop.urls'))`. */
function findDjango(sources: Sources, name: string): string | undefined {
  const route = new RegExp(String.raw`\b(?:re_)?path\(\s*r?['"]\^?((?:[\w-]+/)*${name}/?)\$?['"]`);
  for (const [file, text] of sources.texts) {
    const found = /(?:^|\/)urls(?:\/\w+)?\.py$/.test(file) ? text.match(route)?.[1] : undefined;
    if (found !== undefined) return `/${includedAt(sources, file)}${found}`;
  }
  return undefined;
}

function includedAt(sources: Sources, file: string, deep = 0): string {
  const module = file.replace(/\.py$/, '').replaceAll('/', '.');
  const including = /\bpath\(\s*r?['"]\^?([\w/-]*)['"]\s*,\s*include\(\s*['"]([\w.]+)['"]/g;
  for (const [other, text] of sources.texts) {
    if (other === file || !/urls\.py$/.test(other)) continue;
    for (const [, prefix = '', included = ''] of text.matchAll(including)) {
      const isThis = module === included || module.endsWith(`.${included}`);
      if (isThis) return deep < 3 ? includedAt(sources, other, deep + 1) + prefix : prefix;
    }
  }
  return '';
}

/** `get "healthz" => "health#show"`, `get :healthz, to: …` in `routes.rb` or Phoenix's router, within its `scope` or `namespace`. */
function findRails(sources: Sources, name: string): string | undefined {
  const text = findText(sources, /^(?:config\/routes\.rb|(?:apps\/\w+\/)?lib\/\w+_web\/router\.ex)$/);
  if (text === undefined) return undefined;
  const open: string[] = [];
  for (const line of text.split('\n')) {
    const route = line.match(
      new RegExp(String.raw`^\s*(?:get|match)\s*\(?\s*['":]/?((?:[\w-]+/)*${name})\b['"]?`),
    )?.[1];
    if (route !== undefined) return `/${[...open.filter(Boolean), route].join('/')}`;
    if (/\bdo(?:\s*\|\w+\|)?\s*$/.test(line)) {
      open.push(line.match(/^\s*(?:namespace|scope)\s*\(?\s*['":]\/?([\w/-]+)/)?.[1] ?? '');
    } else if (/^\s*end\b/.test(line)) open.pop();
  }
  return undefined;
}

/** A path in quotes that the program does not ask somebody else for; of a router, behind where it is mounted. */
function findPath(sources: Sources, name: string): string | undefined {
  for (const prefix of PREFIXES) {
    const pattern = new RegExp(
      String.raw`(?<!(?:fetch|axios|http|client|request)\w*(?:\.\w+)?\(\s*)(['"\`])(?:GET )?(${prefix}${name}/?)\1`,
    );
    for (const [file, text] of sources.texts) {
      const found = CODE_FILES.test(file) && text.includes(name) ? text.match(pattern) : null;
      if (!found) continue;
      return mountOf(sources, { file, text, at: found.index! }) + found[2];
    }
  }
  return undefined;
}
