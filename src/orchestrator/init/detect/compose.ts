import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { parse as parseEnv } from 'dotenv';
import { parse } from 'yaml';
import { ifReadable } from '../../../adapters/files/file-errors.ts';
import { isThere, readFileIfThere } from '../../../adapters/files/files.ts';
import { isTracked } from '../../../adapters/git/exclude.ts';
import { interpolate } from '../../../domain/compose/interpolate.ts';
import { type ComposeData, mergeCompose } from '../../../domain/compose/merge.ts';
import { isPlainMap } from '../../../domain/config/source.ts';
import { layValues, type Values } from '../../../domain/values.ts';
import { isEnvFile } from '../../sources/sources.ts';
import { type ComposeServer, isOfImage, isServerImage, readServer } from './compose-server.ts';
import { isExample } from './variables.ts';

/** A program of the developers' own that a compose file starts. */
interface ComposeProgram {
  /** As the compose file calls it: where others of the file reach it. */
  name: string;
  /** Absolute path of its folder. */
  folder: string;
  environment: Record<string, string>;
  /** Those of `environment` that files say which git keeps. */
  told: Record<string, string>;
}

export interface ComposeFindings {
  servers: ComposeServer[];
  programs: ComposeProgram[];
}

const FILES = /^(?:docker-)?compose(?:[._-](?:override|dev|develop|development|local|db|infra|services|deps))?\.ya?ml$/;
const FOLDERS = [
  ...['', './docker', '.docker', 'infra', 'deploy', 'docker/development', 'docker/dev', 'docker/local', 'infra/docker'],
];
const DEV_PROFILE = /^(?:dev|develop|development|local|default|db|infra|backend|all)$/;
const FOR_TESTS = /(?:^|[-_])tests?(?:$|[-_])/;

/**
 * Reads the compose files that developers have in these folders: the servers that they start, and what they hand to programs of
 * their own. What cannot be read tells nothing; never throws.
 */
export async function readComposeFiles(folders: readonly string[]): Promise<ComposeFindings> {
  const all: ComposeFindings = { servers: [], programs: [] };
  const places = new Map(folders.flatMap((folder) => FOLDERS.map((inner) => [path.join(folder, inner), folder])));
  for (const [place, folder] of places) {
    const names = ((await ifReadable(readdir(place))) ?? []).filter((name) => FILES.test(name)).sort();
    // The usual file comes first: others are laid over it.
    const files = names.sort((a, b) => a.length - b.length);
    let whole: unknown = {};
    for (const name of files) whole = mergeCompose(whole, await readData(path.join(place, name)));
    if (files.length > 0) await addServices(all, whole, { place, values: await readValues(place, folder) });
  }
  return { servers: pickServers(all.servers), programs: all.programs };
}

async function readData(file: string): Promise<ComposeData> {
  const text = (await ifReadable(readFileIfThere(file))) ?? '';
  // The file that `init` wrote is no source of what it writes.
  if (text.includes('STACK_NETWORK')) return {};
  try {
    const data: unknown = parse(text, { merge: true, logLevel: 'error' });
    return isPlainMap(data) ? data : {};
  } catch {
    return {};
  }
}

/** Where a compose file is, and what its variables stand for. */
interface Place {
  place: string;
  values: FileValues;
}

interface FileValues {
  values: Values;
  /** The same, of the files that git keeps alone. */
  told: Values;
}

async function addServices(all: ComposeFindings, whole: unknown, at: Place): Promise<void> {
  const services = isPlainMap(whole) && isPlainMap(whole.services) ? whole.services : {};
  for (const [name, written] of Object.entries(services)) {
    const service = isPlainMap(written) ? await readExtended(written, services, at.place) : {};
    if (isForDevelopment(name, service)) await addService(all, { name, service }, at);
  }
}

