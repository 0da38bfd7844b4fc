import path from 'node:path';
import { glob } from 'tinyglobby';
import { parse } from 'yaml';
import { type Manifest, readManifest } from '../../sources/manifest.ts';
import { readSources, type Sources } from '../../sources/sources.ts';
import { detectFolder, withoutParts } from './folder-projects.ts';
import { startsSeveral } from './node-project.ts';
import type { Project } from './project.ts';
import { listsPython } from './python-project.ts';
import { withWorkers, worksOnQueue } from './workers.ts';

/** Folders in which the parts of a repo often are, where no list of workspaces says so. */
const USUAL_FOLDERS = ['apps/*', 'services/*', 'packages/*', 'server/*', 'backend/*', '*'];
/** A Dockerfile marks a part only where parts are kept: elsewhere it is a tool. */
const MARKS_OF_PARTS = ['apps/*/Dockerfile', 'services/*/Dockerfile'];
const MARKS = [
  'package.json',
  'project.json',
  'Gemfile',
  'go.mod',
  'pom.xml',
  'build.gradle',
  'build.gradle.kts',
  'composer.json',
  'mix.exs',
  'pyproject.toml',
  'requirements.txt',
  'requirements/base.txt',
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
  const modules = listModules(top);
  const allAtTop = detectFolder(top, { repo, dir: '', top });
  const [atTop] = allAtTop;
  const clear = atTop && !UNCLEAR.has(atTop.label) ? atTop : undefined;
  const isWhole =
    clear &&
    !(clear.role === 'front' && listsPython(top)) &&
    workspaces.length === 0 &&
    modules.length === 0 &&
    !top.names.has('nx.json') &&
    !(manifest && startsSeveral(manifest));
  const parts = isWhole
    ? []
    : await detectBelow(
        repo,
        { top, moreEnv },
        {
          packages: [...workspaces, ...modules],
          others: [...USUAL_FOLDERS, ...(top.names.has('nx.json') ? ['apps/*/*'] : [])],
        },
      );
  if (parts.length === 0) return allAtTop.flatMap(withWorkers);
  const isMore = clear && clear.role !== 'other' && !parts.some(({ role }) => role === clear.role);
  if (!isMore) return parts.flatMap(withWorkers);
  const apart = withoutParts(
    top,
    parts.map(({ dir }) => dir),
  );
  const alone = clear.role === 'front' && allAtTop.length === 1 ? detectFolder(apart, { repo, dir: '', top }) : [];
  return [...(alone.length > 0 ? alone : allAtTop), ...parts].flatMap(withWorkers);
}

async function readAll(repo: string, dir: string, moreEnv: MoreEnv): Promise<Sources> {
  const sources = await readSources(path.join(repo, dir));
  return { ...sources, texts: new Map([...sources.texts, ...moreEnv(dir)]) };
}

async function detectBelow(
  repo: string,
  { top, moreEnv }: { top: Sources; moreEnv: MoreEnv },
  { packages, others }: { packages: readonly string[]; others: readonly string[] },
): Promise<Project[]> {
  // What a list names are packages of its own tool: programs of other languages may stand beside them.
  const isListed = packages.length > 0;
  const folders = [
    ...new Set([
      ...(isListed ? await listFolders(repo, packages, MARKS) : []),
      ...(await listFolders(repo, others, isListed ? MARKS.filter((mark) => mark !== 'package.json') : MARKS)),
    ]),
  ].sort();
  const parts = await Promise.all(
    folders.map(async (dir) => {
      const sources = withVersions(await readAll(repo, dir, moreEnv), top);
      return { dir, sources, manifest: readManifest(sources) };
    }),
  );
  const projects = parts.flatMap((part) => {
    const found = detectFolder(part.sources, { repo, dir: part.dir, top, linked: listLinked(part, parts) });
    return found.flatMap((project) => asService(project, part));
  });
  return projects.map((project) => inOneImage(project, projects));
}

/** What the top of a repo says of versions holds for its parts. */
function withVersions(sources: Sources, top: Sources): Sources {
  const said = [...top.texts].filter(([file]) => /^\.(?:tool-versions|[a-z]+-version|nvmrc)$/.test(file));
  return { ...sources, texts: new Map([...said, ...sources.texts]) };
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

/** A package with a script is not yet a service: something has to say that it listens, or that it works on a queue. */
function asService(project: Project, { sources, manifest }: Part): Project[] {
  if (isService(project, sources)) return [project];
  if (project.label !== 'Node' || !worksOnQueue(manifest?.packages ?? new Set())) return [];
  return [{ ...project, role: 'other', worker: path.posix.basename(project.dir), workers: [] }];
}

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

/** Returns the folders of the modules of a build with Maven or Gradle. */
function listModules({ texts }: Sources): string[] {
  const maven = texts.get('pom.xml')?.match(/<modules>[\s\S]*?<\/modules>/)?.[0] ?? '';
  const gradle = texts.get('settings.gradle') ?? texts.get('settings.gradle.kts') ?? '';
  const included = [...gradle.matchAll(/^\s*include\b((?:[\s,(]*["'][\w:.-]+["'])+)/gm)].map(([, names = '']) => names);
  return [
    ...[...maven.matchAll(/<module>\s*([^<\s]+)/g)].map(([, dir = '']) => dir),
    ...included.flatMap((names) =>
      [...names.matchAll(/["']:?([\w:.-]+)["']/g)].map(([, name = '']) => name.replaceAll(':', '/')),
    ),
  ].filter((dir) => dir !== '' && !dir.split('/').includes('..'));
}

function readPnpmWorkspace(text: string | undefined): string[] {
  try {
    const packages: unknown = parse(text ?? '', { logLevel: 'error' })?.packages;
    return Array.isArray(packages) ? packages.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

async function listFolders(repo: string, patterns: readonly string[], all: readonly string[]): Promise<string[]> {
  const wanted = patterns
    .filter((pattern) => !pattern.startsWith('!'))
    .map((pattern) => pattern.replace(/^\.\/|\/$/g, ''));
  const unwanted = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  const marks = wanted.flatMap((pattern) => all.map((mark) => `${pattern}/${mark}`));
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
  // A server is one program, and what is in its folder are its parts, or its folder holds several.
  const isPart = (dir: string) => /^(?:server|backend)\//.test(dir) && folders.has(path.posix.dirname(dir));
  return [...folders]
    .filter((dir) => !isPart(dir))
    .sort()
    .slice(0, MOST_FOLDERS);
}
