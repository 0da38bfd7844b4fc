import path from 'node:path';
import { quoteForShell } from '../../../domain/shell.ts';
import type { Sources } from '../../sources/sources.ts';
import { listFixedAddresses } from './checks.ts';
import { imageInDockerfile } from './dockerfile.ts';
import { detectHealth } from './health.ts';
import { detectNeeds } from './needs.ts';
import { detectPort, FIXED_PORT, portInDockerfile } from './ports.ts';
import { checkProcfile } from './procfile.ts';
import type { DetectedPort, Project } from './project.ts';
import { judgeFolder } from './roles.ts';
import { detectVariables } from './variables.ts';

/** The folder of a project, from its repo. */
export interface Around {
  repo: string;
  dir: string;
}

/** Of several programs of a Go project the one that serves. */
const SERVER_FOLDERS = ['server', 'api', 'http', 'web', 'app', 'serve', 'backend', 'main'];
const LISTENS = /\bListenAndServe\b|\.(?:Run|Start|Listen)\(/;

/** Returns what a Go project is; undefined when it has no `go.mod`, or no package `main` that is easy to find. */
export function detectGoProject(sources: Sources, around: Around): Project | undefined {
  const { dir, repo } = around;
  const version = sources.texts.get('go.mod')?.match(/^go (\d+\.\d+)/m)?.[1];
  if (version === undefined) return undefined;
  const mains = [...sources.texts].filter(([name, text]) => name.endsWith('.go') && /^package main$/m.test(text));
  const folders = mains
    .map(([name]) => path.posix.dirname(name))
    .filter((one) => one === '.' || /(?:^|\/)cmd\b/.test(one));
  const name = path.basename(dir === '' ? repo : dir);
  const isServer = (one: string) => [name, ...SERVER_FOLDERS].includes(path.posix.basename(one));
  const serves = mains.find(([file, text]) => folders.includes(path.posix.dirname(file)) && LISTENS.test(text))?.[0];
  // What stands at the top is the program itself; those in `cmd/` beside it are its tools.
  const folder =
    folders.find(isServer) ??
    folders.find((one) => one === '.') ??
    (serves === undefined ? folders[0] : path.posix.dirname(serves));
  if (folder === undefined) return undefined;
  return {
    ...describe(sources, around, { label: 'Go', api: 2 }),
    image: imageInDockerfile(sources, 'golang') ?? `golang:${version}-alpine`,
    command: { value: folder === '.' ? 'go run .' : `go run ${quoteForShell(`./${folder}`)}` },
    port: goPort(sources, name),
    setup: undefined,
    setupMakes: undefined,
  };
}

function goPort(sources: Sources, name: string): DetectedPort {
  const isGin = runsGin(sources);
  const port = detectPort(sources, detectVariables(sources), { name, usual: isGin ? 8080 : undefined });
  const isFixed = port.variable === undefined && !isGin;
  return { ...port, check: port.check ?? (isFixed ? FIXED_PORT : undefined) };
}

/** `r.Run()` of gin reads PORT, and listens on 8080 without it. */
function runsGin({ texts }: Sources): boolean {
  return (
    /gin-gonic\/gin\b/.test(texts.get('go.mod') ?? '') && [...texts.values()].some((text) => /\.Run\(\s*\)/.test(text))
  );
}

/** Returns a folder of files that a browser can show as they are; undefined without an `index.html`. */
export function detectStaticProject(sources: Sources, around: Around): Project | undefined {
  if (!sources.names.has('index.html')) return undefined;
  return {
    ...describe(sources, around, { label: 'static files', front: 2 }),
    image: 'python:3-alpine',
    command: { value: 'python3 -m http.server --bind ${bind} $PORT' },
    port: { value: 8000, variable: 'PORT' },
    health: { value: '/' },
    setup: undefined,
    setupMakes: undefined,
  };
}

/** Returns what only a Dockerfile tells about; undefined without one. */
export function detectDockerProject(sources: Sources, around: Around): Project | undefined {
  if (!sources.names.has('Dockerfile')) return undefined;
  const exposed = portInDockerfile(sources);
  const port =
    exposed === undefined
      ? { value: 3000, variable: 'PORT', check: 'the Dockerfile exposes no port: is it 3000?' }
      : { value: exposed, variable: 'PORT' };
  const project = describe(sources, around, { label: 'Dockerfile' });
  return {
    ...project,
    image: undefined,
    build: true,
    command: undefined,
    port,
    setup: undefined,
    setupMakes: undefined,
  };
}

/** Returns what all projects have that no tool of their own tells about. */
export function describe(
  sources: Sources,
  { repo, dir }: Around,
  { label, front = 0, api = 0 }: { label: string; front?: number; api?: number },
) {
  const role = judgeFolder({ repo, dir }, { front, api });
  const env: Record<string, string> = {};
  const needs = detectNeeds(sources, new Set());
  return {
    dir,
    label,
    role,
    build: false,
    health: detectHealth(sources, role),
    env,
    variables: detectVariables(sources),
    addresses: listFixedAddresses(sources),
    needs,
    checks: checkProcfile(sources),
  };
}
