import { parseJson } from '../../../domain/json.ts';
import { readManifest } from '../../sources/manifest.ts';
import { CODE_FILES, type Sources } from '../../sources/sources.ts';

/** How the tools that serve a project look in the name of what nx starts them with, the package they come with, and how they look in a script. */
const TOOLS: readonly [executor: RegExp, packageName: string, script: string][] = [
  [/angular/, '@angular/core', 'ng serve'],
  [/next/, 'next', 'next dev'],
  [/vite/, 'vite', 'vite'],
  [/webpack:dev-server|rspack|react:/, 'webpack-dev-server', 'webpack serve'],
  [/remix/, '@remix-run/dev', 'remix vite:dev'],
];
/** Where no target says so, nx looks at the settings of tools. */
const SETTINGS: readonly [file: RegExp, packageName: string, script: string, target: string][] = [
  [/^next\.config\./, 'next', 'next dev', 'dev'],
  [/^vite\.config\./, 'vite', 'vite', 'serve'],
];
const TARGETS = ['serve', 'dev', 'start'];

/** A project of nx as if it had a `package.json` of its own. */
export interface NxProject {
  sources: Sources;
  /** What nx is told to start: `serve shop`. */
  starts: string;
}

/** Returns what nx starts in a folder of its workspace; undefined where the folder is no application, or nothing starts it. */
export function readNxProject(sources: Sources, top: Sources): NxProject | undefined {
  if (!top.names.has('nx.json')) return undefined;
  const own = readManifest(sources);
  const data = asMap(parseJson(sources.texts.get('project.json') ?? ''));
  const name = typeof data.name === 'string' ? data.name : own?.name;
  if (name === undefined || data.projectType === 'library' || /-e2e$/.test(name)) return undefined;
  const tool = findTool(sources, asMap(data.targets));
  if (!tool) return undefined;
  const packages = listImported(sources, readManifest(top)?.packages ?? new Set(), tool.packageName);
  const manifest = { name, scripts: { serve: tool.script }, dependencies: Object.fromEntries(packages) };
  const texts = new Map([...sources.texts, ['package.json', JSON.stringify(manifest)]]);
  return { sources: { ...sources, texts }, starts: `${tool.target} ${name}` };
}

interface Tool {
  target: string;
  packageName: string | undefined;
  script: string;
}

function findTool({ names }: Sources, targets: Readonly<Record<string, unknown>>): Tool | undefined {
  const target = TARGETS.find((one) => targets[one] !== undefined);
  if (target !== undefined) {
    const { executor, command } = asMap(targets[target]);
    const said = String(executor ?? command ?? '');
    const [, packageName, script] = TOOLS.find(([pattern]) => pattern.test(said)) ?? [];
    return { target, packageName, script: script ?? 'node' };
  }
  for (const [file, packageName, script, inferred] of SETTINGS) {
    if ([...names].some((one) => file.test(one))) return { target: inferred, packageName, script };
  }
  return undefined;
}

/** All packages stand at the top: a project has those that its code names. */
function listImported(sources: Sources, all: ReadonlySet<string>, tool: string | undefined): [string, string][] {
  const texts = [...sources.texts].flatMap(([file, text]) => (CODE_FILES.test(file) ? [text] : []));
  const isNamed = (name: string) =>
    texts.some((text) => ["'", '"'].some((quote) => text.includes(`${quote}${name}${quote}`)));
  const named = [...all].filter((name) => name === tool || (!/^(?:vite|next|vitest)$/.test(name) && isNamed(name)));
  return [...new Set([...named, ...(tool === undefined ? [] : [tool])])].map((name) => [name, '*']);
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
