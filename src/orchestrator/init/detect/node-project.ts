import path from 'node:path';
import { quoteForShell } from '../../../domain/shell.ts';
import { type Manifest, readManifest } from '../../sources/manifest.ts';
import { findText, type Sources } from '../../sources/sources.ts';
import { checkReach, listFixedAddresses } from './checks.ts';
import { FRONT_PACKAGES, type Framework, findFramework, SERVER_PACKAGES } from './frameworks.ts';
import { detectHealth, findHealthRoute } from './health.ts';
import { synchronizes } from './migrations.ts';
import { detectNeeds } from './needs.ts';
import { readNxProject } from './nx-project.ts';
import { detectNodeImage, detectPackageManager, hasLockfile, type PackageManager } from './package-manager.ts';
import { detectPort, FIXED_PORT, freePort, portInScript } from './ports.ts';
import type { DetectedPort, Project, Role } from './project.ts';
import { judgeRole } from './roles.ts';
import { lineIn } from './shell-line.ts';
import { detectVariables, type Variable } from './variables.ts';
import { listNodeWorkers } from './workers.ts';

/** Scripts that start something, best first. */
const START_SCRIPTS = ['dev', 'start:dev', 'develop', 'start', 'serve', 'server'];
/** They build or watch, and never listen. */
const BUILDS =
  /^\s*(?:tsc|tsup|rollup|unbuild|esbuild|swc|babel|microbundle|vite build|webpack(?! serve|-dev)|sass|tailwindcss|storybook|start-storybook|vitest|jest|email (?:dev|build)|echo|exit|true)\b/;
/** They start other scripts or a compose file of their own. */
const ORCHESTRATES =
  /\b(?:turbo|nx|lerna|docker[- ]compose|docker run)\b|\b(?:pnpm|bun)\b.*(?:-r|--recursive|--filter)\b|--workspaces?\b|\bwsrun\b/;

/** A script that starts several programs, and those that start the server among them. */
const STARTS_SEVERAL = /\bconcurrently\b|\bnpm-run-all\b|\brun-p\b|--prefix\b|--cwd\b/;
const SERVER_SCRIPT = /^(?:dev:|start:|watch:)?(?:server|api|backend)(?::dev|:start)?$/;

/** The repo around a project: its packages are installed where the lockfile is. */
export interface Surroundings {
  repo: string;
  dir: string;
  top: Sources;
  /** Other packages of the repo that it depends on: what they read, it reads. */
  linked?: readonly Sources[];
}

/** Returns what a Node project is; undefined when it has no `package.json`, or nothing in it starts a server. */
export function detectNodeProject(all: Sources, around: Surroundings): Project | undefined {
  const { sources, starts } = viewProject(all, around);
  const manifest = readManifest(sources);
  if (!manifest) return undefined;
  const { manager, setup, setupMakes } = detectInstall(sources, manifest, around);
  const start = starts ? startOfNx(starts, manifest, manager) : findStart(sources, manifest, manager);
  if (!start) return undefined;
  const framework = findFramework(manifest.packages, start.text);
  const server = Object.entries(SERVER_PACKAGES).find(([name]) => manifest.packages.has(name))?.[1];
  const serves = framework?.tool.test(start.text) ? framework : undefined;
  const role = judgeNodeRole(sources, manifest, { framework, serves: serves !== undefined, server, around });
  const whole = withLinked(sources, around.linked ?? []);
  const variables = detectVariables(whole, around.dir === '' ? [] : [around.top]);
  const port = detectNodePort(sources, variables, { start, serves, role, around });
  const freed = start.script !== undefined && port.freed;
  return {
    dir: around.dir,
    label: (role === 'api' ? (server ?? framework?.label) : (framework?.label ?? server)) ?? 'Node',
    role,
    image: detectNodeImage(sources, around.top, { manager, script: start.text }),
    build: false,
    command: {
      value: freed
        ? spaced(manager.runProgram(freed), hostFor(serves, freed))
        : start.line(flagsFor(serves, start.text)),
      check: start.check,
    },
    port,
    health: detectHealth(sources, role),
    env: { ...(variables.some(isHost) && { HOST: '${bind}' }), ...serves?.env },
    variables: variables.filter(({ name }) => name !== 'HOST'),
    prefix: framework?.prefix,
    addresses: listFixedAddresses(sources),
    needs: detectNeeds(whole, packagesOf(manifest, around.linked ?? [])),
    checks: checkReach(sources, manifest),
    setup,
    setupMakes,
    migratesItself: synchronizes(whole, manifest.packages),
    workers: role === 'front' ? [] : listNodeWorkers(manifest.scripts, (script) => manager.runScript(script, '')),
  };
}