async function addService(
  all: ComposeFindings,
  { name, service }: { name: string; service: ComposeData },
  at: Place,
): Promise<void> {
  const [image, folder] = [await findImage(service, at), findFolder(service, at)];
  if (folder !== undefined && !(image !== undefined && isServerImage(image))) {
    const [environment, told] = await readBoth(service, at);
    all.programs.push({ name, folder, environment, told });
  } else if (image !== undefined) {
    const server = readServer({ name, image, service }, await readOpenEnvironment(image, service, at), at.values);
    if (server) all.servers.push(server);
  }
}

const MOST_EXTENDS = 5;

/** A service with what it `extends`, in the same file or another one. */
async function readExtended(
  service: ComposeData,
  services: ComposeData,
  place: string,
  depth = 0,
): Promise<ComposeData> {
  const { extends: from, ...own } = service;
  const { file, service: name } = isPlainMap(from) ? from : { file: undefined, service: from };
  if (typeof name !== 'string' || depth === MOST_EXTENDS) return own;
  const other = typeof file === 'string' ? path.resolve(place, file) : undefined;
  const there = other === undefined ? services : (await readData(other)).services;
  const base = isPlainMap(there) ? there[name] : undefined;
  if (!isPlainMap(base) || !isPlainMap(there)) return own;
  const whole = await readExtended(base, there, other === undefined ? place : path.dirname(other), depth + 1);
  return mergeCompose(whole, own) as ComposeData;
}

function isForDevelopment(name: string, { profiles }: ComposeData): boolean {
  const named = Array.isArray(profiles) ? profiles : [];
  return !FOR_TESTS.test(name) && (named.length === 0 || named.some((profile) => DEV_PROFILE.test(String(profile))));
}

/** Its image; of one that is built here the image that it is built on, where that is a server's. */
async function findImage(service: ComposeData, { place, values: { values } }: Place): Promise<string | undefined> {
  if (service.build === undefined)
    return typeof service.image === 'string' ? interpolate(service.image, values) : undefined;
  const build = isPlainMap(service.build) ? service.build : { context: service.build };
  const [context, file] = [build.context ?? '.', build.dockerfile ?? 'Dockerfile'].map((text) =>
    interpolate(String(text), values),
  ) as [string, string];
  const text = (await ifReadable(readFileIfThere(path.resolve(place, context, file)))) ?? '';
  const base = [...text.matchAll(/^\s*FROM\s+(?:--\S+\s+)*(\S+)/gim)].at(-1)?.[1];
  return base !== undefined && isServerImage(base) ? base : undefined;
}

const SECRET = /PASSW|PASS$|PWD|SECRET|TOKEN|KEY|CREDENTIAL/i;

/** What the file's variables stand for, by the env files beside it and in its repo, the first of which wins. */
async function readValues(place: string, folder: string): Promise<FileValues> {
  const own: string[] = [];
  const told: string[] = [];
  for (const one of new Set([place, folder])) {
    const kept = await listKept(one);
    own.push(path.join(one, '.env'), ...kept);
    told.push(...kept);
  }
  const read = async (files: readonly string[]): Promise<Values> =>
    layValues(...(await readTexts(files)).map((text) => parseEnv(text)));
  return { values: await read(own), told: await read(told) };
}

async function readTexts(files: readonly string[]): Promise<string[]> {
  return Promise.all(files.map(async (file) => (await ifReadable(readFileIfThere(file))) ?? ''));
}

/** The env files of a folder that anybody may read: its `.env` where git keeps that, and examples, the plainest first. */
async function listKept(folder: string): Promise<string[]> {
  const names = ((await ifReadable(readdir(folder))) ?? []).filter((name) => isEnvFile(name) && isExample(name));
  names.sort((one, other) => one.length - other.length || (one < other ? -1 : 1));
  // Outside of every repo nothing is kept.
  const isOpen = (await isThere(path.join(folder, '.env'))) && (await isTracked(folder, '.env').catch(() => false));
  return [...(isOpen ? ['.env'] : []), ...names].map((name) => path.join(folder, name));
}

/**
 * What a server is handed, as far as it may stand in files that git keeps: none of the developer's own env files, and of secrets
 * what the compose file or an example says.
 */
