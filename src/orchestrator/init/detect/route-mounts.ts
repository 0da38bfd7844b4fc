import path from 'node:path';
import { CODE_FILES, type Sources } from '../../sources/sources.ts';

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
  if (router === undefined || /^(?:app|server|mux|http|e|r|fastify|api)$/.test(router))
    return fastifyPrefix(sources, file);
  const own =
    text.match(
      new RegExp(String.raw`\b${router}\b[^\n]*(?:APIRouter|Blueprint)\([^)]*?(?:url_)?prefix\s*=\s*['"]([^'"]*)['"]`),
    )?.[1] ?? '';
  const mounted = deep > 3 ? undefined : findMount(sources, file, router, deep);
  return (mounted ?? '') + own;
}

const USE =
  /\b(\w+)\.(?:use|route|include_router|register_blueprint|register)\(\s*(?:['"`]([^'"`]*)['"`]\s*,\s*)?([\w.]+)(?:\([^)]*\))?(?:\s*,\s*(?:\{\s*)?(?:url_)?prefix\s*[=:]\s*['"`]([^'"`]*)['"`])?/g;

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
    return [...text.matchAll(USE)].map(({ 0: whole, 1: by = '', 2: before, 3: used = '', 4: after, index }) => ({
      place: { file, text, at: index + whole.indexOf('(') + 1 },
      by,
      used: used === 'require' ? whole : used,
      prefix: (before ?? after)?.replace(/\/$/, ''),
    }));
  });
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
