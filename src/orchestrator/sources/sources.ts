import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../../adapters/files/file-errors.ts';

/** What could be read of a folder: enough to guess from, however large the project is. */
export interface Sources {
  /** Absolute path of the folder. */
  folder: string;
  /** All files seen, relative to the folder, the nearest first. */
  names: ReadonlySet<string>;
  /** Text of those that say something: source code, manifests, settings. */
  texts: ReadonlyMap<string, string>;
}

const MOST_FILES = 400;
/** Packages of Java lie deep. */
const MOST_DEPTH = 9;
/** On one level. */
const MOST_FOLDERS = 300;
const MOST_BYTES = 128 * 1024;

/** Matches the paths of source code. */
export const CODE_FILES = /\.(?:[cm]?[jt]sx?|vue|svelte|astro|rb|ru|py|go|php|java|kt|exs?)$/;
/** Matches the paths of settings that name variables as code does: `config/database.yml`, `application.properties`. */
export const CODE_SETTINGS =
  /(?:^|\/)(?:application[\w-]*\.(?:ya?ml|properties)|(?:configs?|conf)\/[\w.-]+\.ya?ml|config[\w.-]*\.ya?ml|[\w-]+\.prisma)$/;
/** Matches the paths of a program's own files of settings: `config/config.yaml`, `config.dev.yml`. */
export const CONFIG_FILES = /(?:^|\/)(?:(?:configs?|conf)\/[\w.-]+|config[\w.-]*)\.ya?ml$/;
const SETTINGS =
  /(?:^|\/)(?:package\.json|angular\.json|proxy\.conf\.json|pnpm-workspace\.yaml|(?:.*\.)?Dockerfile(?:\..*)?|Procfile(?:\..*)?|Gemfile(?:\.lock)?|go\.mod|pyproject\.toml|requirements(?:\/\w+|[^/]*)\.txt|pom\.xml|(?:build|settings)\.gradle(?:\.kts)?|composer\.json|mix\.exs|\.nvmrc|\.(?:node|ruby|python|php|java)-version|\.tool-versions|\.yarnrc\.yml|manage\.py|project\.json|[mM]akefile|\.?[jJ]ustfile|[tT]askfile\.ya?ml|index\.html|[\w-]+\.sh)$/;
const OTHER_FOLDERS =
  /^(?:\..*|node_modules|bower_components|vendor|dist|build|out|coverage|tmp|log|logs|target|venv|env|__pycache__|tests?|__tests__|__mocks__|specs?|e2e|cypress|playwright|fixtures|docs|examples?|storybook-static|tickets)$/;
/** `org.example` is a package as any other. */
const PACKAGES = /(?:^|\/)src\/main\/(?:java|kotlin)(?:\/|$)/;
const TEST_FILE =
  /\.(?:test|spec|stories|cy|d)\.[cm]?[jt]sx?$|(?:^|\/)(?:cypress|playwright|vitest|jest|codecept)[\w.-]*\.(?:config|conf)\.[cm]?[jt]s$|_(?:test|spec)\.(?:rb|go|py|exs)$|(?:^|\/)test_\w+\.py$|\.min\.js$/;

/** Reads the files of a folder that tell what it is, the upper ones first, up to a bounded number and size. Never throws. */
export async function readSources(folder: string): Promise<Sources> {
  const names = new Set<string>();
  const texts = new Map<string, string>();
  let level = [''];
  for (let depth = 0; depth < MOST_DEPTH && level.length > 0 && texts.size < MOST_FILES; depth++) {
    const next: string[] = [];
    for (const dir of level) {
      const { files, folders } = await listFolder(folder, dir);
      for (const file of files) names.add(file);
      next.push(...folders);
      await readTexts(folder, files, texts);
    }
    level = next.slice(0, MOST_FOLDERS);
  }
  return { folder, names, texts };
}

/** Returns the first text whose path matches, nearest to the top first. */
export function findText(sources: Sources, pattern: RegExp): string | undefined {
  for (const [name, text] of sources.texts) if (pattern.test(name)) return text;
  return undefined;
}

/** Returns the first match of a pattern in files whose path matches. */
export function findInTexts(
  sources: Sources,
  files: RegExp | ((name: string) => boolean),
  pattern: RegExp,
): RegExpMatchArray | undefined {
  const isMeant = typeof files === 'function' ? files : (name: string) => files.test(name);
  for (const [name, text] of sources.texts) {
    const match = isMeant(name) ? text.match(pattern) : null;
    if (match) return match;
  }
  return undefined;
}

const ENV_NAMES = /(?:^|\/)(?:\.env(?:rc|[._-][\w.-]+)?|\.flaskenv|env[._-][\w.-]+|[\w.-]+\.env(?:[._-][\w.-]+)?)$/;
/** Places other than a developer's machine, as names of files tell them. */
const OTHER_PLACE = /(?:^|[._-])(?:(?:pre)?prod(?:uction)?|test(?:ing)?|e2e|ci|stag(?:e|ing))(?:$|[._-])/;
/** Files that are called like env files and are none. */
const NO_ENV = /\.(?:[cm]?[jt]sx?|py|rb|go|php|java|exs?|json|ya?ml|sh|md|enc|gpg|vault)$/;

/** True for the path of settings of another place than a developer's machine: `config/config.prod.yaml`, `.env.test`. */
export function isOfOtherPlace(file: string): boolean {
  return OTHER_PLACE.test(path.posix.basename(file));
}

/** True for the path of an env file of a developer's machine, examples included: `.env`, `env-example-relational`, `example.env.local`. */
export function isEnvFile(file: string): boolean {
  return ENV_NAMES.test(file) && !isOfOtherPlace(file) && !NO_ENV.test(file);
}

async function listFolder(folder: string, dir: string): Promise<{ files: string[]; folders: string[] }> {
  const entries = (await ifReadable(readdir(path.join(folder, dir), { withFileTypes: true }))) ?? [];
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const at = (name: string) => (dir === '' ? name : `${dir}/${name}`);
  return {
    files: sorted.filter((entry) => entry.isFile()).map(({ name }) => at(name)),
    folders: sorted
      .filter((entry) => entry.isDirectory() && (!OTHER_FOLDERS.test(entry.name) || PACKAGES.test(dir)))
      .map(({ name }) => at(name)),
  };
}

async function readTexts(folder: string, files: readonly string[], texts: Map<string, string>): Promise<void> {
  for (const file of files) {
    if (texts.size >= MOST_FILES) return;
    if (!tellsSomething(file)) continue;
    const text = await readBounded(path.join(folder, file));
    if (text !== undefined) texts.set(file, text);
  }
}

function tellsSomething(file: string): boolean {
  if (CODE_FILES.test(file)) return !TEST_FILE.test(file);
  return SETTINGS.test(file) || CODE_SETTINGS.test(file) || isEnvFile(file);
}

async function readBounded(file: string): Promise<string | undefined> {
  const bytes = (await ifReadable(stat(file)))?.size ?? Number.POSITIVE_INFINITY;
  return bytes > MOST_BYTES ? undefined : ifReadable(readFile(file, 'utf8'));
}
