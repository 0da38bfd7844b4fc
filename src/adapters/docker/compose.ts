import path from 'node:path';
import { execa } from 'execa';
import { interrupted, StackError } from '../../domain/errors.ts';
import { makeFolder, replaceFile } from '../files/files.ts';
import { readTakenPort } from './error.ts';

const LAST_LINES = 30;
/** It says its version without asking the engine; a plugin on a disk that hangs does not. */
const VERSION_MS = 30_000;
/** An engine that no longer answers: compose itself would wait for ever. A pull may be silent for long. */
const SILENT_MS = 30 * 60_000;
/** How often the engine is asked meanwhile whether it still answers. */
const LOOK_MS = 3000;
/** A stop of Postgres may take its ten seconds; only then is compose itself ended by force. */
const FORCE_KILL_MS = 15_000;

export interface ComposeTool {
  /** `['docker', 'compose']` or `['docker-compose']`. */
  command: string[];
  version: string;
}

/** One compose project: which tool, which file, under which name, with which environment. */
export interface ComposeProject {
  command: readonly string[];
  /** `2.30.3`; left out: the plugin's of today, or the older program's. */
  version?: string;
  /** Absolute path of the compose file. */
  file: string;
  /** The project's name; containers carry it as the label `com.docker.compose.project`. */
  project: string;
  /** Absolute path that relative paths of the file start from. */
  projectDir: string;
  /** The whole environment: `PATH`, `DOCKER_HOST`, and what the file's `${…}` take. Nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>;
  /** What more the file's `${…}` take, where `env` has no such name. No program gets these as its environment. */
  values: Readonly<Record<string, string>>;
  /** Absolute path of a file of ours, written before each call: compose reads it in place of `.env` in `projectDir`. */
  envFile: string;
  /** True: it knows `include`, as the plugin does since 2.20. */
  includes?: boolean;
  /** Fails when the engine no longer answers: asked now and then, it ends a compose that would wait for good. */
  askEngine?: () => Promise<unknown>;
  /** Takes each line compose says, as it says it. */
  onLine?: (line: string) => void;
  signal?: AbortSignal;
}

/** Returns the compose that this machine has, the plugin before the older program; undefined when it has none. */
export async function findCompose(env: Readonly<Record<string, string | undefined>>): Promise<ComposeTool | undefined> {
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    const [program = '', ...args] = [...command, 'version', '--short'];
    const how = { env, extendEnv: false, reject: false, stdin: 'ignore', timeout: VERSION_MS } as const;
    const result = await execa(program, args, how);
    if (!result.failed) return { command, version: result.stdout.trim().replace(/^v/, '') };
  }
  return undefined;
}

/** Sources that compose would fetch from another machine are for `up`, once somebody has looked. */
const NOTHING_FETCHED = { COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'false', COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'false' };
const ASK_MS = 10_000;

/**
 * Returns a compose file as the plugin resolves it, with its variables as written, in YAML; `null` where the plugin is not
 * there or says no, undefined where it says nothing. The older program cannot do it: it refuses a port that is a variable.
 */
export async function askCompose(
  question: Pick<ComposeProject, 'file' | 'projectDir' | 'env'>,
): Promise<string | null | undefined> {
  const { file, projectDir, env } = question;
  const where = ['--env-file', '/dev/null', '--file', file, '--project-directory', projectDir];
  const what = ['--project-name', 'stack', '--profile', '*', 'config', '--no-interpolate'];
  const result = await execa('docker', ['compose', ...where, ...what], {
    ...{
      env: { ...env, ...NOTHING_FETCHED },
      extendEnv: false,
      cwd: '/',
      reject: false,
      stdin: 'ignore',
      timeout: ASK_MS,
    },
  } as const);
  if (result.timedOut) return undefined;
  return result.failed ? null : result.stdout;
}

/**
 * Makes and starts the named services, and what they depend on; those that run as the file says are left alone. Does not
 * wait until they are healthy. Throws `port` (details `{port}`) when a published port is taken, else `engine`.
 */
export async function composeUp(project: ComposeProject, services: readonly string[]): Promise<void> {
  await runCompose(project, ['up', '--detach', ...services]);
}

/** Makes the named services again and starts them, with the data of their volumes. Throws as `composeUp` does. */
export async function composeRenew(project: ComposeProject, services: readonly string[]): Promise<void> {
  await runCompose(project, ['up', '--detach', '--force-recreate', ...services]);
}

/** Removes the project's containers; with `volumes` also its data. Missing is done. Throws `engine`. */
export async function composeDown(project: ComposeProject, options: { volumes: boolean }): Promise<void> {
  const flags = ['--remove-orphans', ...(options.volumes ? ['--volumes'] : [])];
  await runCompose(project, ['down', ...flags]);
}

