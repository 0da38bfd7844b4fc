import type { EnvReader } from '../../domain/env-reader.ts';
import type { Manifest } from './manifest.ts';
import { findInTexts, type Sources } from './sources.ts';

const USUAL = ['.env'];
/** Files of the mode go over those of this machine. */
const MODE_FIRST = ['.env.development.local', '.env.development', '.env.local', '.env'];
const LOCAL_FIRST = ['.env.development.local', '.env.local', '.env.development', '.env'];

/** What reads env files once its package is there, by the name people know; the first of those with one name counts. */
const PACKAGES: readonly { tool: string; packages: RegExp; files: readonly string[] }[] = [
  { tool: 'Next', packages: /^next$/, files: LOCAL_FIRST },
  { tool: 'Create React App', packages: /^react-scripts$/, files: LOCAL_FIRST },
  { tool: 'Adonis', packages: /^@adonisjs\/core$/, files: LOCAL_FIRST },
  { tool: 'Vue CLI', packages: /^@vue\/cli-service$/, files: MODE_FIRST },
  { tool: 'Vite', packages: /^(?:vite|astro|@sveltejs\/kit|@remix-run\/dev|@react-router\/dev)$/, files: MODE_FIRST },
  { tool: 'Gatsby', packages: /^gatsby$/, files: ['.env.development'] },
  { tool: 'Nuxt', packages: /^nuxt3?$/, files: USUAL },
  { tool: 'dotenv-flow', packages: /^dotenv-flow$/, files: ['.env.local', '.env'] },
  { tool: 'dotenv', packages: /^(?:dotenv|dotenv-cli|dotenv-safe|dotenv-expand|env-var)$/, files: USUAL },
  { tool: 'env-cmd', packages: /^env-cmd$/, files: USUAL },
  { tool: 'Nest', packages: /^@nestjs\/config$/, files: USUAL },
  { tool: 'Prisma', packages: /^(?:prisma|@prisma\/client)$/, files: ['.env', 'prisma/.env'] },
  { tool: 'Medusa', packages: /^@medusajs\//, files: USUAL },
  { tool: 'Keystone', packages: /^@keystone-6\/core$/, files: USUAL },
];

const PYTHON =
  /\b(python-dotenv|django-environ|environs|python-decouple|pydantic-settings|pydantic_settings|dynaconf|starlette)\b/i;
const MANIFESTS = /^(?:requirements(?:\/\w+|[^/]*)\.txt|pyproject\.toml|Pipfile)$/;

/** Returns what reads env files in a folder without being told which. */
export function listEnvTools(sources: Sources, manifest: Manifest | undefined): EnvReader[] {
  const packages = [...(manifest?.packages ?? [])];
  const text = (name: string): string => sources.texts.get(name) ?? '';
  const python = findInTexts(sources, MANIFESTS, PYTHON)?.[1]?.toLowerCase();
  const gem = /^\s*gem ['"](dotenv(?:-rails)?)['"]/m.exec(text('Gemfile'))?.[1];
  const isBun = Object.values(manifest?.scripts ?? {}).some((line) => /(?:^|[&;|]\s*)bunx? /.test(line));
  return [
    ...PACKAGES.flatMap((one) => (packages.some((name) => one.packages.test(name)) ? [one] : [])),
    ...(isBun ? [{ tool: 'Bun', files: ['.env.local', '.env.development', '.env'] }] : []),
    ...(python === undefined ? [] : [{ tool: python, files: USUAL }]),
    ...(/\bgodotenv\b/.test(text('go.mod')) ? [{ tool: 'godotenv', files: USUAL }] : []),
    ...(gem === undefined ? [] : [{ tool: gem, files: gem === 'dotenv' ? USUAL : LOCAL_FIRST }]),
    ...(sources.names.has('artisan') ? [{ tool: 'Laravel', files: USUAL }] : []),
    ...(/"symfony\/(?:dotenv|runtime)"/.test(text('composer.json'))
      ? [{ tool: 'Symfony', files: ['.env.dev.local', '.env.dev', '.env.local', '.env'] }]
      : []),
  ].map(({ tool, files }) => ({ tool, files, overrides: false }));
}
