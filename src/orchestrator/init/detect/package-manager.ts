import path from 'node:path';
import { findManagerName, LOCKFILES, type ManagerName } from '../../sources/manager-name.ts';
import type { Manifest } from '../../sources/manifest.ts';
import type { Sources } from '../../sources/sources.ts';
import { imageInDockerfile } from './dockerfile.ts';

/** How a Node project installs its packages and runs its scripts. */
export interface PackageManager {
  name: ManagerName;
  /** Installs exactly what the lockfile says; undefined when there is nothing to install. */
  install: string | undefined;
  /** Runs a script; flags are for the program that the script starts. */
  runScript(script: string, flags: string): string;
  /** Runs a program of the packages, as a script would. */
  runProgram(line: string): string;
  image: string;
}

const LTS_NAMES: Record<string, number> = { hydrogen: 18, iron: 20, jod: 22, krypton: 24 };
const DEFAULT_NODE = 22;

/** Tells the package manager of a folder by its lockfile, else by what its `package.json` says; else it is npm. */
export function detectPackageManager(sources: Sources, manifest: Manifest): PackageManager {
  const name = findManagerName(sources, manifest);
  const hasPackages =
    manifest.packages.size > 0 || manifest.workspaces.length > 0 || sources.names.has('pnpm-workspace.yaml');
  const lines = linesOf(name, {
    ...{ locked: hasLockfile(sources), modern: isModernYarn(sources, manifest) },
    // Yarn 1 hands over to the one that the repo carries.
    vendored: /^yarnPath:/m.test(sources.texts.get('.yarnrc.yml') ?? ''),
  });
  return {
    name,
    install: hasPackages ? lines.install : undefined,
    runScript: lines.runScript,
    // Node is no package.
    runProgram: (line) => (/^(?:node|bun|deno)\b/.test(line) ? line : `${lines.program} ${line}`),
    image: name === 'bun' ? 'oven/bun:1-alpine' : `node:${detectNodeVersion(sources, manifest)}-alpine`,
  };
}

/** Returns the image that a Node project runs in: its Dockerfile's where that is Node's, with a bash where its script wants one. */
export function detectNodeImage(
  sources: Sources,
  top: Sources,
  { manager, script }: { manager: PackageManager; script: string },
): string {
  const image =
    manager.name === 'bun'
      ? manager.image
      : (imageInDockerfile(sources, 'node') ?? imageInDockerfile(top, 'node') ?? manager.image);
  return wantsBash(sources, script) ? image.replace(/-alpine[\d.]*$/, '') : image;
}

/** Alpine has no bash. */
function wantsBash(sources: Sources, script: string): boolean {
  if (/(?:^|[\s;&|])bash\b/.test(script)) return true;
  const file = script.match(/(?:^|[\s;&|])(?:\.\/)?([\w./-]+\.sh)\b/)?.[1];
  return file !== undefined && /^#!.*\bbash\b/.test(sources.texts.get(path.posix.normalize(file)) ?? '');
}

/** True when the folder has a lockfile of its own. */
export function hasLockfile(sources: Sources): boolean {
  return LOCKFILES.some(([file]) => sources.names.has(file));
}

/** Returns the major version of Node a folder asks for; 22 when it does not, or says only what it needs at least. */
export function detectNodeVersion(sources: Sources, manifest: Manifest | undefined): number {
  const pinned = sources.texts.get('.nvmrc') ?? sources.texts.get('.node-version');
  const tools = sources.texts.get('.tool-versions')?.match(/^nodejs\s+(\S+)/m)?.[1];
  return readVersion(pinned?.trim() ?? tools) ?? readRange(manifest?.nodeRange) ?? DEFAULT_NODE;
}

function linesOf(
  name: ManagerName,
  { locked, modern, vendored }: { locked: boolean; modern: boolean; vendored: boolean },
) {
  const spaced = (line: string, flags: string) => (flags === '' ? line : `${line} ${flags}`);
  switch (name) {
    case 'npm':
      return {
        program: 'npx',
        install: locked ? 'npm ci' : 'npm install',
        runScript: (script: string, flags: string) =>
          spaced(script === 'start' ? 'npm start' : `npm run ${script}`, flags && `-- ${flags}`),
      };
    case 'bun':
      return {
        program: 'bunx',
        install: spaced('bun install', locked ? '--frozen-lockfile' : ''),
        runScript: (script: string, flags: string) => spaced(`bun run ${script}`, flags),
      };
    case 'pnpm':
    case 'yarn': {
      // The Node image has yarn 1 but neither pnpm nor a later yarn; corepack, which it has, brings both.
      const program = name === 'pnpm' || (modern && !vendored) ? `corepack ${name}` : name;
      const frozen = modern ? '--immutable' : '--frozen-lockfile';
      return {
        program: name === 'pnpm' ? `${program} exec` : program,
        install: spaced(`${program} install`, locked ? frozen : ''),
        runScript: (script: string, flags: string) => spaced(`${program} run ${script}`, flags),
      };
    }
  }
}

/** Yarn 2 and later, whose flag is another one. */
function isModernYarn(sources: Sources, manifest: Manifest): boolean {
  const [name, version] = manifest.packageManager?.split('@') ?? [];
  if (name !== 'yarn') return sources.names.has('.yarnrc.yml') && sources.names.has('yarn.lock');
  return Number.parseInt(version ?? '', 10) >= 2;
}

function readVersion(text: string | undefined): number | undefined {
  const named = text?.match(/^lts\/(\w+)/)?.[1];
  if (named) return LTS_NAMES[named];
  const major = Number(text?.match(/^v?(\d+)/)?.[1]);
  return major > 0 ? major : undefined;
}

/** `^18`, `18.x` and `>=20 <21` name one version; `>=18` allows the default. */
function readRange(range: string | undefined): number | undefined {
  const alternatives = (range ?? '').split('||').map((part) => part.trim());
  const majors = alternatives.map((part) => Number(part.match(/(\d+)/)?.[1])).filter((major) => major > 0);
  if (majors.length === 0) return undefined;
  if (majors.includes(DEFAULT_NODE)) return DEFAULT_NODE;
  const least = Math.max(...majors);
  const open = alternatives.some((part) => /^>=?\s*v?\d/.test(part) && !part.includes('<'));
  return open ? Math.max(DEFAULT_NODE, least) : least;
}