/** Where it listens: the program's own code says nothing where a tool serves it. */
function detectNodePort(
  sources: Sources,
  variables: readonly Variable[],
  { start, serves, role, around }: { start: Start; serves: Framework | undefined; role: Role; around: Surroundings },
): DetectedPort & { freed: string | undefined } {
  const { text: script } = start;
  const port = detectPort(sources, variables, {
    ...{ script, usual: serves?.port, isFront: serves !== undefined && role === 'front' },
    name: path.posix.basename(around.dir === '' ? around.repo : around.dir),
  });
  const freed = start.script !== undefined && portInScript(script) !== undefined ? freePort(script) : undefined;
  const isTold = freed !== undefined || (serves !== undefined && portInScript(script) === undefined);
  const variable = port.variable ?? (isTold || port.check !== undefined ? 'PORT' : undefined);
  const isFixed = variable === undefined || (portInScript(script) !== undefined && freed === undefined);
  return {
    ...port,
    variable: isTold ? 'PORT' : variable,
    freed,
    check: port.check ?? (isFixed ? FIXED_PORT : undefined),
  };
}

function isHost({ name, readIn }: Variable): boolean {
  return name === 'HOST' && readIn.length > 0;
}

/** What the packages of the same repo that it depends on read, it reads. */
function withLinked(sources: Sources, linked: readonly Sources[]): Sources {
  const texts = linked.flatMap((one) =>
    [...one.texts].map(
      ([file, text]) => [path.posix.join(path.relative(sources.folder, one.folder), file), text] as const,
    ),
  );
  return { ...sources, texts: new Map([...sources.texts, ...texts]) };
}

function packagesOf(manifest: Manifest, linked: readonly Sources[]): ReadonlySet<string> {
  return new Set([manifest, ...linked.map(readManifest)].flatMap((one) => [...(one?.packages ?? [])]));
}

function spaced(...words: string[]): string {
  return words.filter(Boolean).join(' ');
}

/** A project of nx may have no `package.json`. */
function viewProject(sources: Sources, { dir, top }: Surroundings): { sources: Sources; starts?: string } {
  return (dir === '' ? undefined : readNxProject(sources, top)) ?? { sources };
}

/** Next.js takes its port from nx alone. */
function startOfNx(starts: string, { scripts }: Manifest, manager: PackageManager): Start {
  const { serve: text = '' } = scripts;
  const port = text.startsWith('next') ? '--port $PORT' : '';
  const line = (flags: string) => spaced(manager.runProgram(`nx ${starts}`), flags, flags && port);
  return { script: 'serve', text, line };
}

/** True when a script at the top of a repo starts programs that may live below it. */
export function startsSeveral(manifest: Manifest): boolean {
  return START_SCRIPTS.some((name) => STARTS_SEVERAL.test(manifest.scripts[name] ?? ''));
}

interface Start {
  /** Name of the script; undefined where a file is started. */
  script: string | undefined;
  /** What the script says. */
  text: string;
  line(flags: string): string;
  check?: string;
}

