import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../../../adapters/files/file-errors.ts';

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
const MOST_DEPTH = 5;
/** On one level. */
const MOST_FOLDERS = 300;
const MOST_BYTES = 128 * 1024;

/** Matches the paths of source code. */
export const CODE_FILES = /\.(?:[cm]?[jt]sx?|vue|svelte|rb|ru|py|go)$/;
const SETTINGS =
  /(?:^|\/)(?:package\.json|angular\.json|pnpm-workspace\.yaml|(?:.*\.)?Dockerfile(?:\..*)?|Procfile(?:\..*)?|Gemfile(?:\.lock)?|go\.mod|pyproject\.toml|requirements[^/]*\.txt|schema\.prisma|\.env(?:\.[\w.-]+)?|\.nvmrc|\.(?:node|ruby|python)-version|\.tool-versions|\.yarnrc\.yml|manage\.py|index\.html)$/;
const OTHER_FOLDERS =
  /^(?:\..*|node_modules|bower_components|vendor|dist|build|out|coverage|tmp|log|logs|target|venv|env|__pycache__|tests?|__tests__|__mocks__|specs?|e2e|cypress|playwright|fixtures|docs|examples?|storybook-static|tickets)$/;
const TEST_FILE = /\.(?:test|spec|stories|d)\.[cm]?[jt]sx?$|_(?:test|spec)\.(?:rb|go|py)$|\.min\.js$/;

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
export function findInTexts(sources: Sources, files: RegExp, pattern: RegExp): RegExpMatchArray | undefined {
  for (const [name, text] of sources.texts) {
    const match = files.test(name) ? text.match(pattern) : null;
    if (match) return match;
  }
  return undefined;
}

/** Matches the paths of env files, examples included. */
export const ENV_FILES = /(?:^|\/)\.env(?:\.[\w.-]+)?$/;

async function listFolder(folder: string, dir: string): Promise<{ files: string[]; folders: string[] }> {
  const entries = (await ifReadable(readdir(path.join(folder, dir), { withFileTypes: true }))) ?? [];
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const at = (name: string) => (dir === '' ? name : `${dir}/${name}`);
  return {
    files: sorted.filter((entry) => entry.isFile()).map(({ name }) => at(name)),
    folders: sorted
      .filter((entry) => entry.isDirectory() && !OTHER_FOLDERS.test(entry.name))
      .map(({ name }) => at(name)),
  };
}

async function readTexts(folder: string, files: readonly string[], texts: Map<string, string>): Promise<void> {
  for (const file of files) {
    if (texts.size >= MOST_FILES) return;
    if (!SETTINGS.test(file) && (!CODE_FILES.test(file) || TEST_FILE.test(file))) continue;
    const text = await readBounded(path.join(folder, file));
    if (text !== undefined) texts.set(file, text);
  }
}

async function readBounded(file: string): Promise<string | undefined> {
  const bytes = (await ifReadable(stat(file)))?.size ?? Number.POSITIVE_INFINITY;
  return bytes > MOST_BYTES ? undefined : ifReadable(readFile(file, 'utf8'));
}
