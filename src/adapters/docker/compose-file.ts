import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { interpolate } from '../../domain/compose/interpolate.ts';
import { type ComposeData, mergeCompose } from '../../domain/compose/merge.ts';
import { isPlainMap } from '../../domain/config/source.ts';
import { bestEffort } from '../../domain/errors.ts';
import type { Values } from '../../domain/values.ts';
import { ifReadable } from '../files/file-errors.ts';
import { readFileIfThere, replaceFile } from '../files/files.ts';
import { makePersonFolder } from '../files/person-folder.ts';
import { askCompose } from './compose.ts';

const NO_COUNTS_MS = 60 * 60_000;

/** A compose file with all that it leads to: `extends`, `include`, `env_file`. Nothing is interpolated. */
export interface ComposeFile {
  /** The files it came from, itself first. */
  sources: ComposeSource[];
  /** What leads to a file that is elsewhere or cannot be read. */
  unseen: string[];
  /** The whole, with absolute paths where the file has plain ones. */
  data: ComposeData;
  /** A part of the whole. */
  services: Record<string, ComposeData>;
}

interface ComposeSource {
  /** Absolute path. */
  file: string;
  text: string;
  /** An env file: what it holds is not in `data`. */
  isEnv: boolean;
}

export interface ComposeSurroundings {
  /** Absolute path that relative paths of the file start from. */
  projectDir: string;
  /** What its variables stand for. */
  values: Values;
  /** The environment of compose. */
  env: Readonly<Record<string, string | undefined>>;
  /** Folder of this person where compose's answers are kept, by what they were made from. */
  cacheFolder: string;
}

/**
 * Reads a compose file as compose does: its own answer where the plugin is there, else as far as its rules can be followed
 * here. What cannot be read holds nothing: compose says what is wrong with it. Never throws.
 */
export async function readComposeFile(file: string, around: ComposeSurroundings): Promise<ComposeFile> {
  const reading: Reading = { values: around.values, sources: new Map(), unseen: new Set(), projects: new Set() };
  const own = await readProject([file], around.projectDir, reading);
  const sources = [...reading.sources.values()];
  const answer = await resolveByCompose(file, sources, around);
  const services = { ...readMaps(own.services), ...readMaps(answer?.services) };
  for (const [name, { volumes }] of Object.entries(readMaps(own.services))) {
    // Compose splits a volume at the first colon, also at that of `${FOLDER:-./data}`.
    if (volumes !== undefined) services[name] = { ...services[name], volumes };
  }
  return { sources, unseen: [...reading.unseen], services, data: { ...own, ...answer, services } };
}

async function resolveByCompose(
  file: string,
  sources: ComposeFile['sources'],
  { projectDir, env, cacheFolder }: ComposeSurroundings,
): Promise<ComposeData | undefined> {
  const key = createHash('sha256')
    .update(JSON.stringify([file, projectDir, sources]))
    .digest('hex');
  const kept = path.join(cacheFolder, 'compose', `${key}.json`);
  const refused = path.join(cacheFolder, 'compose', `${key}.no`);
  const asked = JSON.stringify([env.PATH, env.HOME, env.DOCKER_CONFIG]);
  const known = await ifReadable(readFileIfThere(kept));
  if (known === undefined && (await isRefused(refused, asked))) return undefined;
  const answer = known ?? (await askCompose({ file, projectDir, env }));
  const { data } = parseYaml(answer ?? '');
  if (known === undefined && data) await keep(env, kept, JSON.stringify(data));
  if (answer === null) await keep(env, refused, asked);
  return data;
}

/** A no counts where it was given, and for a while: the plugin may be there one day. */
async function isRefused(file: string, asked: string): Promise<boolean> {
  const known = await ifReadable(readFileIfThere(file));
  return known === asked && Date.now() - (await stat(file)).mtimeMs < NO_COUNTS_MS;
}

/** What cannot be kept is asked again. */
async function keep(env: ComposeSurroundings['env'], file: string, text: string): Promise<void> {
  const made = makePersonFolder(env, path.dirname(file), 'XDG_CACHE_HOME');
  await bestEffort(made.then(() => replaceFile(file, text, { lasting: false })));
}

interface Reading {
  values: Values;
  sources: Map<string, ComposeSource>;
  unseen: Set<string>;
  /** Files that were read as one of a project: a file may be extended and included. */
  projects: Set<string>;
}

/** The files of one project: the first, and those laid over it. Relative paths in them start from `folder`. */
async function readProject(files: readonly string[], folder: string, reading: Reading): Promise<ComposeData> {
  let whole: ComposeData = {};
  for (const file of files) {
    if (reading.projects.has(file)) continue;
    reading.projects.add(file);
    const data = await readData(file, reading);
    const services: ComposeData = {};
    for (const name of Object.keys(readMaps(data.services))) {
      services[name] = await readService(name, { data, file, folder }, reading, []);
    }
    const { include, ...rest } = data;
    const part = mergeCompose(await readIncluded(include, folder, reading), { ...placeFiles(rest, folder), services });
    whole = mergeCompose(whole, part) as ComposeData;
  }
  return whole;
}

async function readIncluded(include: unknown, folder: string, reading: Reading): Promise<ComposeData> {
  let whole: ComposeData = {};
  for (const entry of listOf(include)) {
    const { path: paths, project_directory: named, env_file: envFile } = isPlainMap(entry) ? entry : { path: entry };
    const files = findFiles(paths, folder, reading);
    const [first] = files;
    if (first === undefined) continue;
    const inner = typeof named === 'string' ? resolvePath(named, folder, reading) : path.dirname(first);
    for (const one of findFiles(envFile ?? [], folder, reading)) await readSource(one, reading, true);
    // It need not be there.
    if (envFile === undefined) await readSource(path.join(inner, '.env'), { ...reading, unseen: new Set() }, true);
    whole = mergeCompose(whole, await readProject(files, inner, reading)) as ComposeData;
  }
  return whole;
}

