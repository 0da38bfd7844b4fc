import path from 'node:path';
import { glob } from 'tinyglobby';
import { parse } from 'yaml';
import { type Manifest, readManifest } from '../../sources/manifest.ts';
import { readSources, type Sources } from '../../sources/sources.ts';
import { detectJavaProject } from './java-project.ts';
import { detectNodeProject, type Surroundings, startsSeveral } from './node-project.ts';
import { detectDockerProject, detectGoProject, detectPythonProject, detectStaticProject } from './other-projects.ts';
import { detectPhpProject } from './php-project.ts';
import type { Project } from './project.ts';
import { detectRubyProject } from './ruby-project.ts';

/** Folders in which the parts of a repo often are, where no list of workspaces says so. */
const USUAL_FOLDERS = ['apps/*', 'services/*', 'packages/*', '*'];
/** A Dockerfile marks a part only where parts are kept: elsewhere it is a tool. */
const MARKS_OF_PARTS = ['apps/*/Dockerfile', 'services/*/Dockerfile'];
const MARKS = [
  'package.json',
  'Gemfile',
  'go.mod',
  'pom.xml',
  'build.gradle',
  'build.gradle.kts',
  'composer.json',
  'pyproject.toml',
  'requirements.txt',
  'manage.py',
];
/** At the top of a repo of several parts these are often those of one part, or of the docs. */
const UNCLEAR: ReadonlySet<string> = new Set(['Dockerfile', 'static files']);
const MOST_FOLDERS = 40;

/** Returns what else a folder of the repo is handed: texts of env files, by their names. */
type MoreEnv = (dir: string) => ReadonlyMap<string, string>;

/** Returns everything that runs out of a repo: its workspaces or apps, else what is at its top; [] when nothing does. */
export async function detectProjects(repo: string, moreEnv: MoreEnv = () => new Map()): Promise<Project[]> {
  const top = await readAll(repo, '', moreEnv);
  const manifest = readManifest(top);
  const workspaces = listWorkspaces(top, manifest);
  const atTop = detectProject(top, { repo, dir: '', top });
  const clear = atTop && !UNCLEAR.has(atTop.label) ? atTop : undefined;
  const isWhole = clear && workspaces.length === 0 && !(manifest && startsSeveral(manifest));
  const parts = isWhole
    ? []
    : await detectBelow(repo, { top, moreEnv }, workspaces.length > 0 ? workspaces : USUAL_FOLDERS);
  if (parts.length === 0) return atTop ? [atTop] : [];
  const isMore = clear && clear.role !== 'other' && !parts.some(({ role }) => role === clear.role);
  return isMore ? [clear, ...parts] : parts;
}

async function readAll(repo: string, dir: string, moreEnv: MoreEnv): Promise<Sources> {
  const sources = await readSources(path.join(repo, dir));
  return { ...sources, texts: new Map([...sources.texts, ...moreEnv(dir)]) };
}

async function detectBelow(
  repo: string,
  { top, moreEnv }: { top: Sources; moreEnv: MoreEnv },
  patterns: readonly string[],
): Promise<Project[]> {
  const folders = await listFolders(repo, patterns);
  const parts = await Promise.all(
    folders.map(async (dir) => {
      const sources = await readAll(repo, dir, moreEnv);
      return { dir, sources, manifest: readManifest(sources) };
    }),
  );
  const projects = parts.flatMap((part) => {
    const project = detectProject(part.sources, { repo, dir: part.dir, top, linked: listLinked(part, parts) });
    return project && isService(project, part.sources) ? [project] : [];
  });
  return projects.map((project) => inOneImage(project, projects));
}

/** What one setup installs runs in one kind of image: packages built on Debian are not those of Alpine. */
function inOneImage(project: Project, projects: readonly Project[]): Project {
  const first = projects.find(({ setup, image }) => setup === project.setup && image && !image.includes('alpine'));
  return project.setup === undefined || !project.image?.includes('alpine')
    ? project
    : { ...project, image: first?.image ?? project.image };
}

interface Part {
  sources: Sources;
  manifest: Manifest | undefined;
}

/** Returns the parts of a repo that one depends on, and those that they depend on. */
function listLinked(part: Part, parts: readonly Part[]): Sources[] {
  const found = new Set([part]);
  for (const { manifest } of found) {
    for (const other of parts) {
      if (other.manifest?.name !== undefined && manifest?.packages.has(other.manifest.name)) found.add(other);
    }
  }
  return [...found].filter((one) => one !== part).map(({ sources }) => sources);
}

function detectProject(sources: Sources, around: Surroundings): Project | undefined {
  return (
    detectPhpProject(sources, around) ??
    detectNodeProject(sources, around) ??
    detectRubyProject(sources, around) ??
    detectPythonProject(sources, around) ??
    detectGoProject(sources, around) ??
    detectJavaProject(sources, around) ??
    detectDockerProject(sources, around) ??
    detectStaticProject(sources, around)
  );
}

/** A package with a script is not yet a service: something has to say that it listens. */
function isService(project: Project, sources: Sources): boolean {
  if (project.label === 'static files') return false;
  if (project.label !== 'Node') return true;
  return (
    project.role !== 'other' || [...sources.texts.values()].some((text) => /\blisten\(|\bcreateServer\(/.test(text))
  );
}

function listWorkspaces(top: Sources, manifest: Manifest | undefined): string[] {
  const listed = [...(manifest?.workspaces ?? []), ...readPnpmWorkspace(top.texts.get('pnpm-workspace.yaml'))];
  return listed.filter((pattern) => pattern !== '.' && pattern !== './');
}

function readPnpmWorkspace(text: string | undefined): string[] {
  try {
    const packages: unknown = parse(text ?? '', { logLevel: 'error' })?.packages;
    return Array.isArray(packages) ? packages.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

async function listFolders(repo: string, patterns: readonly string[]): Promise<string[]> {
  const wanted = patterns
    .filter((pattern) => !pattern.startsWith('!'))
    .map((pattern) => pattern.replace(/^\.\/|\/$/g, ''));
  const unwanted = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  const marks = wanted.flatMap((pattern) => MARKS.map((mark) => `${pattern}/${mark}`));
  const files = await glob([...marks, ...MARKS_OF_PARTS], {
    cwd: repo,
    ignore: ['**/node_modules/**', '**/.*/**', '**/vendor/**', ...unwanted.map((pattern) => `${pattern}/**`)],
    deep: 4,
    followSymbolicLinks: false,
    expandDirectories: false,
  });
  const folders = new Set(
    files
      .map((file) => path.posix.dirname(file))
      .filter((dir) => dir !== '.' && !path.isAbsolute(dir) && !dir.split('/').includes('..')),
  );
  return [...folders].sort().slice(0, MOST_FOLDERS);
}
