import type { Guess, Role } from './project.ts';
import { CODE_FILES, findInTexts, type Sources } from './sources.ts';

const NAMES = ['health', 'healthz', 'health-check', 'healthcheck', 'up', 'ready', 'readyz', 'livez', 'ping', 'status'];
const PREFIXES = ['/', '/api/', '/v1/', '/api/v1/'];

/** Returns the path that tells whether a program is ready: a health route in its code, else `/` for a front-end. */
export function detectHealth(sources: Sources, role: Role): Guess<string | undefined> {
  if (role === 'front') return { value: '/' };
  const found = findHealthRoute(sources);
  if (found) return found;
  if (findInTexts(sources, CODE_FILES, /\.get\(\s*(['"`])\/\1|['"`]GET \/['"`]/)) return { value: '/' };
  return { value: undefined, check: 'no health route was found, so it is ready when its port answers' };
}

/** Returns a health route named in the code, e.g. `/health`; `check` says when something may stand in front of it. */
export function findHealthRoute(sources: Sources): Guess<string> | undefined {
  for (const name of NAMES) {
    const nest = findInTexts(sources, CODE_FILES, new RegExp(String.raw`@Controller\(\s*['"\`]/?${name}['"\`]`));
    if (nest) return { value: `${nestPrefix(sources)}/${name}` };
    const path = PREFIXES.map((prefix) => prefix + name).find((candidate) => namesPath(sources, candidate));
    if (path === undefined) continue;
    const mounted = findInTexts(
      sources,
      CODE_FILES,
      new RegExp(String.raw`\b\w*[Rr]outer\w*\.get\(\s*['"\`]${path}['"\`]`),
    );
    return { value: path, check: mounted ? `is it ${path}? The router may be mounted below another path` : undefined };
  }
  return undefined;
}

function namesPath(sources: Sources, path: string): boolean {
  // `fetch('/health')` asks somebody else.
  const pattern = new RegExp(String.raw`(?<!fetch\(\s*|axios\.get\(\s*)(['"\`])(?:GET )?${path}\1`);
  return findInTexts(sources, CODE_FILES, pattern) !== undefined;
}

function nestPrefix(sources: Sources): string {
  const prefix = findInTexts(sources, CODE_FILES, /setGlobalPrefix\(\s*['"`]\/?([\w/-]+?)\/?['"`]/)?.[1];
  return prefix === undefined ? '' : `/${prefix}`;
}
