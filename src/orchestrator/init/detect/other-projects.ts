import path from 'node:path';
import { quoteForShell } from '../../../domain/shell.ts';
import { findInTexts, type Sources } from '../../sources/sources.ts';
import { checkProcfile, listFixedAddresses } from './checks.ts';
import { imageInDockerfile } from './dockerfile.ts';
import { detectHealth } from './health.ts';
import { detectNeeds } from './needs.ts';
import { detectPort, portInDockerfile } from './ports.ts';
import type { Project } from './project.ts';
import { judgeFolder } from './roles.ts';
import { lineIn } from './shell-line.ts';
import { detectVariables } from './variables.ts';

interface Around {
  repo: string;
  dir: string;
}

const PYTHON_FILES = /\.py$/;
const PYTHON_MANIFESTS = /^(?:requirements[^/]*\.txt|pyproject\.toml)$/;

/** Returns what a Python project is; undefined when it has no list of packages, or nothing in it starts a server. */
export function detectPythonProject(sources: Sources, around: Around): Project | undefined {
  const uses = (name: string) => findInTexts(sources, PYTHON_MANIFESTS, new RegExp(`\\b${name}\\b`, 'i')) !== undefined;
  const install = pythonInstall(sources, around.dir);
  const server = pythonServer(sources, uses);
  if (install === undefined || server === undefined) return undefined;
  return {
    ...describe(sources, around, { label: server.label, api: 3 }),
    image: imageInDockerfile(sources, 'python') ?? `python:${pythonVersion(sources)}-slim`,
    command: { value: server.line, check: server.check },
    port: { ...detectPort(sources, detectVariables(sources), { usual: server.port }), variable: 'PORT' },
    env: { PYTHONUNBUFFERED: '1' },
    setup: install,
    setupMakes: path.posix.join(around.dir, '.venv'),
  };
}

/** Returns what a Go project is; undefined when it has no `go.mod`, or no package `main` that is easy to find. */
export function detectGoProject(sources: Sources, around: Around): Project | undefined {
  const { dir, repo } = around;
  const version = sources.texts.get('go.mod')?.match(/^go (\d+\.\d+)/m)?.[1];
  if (version === undefined) return undefined;
  const mains = [...sources.texts].filter(([name, text]) => name.endsWith('.go') && /^package main$/m.test(text));
  const folder = mains.map(([name]) => path.posix.dirname(name)).find((dir) => dir === '.' || dir.startsWith('cmd/'));
  if (folder === undefined) return undefined;
  return {
    ...describe(sources, around, { label: 'Go', api: 2 }),
    image: imageInDockerfile(sources, 'golang') ?? `golang:${version}-alpine`,
    command: { value: folder === '.' ? 'go run .' : `go run ${quoteForShell(`./${folder}`)}` },
    port: detectPort(sources, detectVariables(sources), { name: path.basename(dir === '' ? repo : dir) }),
    setup: undefined,
    setupMakes: undefined,
  };
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

function describe(
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

/** What is installed goes into the worktree: a container that has done its setup is thrown away. */
function pythonInstall(sources: Sources, dir: string): string | undefined {
  const what = sources.names.has('requirements.txt') ? '-r requirements.txt' : '.';
  if (what === '.' && !sources.names.has('pyproject.toml')) return undefined;
  return lineIn(dir, `python3 -m venv .venv && .venv/bin/pip install ${what}`);
}

function pythonServer(sources: Sources, uses: (name: string) => boolean) {
  if (sources.names.has('manage.py')) {
    return { label: 'Django', port: 8000, line: '.venv/bin/python manage.py runserver ${bind}:$PORT' };
  }
  const found = findApp(sources, uses('fastapi') ? 'FastAPI' : 'Flask');
  if (uses('fastapi')) {
    const line = `.venv/bin/python -m uvicorn ${found ?? 'main:app'} --reload --host \${bind} --port $PORT`;
    return { label: 'FastAPI', port: 8000, line, check: found ? undefined : notFound(line) };
  }
  if (uses('flask')) {
    const line = `.venv/bin/python -m flask --app ${found ?? 'app'} run --host \${bind} --port $PORT`;
    return { label: 'Flask', port: 5000, line, check: found ? undefined : notFound(line) };
  }
  return undefined;
}

function notFound(line: string): string {
  return `where the app is was not found: is \`${line}\` right?`;
}

/** Returns `app.main:api` for `api = FastAPI()` in `app/main.py`. */
function findApp(sources: Sources, maker: string): string | undefined {
  for (const [name, text] of sources.texts) {
    const variable =
      PYTHON_FILES.test(name) && text.match(new RegExp(`^(\\w+)\\s*(?::\\s*\\w+\\s*)?=\\s*${maker}\\(`, 'm'))?.[1];
    if (variable) return quoteForShell(`${name.replace(PYTHON_FILES, '').replaceAll('/', '.')}:${variable}`);
  }
  return undefined;
}

function pythonVersion(sources: Sources): string {
  const tools = sources.texts.get('.tool-versions')?.match(/^python\s+(\d+\.\d+)/m)?.[1];
  return sources.texts.get('.python-version')?.match(/^\s*(\d+\.\d+)/)?.[1] ?? tools ?? '3.12';
}
