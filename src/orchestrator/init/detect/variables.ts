import { CODE_FILES, ENV_FILES, findInTexts, type Sources } from './sources.ts';

/** Variables of a program that stack can fill in, each with the text that goes into `stack.yml`. */
export interface Variables {
  postgres: Record<string, string>;
  redis: Record<string, string>;
  /** Where the API is; the value is what follows its address: `/v1`. */
  api: Record<string, string>;
}

const LINE = /^(?:export\s+)?([A-Z][A-Z0-9_]*)=["']?([^"'\n#]*)/gm;
const API_NAME = /(?:API|BACKEND|SERVER|GRAPHQL)\w*(?:URL|URI|ORIGIN|BASE|ENDPOINT|TARGET)$/;
const LOCAL_URL = /^https?:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?(\/[\w./-]*)?\s*$/;

const PARTS: [store: 'postgres' | 'redis', name: RegExp, key: string][] = [
  ['postgres', /^(?:DB|DATABASE|POSTGRES|PG|TYPEORM)_?HOST(?:NAME)?$/, 'host'],
  ['postgres', /^(?:DB|DATABASE|POSTGRES|PG|TYPEORM)_?PORT$/, 'port'],
  ['postgres', /^(?:DB|DATABASE|POSTGRES|PG|TYPEORM)_?USER(?:NAME)?$/, 'user'],
  ['postgres', /^(?:DB|DATABASE|POSTGRES|PG|TYPEORM)_?PASS(?:WORD)?$/, 'password'],
  ['postgres', /^(?:(?:DB|POSTGRES)_?(?:NAME|DB|DATABASE)|DATABASE_?NAME|PGDATABASE|TYPEORM_?DATABASE)$/, 'database'],
  ['redis', /^REDIS_?HOST$/, 'host'],
  ['redis', /^REDIS_?PORT$/, 'port'],
];

/** Returns the variables that the env files of a folder name, examples included, beside those that every program knows. */
export function detectVariables(sources: Sources): Variables {
  const found: Variables = { postgres: {}, redis: {}, api: {} };
  for (const [file, text] of sources.texts) {
    if (!ENV_FILES.test(file)) continue;
    for (const [, name = '', value = ''] of text.matchAll(LINE)) readVariable(found, name, value);
  }
  // A variable that only a part of the program wants is no reason to leave out the one most programs know.
  if (Object.keys(found.postgres).length === 0 || reads(sources, 'DATABASE_URL'))
    addFirst(found, 'postgres', 'DATABASE_URL');
  if (Object.keys(found.redis).length === 0 || reads(sources, 'REDIS_URL')) addFirst(found, 'redis', 'REDIS_URL');
  return found;
}

/** True when the code of a folder names the variable. */
export function reads(sources: Sources, variable: string): boolean {
  return findInTexts(sources, CODE_FILES, new RegExp(String.raw`\b${variable}\b`)) !== undefined;
}

function readVariable(found: Variables, name: string, value: string): void {
  if (/^postgres(?:ql)?:\/\//.test(value)) found.postgres[name] = '${postgres.url}';
  else if (/^rediss?:\/\//.test(value)) found.redis[name] = '${redis.url}';
  const part = PARTS.find(([, pattern]) => pattern.test(name));
  if (part) found[part[0]][name] = `\${${part[0]}.${part[2]}}`;
  const local = LOCAL_URL.exec(value);
  if (local && API_NAME.test(name)) found.api[name] ??= (local[1] ?? '').replace(/\/$/, '');
}

function addFirst(found: Variables, store: 'postgres' | 'redis', name: string): void {
  found[store] = { [name]: `\${${store}.url}`, ...found[store] };
}
