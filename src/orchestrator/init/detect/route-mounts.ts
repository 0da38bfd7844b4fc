import path from 'node:path';
import { CODE_FILES, findInTexts, type Sources } from '../../sources/sources.ts';

/** Where a route stands. */
export interface Place {
  file: string;
  text: string;
  /** Where the route stands. */
  at: number;
}

/** Returns what stands before the routes of a router: where the program mounts it, and its own prefix. */
export function mountOf(sources: Sources, { file, text, at }: Place, deep = 0): string {
  const line = text.slice(text.lastIndexOf('\n', at) + 1, at);
  const router = line.match(/@?\b(\w+)\.(?:get|all|use|route|Get|GET|HandleFunc|Handle)\(\s*$/)?.[1];
  const around = blocksAround(text, at);
  if (router === undefined || /^(?:app|server|mux|http|e|r|fastify|api)$/.test(router))
    return fastifyPrefix(sources, file) + around;
  const group = deep > 3 ? undefined : groupOf(sources, { file, text, at }, router, deep);
  if (group !== undefined) return group + around;
  const own =
    text.match(
      new RegExp(
        String.raw`\b${router}\b[^\n=]*=\s*(?:APIRouter|Blueprint)\([^)]*?(?:url_)?prefix\s*=\s*['"]([^'"]*)['"]`,
      ),
    )?.[1] ?? '';
  const mounted = deep > 3 ? undefined : findMount(sources, file, router, deep);
  return (mounted ?? '') + own;
}

/** `v1 := router.Group("/api/v1")` of gin, echo and fiber. */
function groupOf(sources: Sources, { file, text, at }: Place, router: string, deep: number): string | undefined {
  const made = [
    ...text.slice(0, at).matchAll(new RegExp(String.raw`\b${router}\s*:?=\s*(\w+)\.Group\(\s*"([^"]*)"`, 'g')),
  ];
  const group = made.at(-1);
  if (!group) return undefined;
  const place = {
    file,
    text: `${text.slice(0, group.index)}${group[1]}.get(`,
    at: group.index + `${group[1]}.get(`.length,
  };
  return mountOf(sources, place, deep + 1) + group[2];
}

/** The prefixes of the blocks that the place is in: `r.Route("/api", func(r chi.Router) { … })`. */
function blocksAround(text: string, at: number): string {
  const open: string[] = [];
  let prefix = '';
  for (const [token, route] of text.slice(0, at).matchAll(/\.Route\(\s*"([^"]*)"\s*,|"(?:[^"\\\n]|\\.)*"|[{}]/g)) {
    if (route !== undefined) prefix = route;
    else if (token === '{') {
      open.push(prefix);
      prefix = '';
    } else if (token === '}') open.pop();
  }
  return open.join('').replaceAll(/\/+/g, '/');
}

const USE =
  /\b(\w+)\.(?:use|route|include_router|register_blueprint|register)\(\s*(?:['"`]([^'"`]*)['"`]\s*,\s*)?([\w.]+)(?:\([^)]*\))?(?:\s*,\s*(?:\{\s*)?(?:url_)?prefix\s*[=:]\s*(?:['"`]([^'"`]*)['"`]|(?:\w+\.)*(\w+)))?/g;

/** `app.use('/api', health)`: a place that mounts routes. */
interface Mount {
  place: Place;
  /** What mounts. */
  by: string;
  /** What is mounted. */
  used: string;
  prefix: string | undefined;
}

function listMounts(sources: Sources): Mount[] {
  return [...sources.texts].flatMap(([file, text]) => {
    if (!CODE_FILES.test(file)) return [];
    return [...text.matchAll(USE)].map(
      ({ 0: whole, 1: by = '', 2: before, 3: used = '', 4: after, 5: constant, index }) => ({
        place: { file, text, at: index + whole.indexOf('(') + 1 },
        by,
        used: used === 'require' ? whole : used,
        prefix: (before ?? after ?? readConstant(sources, constant))?.replace(/\/$/, ''),
      }),
    );
  });
}

/** What a name stands for somewhere in the program: `API_V1_STR: str = "/api/v1"`. */
function readConstant(sources: Sources, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const pattern = new RegExp(String.raw`\b${name}\s*(?::\s*\w+\s*)?=\s*['"\`](/[\w/-]*)['"\`]`);
  return findInTexts(sources, CODE_FILES, pattern)?.[1];
}

function findMount(sources: Sources, file: string, router: string, deep: number): string | undefined {
  const stem = stemOf(file);
  const mount = listMounts(sources).find(({ place, by, used }) =>
    place.file === file ? used === router && by !== router : namesModule(place.text, used, stem),
  );
  return mount && mountOf(sources, mount.place, deep + 1) + (mount.prefix ?? '');
}

/** What a file is imported as: that of its folder where it is the folder's index. */
function stemOf(file: string): string {
  const base = path.posix.basename(file).replace(/\.\w+$/, '');
  return base === 'index' || base === '__init__' ? path.posix.basename(path.posix.dirname(file)) : base;
}

/** `import health from './routes/health.js'`, `from .routers import health`. */
function namesModule(text: string, used: string, stem: string): boolean {
  if (!text.includes(stem)) return false;
  const module = stem.replaceAll(/[^\w/]/g, String.raw`\$&`);
  if (/\brequire\(/.test(used)) return new RegExp(`/${module}(?:\\.\\w+)?['"\`]`).test(used);
  const [name = ''] = used.split('.');
  if (name === stem && new RegExp(String.raw`\b(?:import|require)\b[^\n]*\b${name}\b`).test(text)) return true;
  const imported = new RegExp(
    String.raw`\b${name}\b[^\n]*(?:from\s*|require\(\s*)['"\`][^'"\`]*/${module}(?:\.\w+)?(?:/index(?:\.\w+)?)?['"\`]|from\s+[\w.]*(?<!\w)${module}\s+import\s+[^\n]*\b${name}\b`,
  );
  return imported.test(text);
}

/** Fastify's plugins have no router of their own: `app.register(routes, { prefix: '/api' })`. */
function fastifyPrefix(sources: Sources, file: string): string {
  const stem = stemOf(file);
  const mount = listMounts(sources).find(
    ({ place, used, prefix }) => place.file !== file && prefix !== undefined && namesModule(place.text, used, stem),
  );
  return mount?.prefix ?? '';
}