async function runCompose(project: ComposeProject, action: string[]): Promise<void> {
  const [program = '', ...first] = project.command;
  const flags = {
    ansi: 'never',
    ...(await placeValues(project)),
    'project-name': project.project,
    'project-directory': project.projectDir,
  };
  const where = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  const env = { ...project.env, ...listPassed(project) };
  const child = execa(program, [...first, ...where, ...profilesFor(project, action), ...action], {
    env,
    extendEnv: false,
    cwd: '/',
    all: true,
    buffer: false,
    reject: false,
    stdin: 'ignore',
    forceKillAfterDelay: FORCE_KILL_MS,
    ...(project.signal && { cancelSignal: project.signal }),
  });
  const what = [...project.command, action[0]].join(' ');
  const lines: string[] = [];
  let reason: unknown;
  const end = (why: unknown): void => {
    reason ??= why;
    child.kill();
  };
  const silence = setTimeout(
    () => end(new StackError('engine', `\`${what}\` was silent for ${SILENT_MS / 60_000} minutes`, { lines })),
    SILENT_MS,
  );
  const look = repeat(LOOK_MS, () => project.askEngine?.().catch(end));
  for await (const line of child.iterable({ from: 'all' })) {
    silence.refresh();
    project.onLine?.(line);
    lines.push(line);
    if (lines.length > LAST_LINES) lines.shift();
  }
  const result = await child;
  clearTimeout(silence);
  look.end();
  if (project.signal?.aborted) throw interrupted(project.signal.reason);
  if (reason) throw reason;
  if (result.failed) throw explainFailure(what, lines, result.code);
}

/** Does something again and again, each time some milliseconds after it was done. */
function repeat(milliseconds: number, work: () => Promise<unknown> | undefined): { end(): void } {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    timer = setTimeout(() => void Promise.resolve(work()).then(() => isOver || wait()), milliseconds);
  };
  let isOver = false;
  wait();
  return {
    end() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

/**
 * To remove, the plugin passes over services of a profile unless it is told to take all; the older program takes them, and knows no `*`.
 * Homebrew's `docker-compose` is the plugin. A service that is to start is named.
 */
function profilesFor({ command, version = '1' }: ComposeProject, [action]: readonly string[]): string[] {
  const isPlugin = command[0] === 'docker' || Number.parseInt(version, 10) > 1;
  return isPlugin && action !== 'up' ? ['--profile', '*'] : [];
}

/** What compose and docker take for their own settings, also where an env file says it. */
const RESERVED = /^(COMPOSE|DOCKER)_/;
/** How the variables begin that hold our values in compose's environment. */
const OURS = 'STACK_VALUE_';

/**
 * Writes the env file, which leads from the name of each value to a variable of ours, and tells compose of it. A value called
 * `LD_PRELOAD` thus reaches the file's `${LD_PRELOAD}`, and no loader; and no value has to be quoted. The plugin may lay what an
 * `--env-file` holds into its own environment, and thus into that of credential helpers: that of an `include` it does not.
 */
async function placeValues(project: ComposeProject): Promise<{ file: string; 'env-file': string }> {
  const { file, envFile, projectDir, includes } = project;
  const names = listNames(project);
  await makeFolder(path.dirname(envFile));
  const lines = names.map((name) => `${name}=\${${OURS}${name}}\n`);
  await replaceFile(envFile, lines.join(''), { lasting: false });
  if (!includes || names.length === 0) return { file, 'env-file': envFile };
  const whole = { include: [{ path: file, project_directory: projectDir, env_file: envFile }] };
  await replaceFile(`${envFile}.yml`, JSON.stringify(whole), { lasting: false });
  return { file: `${envFile}.yml`, 'env-file': '/dev/null' };
}

function listNames({ values }: ComposeProject): string[] {
  return Object.keys(values).filter((name) => !RESERVED.test(name));
}

function listPassed(project: ComposeProject): Record<string, string | undefined> {
  return Object.fromEntries(listNames(project).map((name) => [`${OURS}${name}`, project.values[name]]));
}

/** A published port that is taken is told apart, because another lease cures it. */
function explainFailure(what: string, lines: string[], code: string | undefined): StackError {
  if (code === 'ENOENT') {
    return new StackError('engine', `cannot run \`${what}\`: the program is not there`, {
      hint: 'install Docker Compose, or put it on the PATH',
    });
  }
  const port = lines.map(readTakenPort).find((one) => one !== undefined);
  if (port !== undefined) {
    return new StackError('port', `port ${port} is taken on this machine`, { details: { port }, lines });
  }
  const said = lines.findLast((line) => /error|cannot|invalid|unsupported|no such/i.test(line)) ?? lines.at(-1);
  return new StackError('engine', `\`${what}\` failed${said ? `: ${said.trim()}` : ''}`, { lines });
}