interface Place {
  data: ComposeData;
  file: string;
  /** What relative paths start from. */
  folder: string;
}

/** A service with all it extends; one that extends itself ends there, as compose refuses it. */
async function readService(name: string, place: Place, reading: Reading, seen: string[]): Promise<ComposeData> {
  const { extends: base, ...own } = readMaps(place.data.services)[name] ?? {};
  const service = await placeService(own, place.folder, reading);
  const where = `${place.file}\0${name}`;
  if (base === undefined || seen.includes(where)) return service;
  const { file, service: other } = isPlainMap(base) ? base : { file: undefined, service: base };
  const from = file === undefined ? place : await openExtended(file, place, reading);
  if (!from) return service;
  return mergeCompose(await readService(String(other), from, reading, [...seen, where]), service) as ComposeData;
}

async function openExtended(named: unknown, { folder }: Place, reading: Reading): Promise<Place | undefined> {
  const [file] = findFiles(named, folder, reading);
  return file === undefined ? undefined : { data: await readData(file, reading), file, folder: path.dirname(file) };
}

/** Reads the files that a service names, and makes its paths absolute. */
async function placeService(service: ComposeData, folder: string, reading: Reading): Promise<ComposeData> {
  for (const key of ['env_file', 'label_file']) {
    const named = listOf(service[key]).map((entry) => (isPlainMap(entry) ? entry.path : entry));
    for (const file of findFiles(named, folder, reading)) await readSource(file, reading, true);
  }
  const { build, volumes } = service;
  const placed = { ...service };
  if (typeof build === 'string') placed.build = { context: placePath(build, folder) };
  if (isPlainMap(build)) placed.build = { ...build, context: placePath(build.context ?? '.', folder) };
  if (Array.isArray(volumes)) placed.volumes = volumes.map((volume) => placeVolume(volume, folder));
  return placed;
}

function placeVolume(volume: unknown, folder: string): unknown {
  if (isPlainMap(volume)) {
    return volume.type === 'bind' ? { ...volume, source: placePath(volume.source, folder) } : volume;
  }
  const [, source, rest = ''] = /^([.~][^:]*)(:.*)$/s.exec(String(volume)) ?? [];
  return source === undefined ? volume : `${placePath(source, folder)}${rest}`;
}

/** `secrets:` and `configs:` lead to files too. */
function placeFiles(data: ComposeData, folder: string): ComposeData {
  const placed = { ...data };
  for (const key of ['secrets', 'configs']) {
    const entries = Object.entries(readMaps(data[key]));
    if (entries.length === 0) continue;
    placed[key] = Object.fromEntries(
      entries.map(([name, { file, ...one }]) => [
        name,
        file === undefined ? one : { ...one, file: placePath(file, folder) },
      ]),
    );
  }
  return placed;
}

/** One that begins with a variable or leads to another machine stays as written. */
function placePath(named: unknown, folder: string): unknown {
  if (typeof named !== 'string' || named.startsWith('$') || isElsewhere(named)) return named;
  return path.resolve(
    folder,
    named.replace(/^~(?=\/|$)/, () => homedir()),
  );
}

function findFiles(named: unknown, folder: string, reading: Reading): string[] {
  return listOf(named).flatMap((one) => {
    const text = interpolate(String(one), reading.values);
    if (!isElsewhere(text)) return [resolvePath(text, folder, reading)];
    reading.unseen.add(text);
    return [];
  });
}

function resolvePath(named: string, folder: string, { values }: Reading): string {
  return path.resolve(
    folder,
    interpolate(named, values).replace(/^~(?=\/|$)/, () => homedir()),
  );
}

/** A repo or a registry, which compose fetches. */
function isElsewhere(text: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:|git@|github\.com\/)|\.git(?:#|$)/.test(text);
}

async function readData(file: string, reading: Reading): Promise<ComposeData> {
  const text = await readSource(file, reading);
  const { data, isWhole } = parseYaml(text ?? '');
  // Compose may read it otherwise, or more of it.
  if (!isWhole) reading.unseen.add(file);
  return data ?? {};
}

async function readSource(file: string, { sources, unseen }: Reading, isEnv = false): Promise<string | undefined> {
  const known = sources.get(file);
  if (known) return known.text;
  const text = await ifReadable(readFileIfThere(file));
  if (text === undefined) unseen.add(file);
  else sources.set(file, { file, text, isEnv });
  return text;
}

/** Line breaks of YAML 1.1, as compose reads it: what stands behind one is no part of a comment before it. */
const BREAKS = /\r\n?|[\u0085\u2028\u2029]/g;

/** Several documents are laid over each other. */
function parseYaml(text: string): { data: ComposeData | undefined; isWhole: boolean } {
  try {
    const documents = [...parseAllDocuments(text.replaceAll(BREAKS, '\n'), { merge: true, logLevel: 'silent' })];
    const parts = documents.map((document) => document.toJS() as unknown).filter(isPlainMap);
    return {
      data: parts.length === 0 ? undefined : parts.reduce((base, over) => mergeCompose(base, over) as ComposeData),
      isWhole: documents.every(({ errors }) => errors.length === 0),
    };
  } catch {
    // The reader of YAML gives up on what leads nowhere, or grows without bounds.
    return { data: undefined, isWhole: false };
  }
}

function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function readMaps(value: unknown): Record<string, ComposeData> {
  if (!isPlainMap(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, isPlainMap(one) ? one : {}]));
}
