import path from 'node:path';
import { readManifest } from './manifest.ts';
import { CODE_FILES, findInTexts, readSources, type Sources } from './sources.ts';

const NODE_READERS =
  /^(?:dotenv|dotenv-cli|dotenv-safe|dotenv-expand|env-cmd|env-var|@nestjs\/config|prisma|@prisma\/client|@medusajs\/.*|@adonisjs\/core|@keystone-6\/core)$/;
const PYTHON_READERS =
  /\b(?:python-dotenv|django-environ|environs|python-decouple|pydantic-settings|pydantic_settings|dynaconf|starlette)\b/i;
const MANIFESTS = /^(?:requirements(?:\/\w+|[^/]*)\.txt|pyproject\.toml|Pipfile)$/;
const FILE = String.raw`(\.?/?\.env(?:\.[\w.-]+)?)`;
/** Code and scripts that name the file: the first of several has the most to say. */
const NAMED_IN_CODE = [
  new RegExp(String.raw`\bconfig\(\{[^}]*\bpath:\s*\[?\s*['"\x60]${FILE}['"\x60]`),
  new RegExp(String.raw`\benvFilePath:\s*\[?\s*['"\x60]${FILE}['"\x60]`),
];
const NAMED_IN_SCRIPT = [
  new RegExp(`--env-file(?:-if-exists)?[= ]${FILE}`),
  new RegExp(`\\benv-cmd\\b[^&|;]*? -(?:f|-file) ${FILE}`),
  new RegExp(`\\bdotenv\\b[^&|;]*? -e ${FILE}`),
];

/**
 * Returns the env file that the programs of a repo, and the tools that migrate its database, read with the most to say where that
 * is not `.env.local`: what stack fills in belongs there. Never throws.
 */
export async function detectEnvFile(
  repo: string,
  projects: readonly { dir: string; role: string }[],
): Promise<string | undefined> {
  for (const { dir, role } of projects) {
    if (role === 'front') continue;
    const file = readWinner(await readSources(path.join(repo, dir)));
    if (file !== undefined) return file;
  }
  return undefined;
}

function readWinner(sources: Sources): string | undefined {
  const manifest = readManifest(sources);
  const scripts = Object.values(manifest?.scripts ?? {}).join('\n');
  const named =
    NAMED_IN_SCRIPT.map((pattern) => pattern.exec(scripts)?.[1]).find((file) => file !== undefined) ??
    NAMED_IN_CODE.map((pattern) => findInTexts(sources, CODE_FILES, pattern)?.[1]).find((file) => file !== undefined);
  if (named !== undefined) return path.posix.normalize(named.replace(/^\//, ''));
  const reads =
    [...(manifest?.packages ?? [])].some((name) => NODE_READERS.test(name)) ||
    findInTexts(sources, MANIFESTS, PYTHON_READERS) !== undefined ||
    /\bgodotenv\b/.test(sources.texts.get('go.mod') ?? '') ||
    /^\s*gem ['"]dotenv['"]/m.test(sources.texts.get('Gemfile') ?? '') ||
    sources.names.has('artisan');
  return reads ? '.env' : undefined;
}
