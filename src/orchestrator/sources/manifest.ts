import { parseJson } from '../../domain/json.ts';
import type { Sources } from './sources.ts';

/** What a `package.json` says, with everything that is not as it should be left out. */
export interface Manifest {
  name: string | undefined;
  scripts: Record<string, string>;
  /** Names of all packages it depends on, for running and for developing. */
  packages: ReadonlySet<string>;
  /** `engines.node`. */
  nodeRange: string | undefined;
  /** `packageManager`: `pnpm@9.1.0`. */
  packageManager: string | undefined;
  /** The file it starts with. */
  main: string | undefined;
  /** Globs of the workspaces' folders. */
  workspaces: string[];
}

/** Returns what the `package.json` at the top of a folder says; undefined when there is none, or none that can be read. */
export function readManifest(sources: Sources): Manifest | undefined {
  const text = sources.texts.get('package.json');
  if (text === undefined) return undefined;
  const data = parseObject(text);
  if (!data) return undefined;
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
  const { workspaces } = data;
  return {
    name: asText(data.name),
    scripts: textsOf(data.scripts),
    packages: new Set(kinds.flatMap((kind) => Object.keys(asObject(data[kind])))),
    nodeRange: asText(asObject(data.engines).node) ?? asText(asObject(data.volta).node),
    packageManager: asText(data.packageManager),
    main: asText(data.main),
    workspaces: listTexts(Array.isArray(workspaces) ? workspaces : asObject(workspaces).packages),
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  const data = parseJson(text.replace(/^\ufeff/, ''));
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : undefined;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function listTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function textsOf(value: unknown): Record<string, string> {
  const entries = Object.entries(asObject(value)).filter((entry): entry is [string, string] => !!asText(entry[1]));
  return Object.fromEntries(entries);
}