async function readOpenEnvironment(image: string, service: ComposeData, at: Place): Promise<Record<string, string>> {
  const [all, told] = await readBoth(service, at);
  const named = new Set(Object.keys(readNamed(service)));
  const entries = Object.entries(all).flatMap(([name, value]): [string, string | undefined][] => {
    // An env file has the variables of programs too.
    if (!named.has(name) && !isOfImage(image, name)) return [];
    const isSecret = SECRET.test(name) || /:\/\/[^/@]*:[^/@]*@/.test(value);
    return [[name, isSecret ? told[name] : value]];
  });
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => Boolean(entry[1])));
}

/** What a service is handed, and of it what files say that git keeps: the compose file itself, and examples. */
async function readBoth(
  service: ComposeData,
  { place, values: { values, told } }: Place,
): Promise<[all: Record<string, string>, told: Record<string, string>]> {
  const files = [service.env_file].flat().flatMap((file) => {
    const name = isPlainMap(file) ? file.path : file;
    return typeof name === 'string' ? [path.resolve(place, interpolate(name, values))] : [];
  });
  const beside = files.map(async (file) => {
    const kept = await listKept(path.dirname(file));
    return kept.includes(file) ? [file] : kept;
  });
  const examples = (await Promise.all(beside)).flat();
  const named = readNamed(service);
  const lay = async (from: readonly string[], filled: Values): Promise<Record<string, string>> => {
    const own = Object.entries(named).map(([name, value]) => [name, interpolate(value, filled)]);
    return Object.assign({}, ...(await readTexts(from)).map((text) => parseEnv(text)), Object.fromEntries(own));
  };
  return Promise.all([lay([...examples, ...files], values), lay(examples, told)]);
}

/** Its own `environment`; what has no value comes from the shell. */
function readNamed(service: ComposeData): Record<string, string> {
  const { environment } = mergeCompose({ environment: {} }, { environment: service.environment ?? {} }) as {
    environment: ComposeData;
  };
  const entries = Object.entries(environment).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/** The folder that its image is built from, or that is mounted where it works. */
function findFolder({ build, volumes }: ComposeData, { place, values: { values } }: Place): string | undefined {
  const mounts = (Array.isArray(volumes) ? volumes : []).map((volume) => String(isPlainMap(volume) ? '' : volume));
  const [source] = mounts.flatMap(
    (mount) => /^(\.{1,2}(?:\/[^:]*)?):\/(?:app|usr\/src|code|srv|var\/www|workspace)/.exec(mount)?.[1] ?? [],
  );
  const context = isPlainMap(build) ? (build.context ?? '.') : build;
  // Somebody else's image, around the program: Sail's.
  const isOthers = typeof context === 'string' && /(?:^|\/)(?:vendor|node_modules)\//.test(context);
  if (typeof context === 'string' && !(isOthers && source !== undefined))
    return path.resolve(place, interpolate(context, values));
  return source === undefined ? undefined : path.resolve(place, source);
}

/** One of each kind that stack knows, and each other one once. */
function pickServers(servers: readonly ComposeServer[]): ComposeServer[] {
  const seen = new Set<string>();
  return servers.filter(({ name, kind }) => {
    const key = kind ?? name;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/**
 * Returns what a compose file hands to the programs of a folder, as the texts of env files by their names: what git keeps is an
 * example, what a developer's own file says is not.
 */
export function renderProgramEnv({ programs }: ComposeFindings, folder: string): Map<string, string> {
  // Another program of the file is known by its port.
  const place = (value: string) =>
    programs.reduce((text, { name }) => text.replaceAll(`//${name}:`, '//localhost:'), value);
  const files = new Map<string, string>();
  for (const { environment, told } of programs.filter((program) => program.folder === folder)) {
    for (const [name, value] of Object.entries(environment)) {
      if (value.includes('\n')) continue;
      const file = told[name] === value ? 'compose.env.example' : 'compose.env';
      files.set(file, [...(files.get(file)?.split('\n') ?? []), `${name}=${place(value)}`].join('\n'));
    }
  }
  return files;
}