function findStart(sources: Sources, manifest: Manifest, manager: PackageManager): Start | undefined {
  const named = START_SCRIPTS.filter((name) => manifest.scripts[name] !== undefined);
  const usable = (name: string) => starts(manifest.scripts[name]!);
  const server = startsSeveral(manifest)
    ? Object.keys(manifest.scripts).find((name) => SERVER_SCRIPT.test(name))
    : undefined;
  const good = server ?? named.find(usable);
  if (good) return { script: good, text: manifest.scripts[good]!, line: (flags) => manager.runScript(good, flags) };
  const candidates = [manifest.main, 'server.js', 'server.mjs', 'app.js', 'index.js', 'src/server.js', 'src/index.js'];
  const file = candidates.find((name) => name !== undefined && startsServer(sources, path.posix.normalize(name)));
  if (file === undefined) return undefined;
  const line = `${manager.name === 'bun' ? 'bun' : 'node'} ${quoteForShell(file)}`;
  return { script: undefined, text: '', line: () => line, check: `no script starts it: is \`${line}\` right?` };
}

function startsServer(sources: Sources, file: string): boolean {
  return /\blisten\(|\bcreateServer\(|\bserve\(/.test(sources.texts.get(file) ?? '');
}

function starts(script: string): boolean {
  return !ORCHESTRATES.test(script) && !listCommands(script).every((command) => BUILDS.test(command));
}

/** Returns the commands of a script, without the variables that they are given; those in quotes, where it starts several at a time. */
function listCommands(script: string): string[] {
  const quoted = /\bconcurrently\b/.test(script)
    ? [...script.matchAll(/(["'])(.+?)\1/g)].map(([, , text = '']) => text)
    : [];
  const commands = quoted.filter((text) => text.includes(' '));
  return (commands.length > 0 ? commands : script.split('&&')).map((text) =>
    text.trim().replace(/^(?:cross-env\s+)?(?:\w+=\S*\s+)*/, ''),
  );
}

function flagsFor(framework: Framework | undefined, script: string): string {
  // What stands behind the script's name is put at its end: the tool has to be the last thing it starts.
  const last = script.split('&&').at(-1) ?? '';
  if (!framework?.tool.test(last) || STARTS_SEVERAL.test(script) || /[|;&]/.test(last)) return '';
  return spaced(hostFor(framework, script), portInScript(script) !== undefined ? '' : framework.portFlag);
}

function hostFor(framework: Framework | undefined, script: string): string {
  return framework === undefined || /--host(?:name)?\b|-H\b/.test(script) ? '' : framework.host;
}

function detectInstall(sources: Sources, manifest: Manifest, { dir, top }: Surroundings) {
  const ownLock = dir === '' || hasLockfile(sources) || !top.names.has('package.json');
  const place = ownLock
    ? { sources, manifest, dir }
    : { sources: top, manifest: readManifest(top) ?? manifest, dir: '' };
  const manager = detectPackageManager(place.sources, place.manifest);
  const { install } = manager;
  return {
    manager,
    setup: install && lineIn(place.dir, install),
    setupMakes: install && path.posix.join(place.dir, 'node_modules'),
  };
}

function judgeNodeRole(
  sources: Sources,
  manifest: Manifest,
  {
    framework,
    serves,
    server,
    around,
  }: { framework: Framework | undefined; serves: boolean; server: string | undefined; around: Surroundings },
): Role {
  const has = (condition: boolean, weight: number) => (condition ? weight : 0);
  const { postgres, redis } = detectNeeds(sources, manifest.packages);
  return judgeRole({
    names: [around.dir === '' ? path.basename(around.repo) : around.dir, manifest.name],
    front:
      // A server has Vite, too, for its tests: what counts is what its script starts.
      has(framework !== undefined, serves || server === undefined ? 3 : 1) +
      has(
        FRONT_PACKAGES.some((name) => manifest.packages.has(name)),
        2,
      ) +
      // They serve what they ask for themselves, too.
      has(/^(?:Next\.js|Nuxt|Remix|SvelteKit|Astro)$/.test(framework?.label ?? ''), 1) +
      has(findText(sources, /^(?:public\/|src\/)?index\.html$/) !== undefined, 1),
    api:
      has(server !== undefined, serves ? 2 : 3) +
      has(postgres || redis, 1) +
      has(findHealthRoute(sources) !== undefined, 1),
  });
}
