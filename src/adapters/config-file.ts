import { lstat, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { StackConfig } from '../domain/config/config.ts';
import type { ResolvedValue } from '../domain/config/resolved.ts';
import type { ConfigInput } from '../domain/config/text.ts';
import { StackError } from '../domain/errors.ts';
import { parseFields } from '../domain/json.ts';
import { STATE_FILES, STATE_FOLDER } from '../domain/layout.ts';
import { layValues, type Values } from '../domain/values.ts';
import { ifReadable, ifThere } from './files/file-errors.ts';
import { isThere, readFileIfThere } from './files/files.ts';

/** The file that makes a folder the root of a stack. */
export const CONFIG_FILE = 'stack.yml';
/** One person's settings, laid over the config; git ignores it. */
export const LOCAL_CONFIG_FILE = 'stack.local.yml';
/** The file in a ticket's folder that leads to the root. */
export const POINTER_FILE = '.stack-ticket';
/** Makes a folder a root too, so that tickets can be destroyed when `stack.yml` is gone. */
const STATES = STATE_FILES.map((name) => path.join(STATE_FOLDER, name));

/** Where a command was called: the real path of the root, and the ticket when it was in a ticket's folder. */
export interface FoundRoot {
  root: string;
  ticket?: string;
  /** Absolute path of the file that led there from a ticket's folder. */
  pointer?: string;
}

/** What the pointer in a ticket's folder says. */
type TicketPointer = Required<Omit<FoundRoot, 'pointer'>>;

/**
 * Finds the root by walking up. The nearest pointer on the whole way wins over a `stack.yml`, since a worktree may carry its
 * own copy of that file. Returns undefined when there is no stack. Throws `config` for a pointer that leads nowhere.
 */
export async function findRoot(cwd: string): Promise<FoundRoot | undefined> {
  const folders = await listFoldersUp(cwd);
  for (const folder of folders) {
    const file = path.join(folder, POINTER_FILE);
    const text = (await isInSight(file)) ? await readFileIfThere(file) : undefined;
    if (text !== undefined) return followPointer(file, text);
  }
  for (const folder of folders) {
    if (await isRoot(folder)) return { root: folder };
  }
  return undefined;
}

/** Like `findRoot`, but throws `config` when there is no stack. */
export async function requireRoot(cwd: string): Promise<FoundRoot> {
  const found = await findRoot(cwd);
  if (found) return found;
  for (const folder of await listFoldersUp(cwd)) await refuseOtherName(folder);
  throw new StackError('config', `no ${CONFIG_FILE} in ${cwd} or any folder above`, {
    hint: 'run `stack init` in the folder that holds your repos',
  });
}

/** Returns a folder as the root that it is, whatever is above it. Throws `config` when it is none. */
export async function requireRootAt(folder: string): Promise<FoundRoot> {
  if (await isRoot(folder)) return { root: await realpath(folder) };
  await refuseOtherName(folder);
  throw new StackError('config', `no ${CONFIG_FILE} in ${folder}`, {
    hint: '`-C DIR` looks in the folders above as well; `stack init` writes one',
  });
}

/** Nearest first. A folder that somebody deleted under us has no real path, but its parents may lead home. */
async function listFoldersUp(cwd: string): Promise<string[]> {
  let folder = (await ifReadable(realpath(cwd))) ?? path.resolve(cwd);
  const folders = [folder];
  while (path.dirname(folder) !== folder) {
    folder = path.dirname(folder);
    folders.push(folder);
  }
  return folders;
}

/** A folder above may be closed to us; nothing of ours is there then. */
async function isInSight(file: string): Promise<boolean> {
  return (await ifReadable(lstat(file))) !== undefined;
}

async function isRoot(folder: string): Promise<boolean> {
  for (const file of [CONFIG_FILE, ...STATES]) if (await isInSight(path.join(folder, file))) return true;
  return false;
}

async function followPointer(file: string, text: string): Promise<FoundRoot> {
  const pointer = parsePointer(file, text);
  const root = await ifThere(realpath(pointer.root));
  if (root !== undefined && (await isRoot(root))) return { root, ticket: pointer.ticket, pointer: file };
  const reason = root === undefined ? 'which is gone' : `which holds no ${CONFIG_FILE}`;
  throw new StackError('config', `${file} leads to ${pointer.root}, ${reason}`, {
    hint: `was the root moved? Put it back, or correct or delete ${file}`,
    details: { file, ...pointer },
  });
}

function parsePointer(file: string, text: string): TicketPointer {
  const { root, ticket } = parseFields<TicketPointer>(text);
  if (typeof root === 'string' && path.isAbsolute(root) && typeof ticket === 'string' && ticket !== '') {
    return { root, ticket };
  }
  throw new StackError('config', `${file} is damaged: it should hold the root and the ticket`, {
    hint: `delete it, or write {"root":"/path/of/the/root","ticket":"${path.basename(path.dirname(file))}"} into it`,
  });
}

/** Returns where the pointer in a ticket's folder leads; undefined for a folder without one. Throws `config` for a damaged one, `files`. */
export async function readTicketPointer(folder: string): Promise<TicketPointer | undefined> {
  const file = path.join(folder, POINTER_FILE);
  const text = (await isThere(file)) ? await readFileIfThere(file) : undefined;
  return text === undefined ? undefined : parsePointer(file, text);
}

/** Returns the text of a ticket folder's pointer; `root` is a real path. */
export function renderPointer({ root, ticket }: TicketPointer): string {
  return `${JSON.stringify({ root, ticket }, undefined, 2)}\n`;
}

/** A config with what it was made from. */
export interface ConfigFile {
  config: StackConfig;
  /** The environment, then `.env` beside the config. */
  values: Values;
  /** Absolute paths of the files that were read. */
  files: string[];
}

type ReadHow = { cwd?: string; signal?: AbortSignal };

/**
 * Reads the config of a root, with what is laid over it. `env` wins over `.env`. Errors name files as seen from `cwd`
 * (default: absolute paths). Throws `config` for a file that is missing or wrong, `files` for one that cannot be read,
 * `interrupted`.
 */
export async function loadConfig(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  how: ReadHow = {},
): Promise<ConfigFile> {
  const { input, files } = await readInput(root, env, how);
  // Finding the root is asked more often than reading the config, and does without the YAML reader.
  const { parseConfig } = await import('../domain/config/text.ts');
  return { config: parseConfig(input), values: input.values, files };
}

/** Returns every value of the config of a root, with where it came from. Throws what `loadConfig` throws. */
export async function explainConfig(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  how: ReadHow = {},
): Promise<{ files: string[]; values: ResolvedValue[] }> {
  const { input, files } = await readInput(root, env, how);
  const { resolveConfig } = await import('../domain/config/resolved.ts');
  return { files, values: resolveConfig(input, (name) => Boolean(env[name])) };
}

async function readInput(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  { cwd, signal }: ReadHow,
): Promise<{ input: ConfigInput; files: string[] }> {
  const [main, local, dotenv] = await Promise.all([
    readFileIfThere(path.join(root, CONFIG_FILE)),
    readFileIfThere(path.join(root, LOCAL_CONFIG_FILE)),
    readDotenv(path.join(root, '.env'), signal),
  ]);
  if (main === undefined) throw await missingConfig(root);
  const texts: [name: string, text: string | undefined][] = [
    [CONFIG_FILE, main],
    [LOCAL_CONFIG_FILE, local],
  ];
  const files = texts.flatMap(([name, text]) => (text === undefined ? [] : [{ path: path.join(root, name), text }]));
  const values = layValues(env, await parseDotenv(dotenv));
  const shown = files.map((file) => ({ ...file, path: cwd === undefined ? file.path : path.relative(cwd, file.path) }));
  return {
    input: { files: shown, values },
    files: [...files.map((file) => file.path), ...(dotenv === undefined ? [] : [path.join(root, '.env')])],
  };
}

async function missingConfig(root: string): Promise<StackError> {
  await refuseOtherName(root);
  return new StackError('config', `no ${CONFIG_FILE} in ${root}`, { hint: 'run `stack init` there to write one' });
}

async function refuseOtherName(folder: string): Promise<void> {
  if (!(await isThere(path.join(folder, 'stack.yaml')))) return;
  throw new StackError('config', `${path.join(folder, 'stack.yaml')} is not read: the file is called ${CONFIG_FILE}`, {
    hint: `run \`mv stack.yaml ${CONFIG_FILE}\` in ${folder}`,
  });
}

/** A folder called `.env` is somebody's Python environment. */
async function readDotenv(file: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  return (await ifThere(stat(file)))?.isDirectory() ? undefined : readFileIfThere(file, { pipe: true, signal });
}

async function parseDotenv(text: string | undefined): Promise<Record<string, string>> {
  if (text === undefined) return {};
  const { parse } = await import('dotenv');
  return parse(text);
}
