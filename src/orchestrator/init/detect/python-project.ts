import path from 'node:path';
import { quoteForShell } from '../../../domain/shell.ts';
import { findInTexts, type Sources } from '../../sources/sources.ts';
import { imageInDockerfile } from './dockerfile.ts';
import { type Around, describe } from './other-projects.ts';
import { detectPort } from './ports.ts';
import type { Project } from './project.ts';
import { lineIn } from './shell-line.ts';
import { detectVariables } from './variables.ts';
import { listPythonWorkers } from './workers.ts';

const PYTHON_FILES = /\.py$/;
const PYTHON_MANIFESTS = /^(?:requirements(?:\/\w+|[^/]*)\.txt|pyproject\.toml)$/;
/** What developers install, best first. */
const REQUIREMENTS = [
  ...['local', 'dev', 'development'].map((name) => `requirements/${name}.txt`),
  ...['requirements.txt', 'requirements-dev.txt', 'requirements/base.txt', 'requirements/requirements.txt'],
];
/** Packages that pip compiles, with what the slim image lacks. */
const COMPILED = /^\s*["']?(?:psycopg2(?!-binary)|psycopg\[c\]|mysqlclient|uwsgi|python-ldap)\b/im;

/** Returns what was read without the code that names ports of others: what starts a server says so, or has a constant for it. */
function withoutPeers(sources: Sources): Sources {
  const isMeant = (file: string, text: string) => !file.endsWith('.py') || /\.run\(|\buvicorn\b|\bPORT\b/.test(text);
  return { ...sources, texts: new Map([...sources.texts].filter(([file, text]) => isMeant(file, text))) };
}

/** True where a folder lists packages of Python. */
export function listsPython({ names }: Sources): boolean {
  return names.has('pyproject.toml') || REQUIREMENTS.some((name) => names.has(name));
}

/** Returns what a Python project is; undefined when it has no list of packages, or nothing in it starts a server. */
export function detectPythonProject(own: Sources, around: Around & { top?: Sources }): Project | undefined {
  const { top } = around;
  // What Django is started with may stand in a folder below the list of packages.
  const above =
    top && around.dir !== '' && own.names.has('manage.py') && !listsPython(own) && listsPython(top) ? top : undefined;
  if (!above) return detectPython(own, around, own);
  const lists = [...above.texts].filter(([name]) => PYTHON_MANIFESTS.test(name) || name === 'Procfile');
  const sources = { ...own, texts: new Map([...lists, ...own.texts]) };
  const project = detectPython(sources, around, above);
  return project && inVenvAbove(project, around.dir);
}

/** Its packages are installed at the top of the repo. */
function inVenvAbove(project: Project, dir: string): Project {
  const up = dir.replaceAll(/[^/]+/g, '..');
  const there = (line: string) => line.replaceAll('.venv/bin/', `${up}/.venv/bin/`);
  const { command, workers = [] } = project;
  return {
    ...project,
    command: command && { ...command, value: there(command.value) },
    workers: workers.map((worker) => ({ ...worker, command: there(worker.command) })),
  };
}

/** `place` has the list of its packages. */
function detectPython(sources: Sources, around: Around, place: Sources): Project | undefined {
  const uses = (name: string) => findInTexts(sources, PYTHON_MANIFESTS, new RegExp(`\\b${name}\\b`, 'i')) !== undefined;
  const dir = place === sources ? around.dir : '';
  const install = pythonInstall(place, dir);
  const server = pythonServer(sources, uses);
  if (install === undefined || server === undefined) return undefined;
  return {
    ...describe(sources, around, { label: server.label, api: 3 }),
    image: pythonImage(sources),
    command: { value: server.line, check: server.check },
    port: { ...detectPort(withoutPeers(sources), detectVariables(sources), { usual: server.port }), variable: 'PORT' },
    env: { PYTHONUNBUFFERED: '1' },
    // SQLAlchemy knows no `postgres:`.
    scheme: uses('(?:sqlalchemy|sqlmodel|alembic)') ? 'postgresql' : undefined,
    workers: listPythonWorkers(sources),
    setup: install,
    setupMakes: path.posix.join(dir, '.venv'),
  };
}

/** What is installed goes into the worktree: a container that has done its setup is thrown away. */
function pythonInstall(sources: Sources, dir: string): string | undefined {
  const list = REQUIREMENTS.find((name) => sources.names.has(name));
  if (!listsPython(sources)) return undefined;
  const what = list === undefined ? pyprojectInstall(sources) : `-r ${list}`;
  return lineIn(dir, `python3 -m venv .venv && .venv/bin/pip install ${what}`);
}

/** A project that is no package cannot be installed by pip: the tool that keeps its lockfile knows what it needs. */
function pyprojectInstall({ names, texts }: Sources): string {
  const project = texts.get('pyproject.toml') ?? '';
  const isPackage = /^\[build-system\]/m.test(project) && !/^package(?:-mode)?\s*=\s*false/m.test(project);
  if (isPackage) return '.';
  if (names.has('uv.lock')) return 'uv && .venv/bin/uv sync --inexact';
  return names.has('poetry.lock') || /^\[tool\.poetry\]/m.test(project) ? 'poetry && .venv/bin/poetry install' : '.';
}

/** Programs on Flask may have a `manage.py` of their own. */
export function runsDjango(sources: Sources): boolean {
  if (!sources.names.has('manage.py')) return false;
  const isFlask = findInTexts(sources, PYTHON_MANIFESTS, /\bflask\b/i) !== undefined;
  return !isFlask || /django/i.test(sources.texts.get('manage.py') ?? '');
}

function pythonServer(sources: Sources, uses: (name: string) => boolean) {
  if (runsDjango(sources)) {
    return { label: 'Django', port: 8000, line: '.venv/bin/python manage.py runserver ${bind}:$PORT' };
  }
  const found = findApp(sources, uses('fastapi') ? 'FastAPI' : 'Flask');
  if (uses('fastapi')) {
    const line = `.venv/bin/python -m uvicorn ${found ?? 'main:app'} --reload --host \${bind} --port $PORT`;
    return { label: 'FastAPI', port: 8000, line, check: found ? undefined : notFound(line) };
  }
  if (uses('flask')) {
    const app = told(sources, 'FLASK_APP') ?? found ?? findFactory(sources);
    const line = `.venv/bin/python -m flask --app ${app ?? 'app'} run --host \${bind} --port $PORT`;
    return { label: 'Flask', port: 5000, line, check: app ? undefined : notFound(line) };
  }
  return undefined;
}

/** What the files that Flask reads by itself, or examples of them, say. */
function told({ texts }: Sources, name: string): string | undefined {
  const files = ['.flaskenv', '.env', '.env.example', 'Dockerfile'];
  const pattern = new RegExp(`^(?:export |ENV )?${name}[= ]["']?([\\w./:-]+)`, 'm');
  const value = files.map((file) => texts.get(file)?.match(pattern)?.[1]).find((found) => found !== undefined);
  return value && quoteForShell(value);
}

/** A function that makes the app is found by Flask in a file or a package called `app` or `wsgi`, or by the name of that. */
function findFactory({ texts }: Sources): string | undefined {
  const files = [...texts].filter(
    ([name, text]) =>
      PYTHON_FILES.test(name) &&
      !name.includes('test') &&
      /^(?:def (?:create|make)_app\(|(?:app|application)\s*=\s*(?:create|make)_app\()/m.test(text),
  );
  // One that calls it comes before one that has it.
  const [file] = files.find(([, text]) => !/^def /m.test(text)) ?? files[0] ?? [];
  return file && quoteForShell(file.replace(/(?:\/__init__)?\.py$/, '').replaceAll('/', '.'));
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

/** The slim image has no compiler, and no headers of Postgres or MySQL. */
function pythonImage(sources: Sources): string {
  const image = imageInDockerfile(sources, 'python') ?? `python:${pythonVersion(sources)}-slim`;
  return findInTexts(sources, PYTHON_MANIFESTS, COMPILED) ? image.replace(/-(?:slim|alpine)\b.*$/, '') : image;
}
