import { createHash } from 'node:crypto';
import path from 'node:path';
import { CONFIG_FILE, LOCAL_CONFIG_FILE } from '../adapters/config-file.ts';
import type { ComposeFile } from '../adapters/docker/compose-file.ts';
import { ifReadable } from '../adapters/files/file-errors.ts';
import { readFileIfThere } from '../adapters/files/files.ts';
import { isFromGit, listKept } from '../adapters/git/tracked.ts';
import type { TrustStore } from '../adapters/trust-store.ts';
import { listComposePaths } from '../domain/compose/mounts.ts';
import { listRunning, listRunningCompose, revealText } from '../domain/config/commands.ts';
import { fillEnvironment } from '../domain/config/env.ts';
import { listRepoFiles } from '../domain/config/repo-files.ts';
import { readConfigData } from '../domain/config/text.ts';
import { bestEffort, StackError } from '../domain/errors.ts';
import { STATE_FOLDER, stateFolder } from '../domain/layout.ts';
import type { Stack } from './core/stack.ts';

/** What git brought into a root, and what of it stack would run. */
export interface TrustMatter {
  /** Relative to the root; what a terminal does not show is escaped. */
  files: string[];
  /** A line each, whole and escaped. */
  commands: string[];
  /** Of all that the files say; comments and layout of stack.yml do not count. */
  hash: string;
}

type TrustPlace = Pick<Stack, 'root' | 'values' | 'readCompose'>;

/** A part of what is looked at. */
interface Part {
  /** Relative to the root. */
  files: string[];
  lines: string[];
  /** What the hash is made of. */
  content: unknown;
}

/**
 * Returns what is to be looked at before anything of it runs; undefined where git brought nothing: what a person wrote, or
 * `stack init`, needs no trust. Throws `config`, `files`.
 */
export async function readTrustMatter(place: TrustPlace): Promise<TrustMatter | undefined> {
  const { root, values } = place;
  const configs = await keepForeign([CONFIG_FILE, LOCAL_CONFIG_FILE].map((name) => path.join(root, name)));
  if (configs.length === 0) return undefined;
  const data = readConfigData(configs.map(({ file, text }) => ({ path: file, text })));
  // Names of files may hold `${env.X}`.
  const filled = fillEnvironment(data, values).data;
  const config: Part = {
    files: configs.map(({ file }) => path.relative(root, file)),
    lines: listRunning(data),
    content: data,
  };
  const parts = [
    config,
    // It fills what the config leaves open.
    ...(await tellTexts(root, [
      path.join(root, '.env'),
      ...listRepoFiles(filled).map((file) => path.resolve(root, file)),
    ])),
    ...(await tellCompose(place, filled)),
  ];
  const hash = createHash('sha256')
    .update(JSON.stringify(parts.map(({ files, content }) => [files, content])))
    .digest('hex');
  const files = [...new Set(parts.flatMap((part) => part.files))].map(revealText);
  return { files, commands: [...new Set(parts.flatMap(({ lines }) => lines))], hash };
}

interface ForeignFile {
  file: string;
  text: string;
}

/** Those of the files that are there and from git. */
async function keepForeign(files: readonly string[]): Promise<ForeignFile[]> {
  const found = await Promise.all(
    [...new Set(files)].map(async (file) => {
      // A folder called `.env` is somebody's Python environment.
      const text = await ifReadable(readFileIfThere(file));
      return text !== undefined && (await isFromGit(file)) ? [{ file, text }] : [];
    }),
  );
  return found.flat();
}

/** Files that are told line by line. */
async function tellTexts(root: string, files: readonly string[]): Promise<Part[]> {
  return (await keepForeign(files)).map(({ file, text }) => {
    const name = path.relative(root, file);
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
    return { files: [name], lines: lines.map((line) => `${revealText(name)}: ${revealText(line)}`), content: text };
  });
}

/** The compose file says what the shared services run, and may mount any folder of this machine. */
async function tellCompose({ root, values, readCompose }: TrustPlace, config: unknown): Promise<Part[]> {
  const { shared } = config as { shared?: { compose?: unknown } };
  if (typeof shared?.compose !== 'string') return [];
  const compose = await readCompose(path.resolve(root, shared.compose));
  const envFiles = compose.sources.filter(({ isEnv }) => isEnv).map(({ file }) => file);
  const { dockerfiles, mounts } = listComposePaths(compose.data, root, values);
  return [
    ...(await tellModel(root, shared.compose, compose)),
    ...(await tellTexts(root, [...envFiles, ...dockerfiles])),
    ...(await Promise.all([...new Set(mounts)].map((mount) => tellMount(root, mount)))).flat(),
  ];
}

async function tellModel(root: string, name: string, { sources, data, unseen }: ComposeFile): Promise<Part[]> {
  const foreign = await keepForeign(sources.filter(({ isEnv }) => !isEnv).map(({ file }) => file));
  if (foreign.length === 0) return [];
  const lines = listRunningCompose(data).map((line) => `${revealText(name)} ${line}`);
  const elsewhere = unseen.map((one) => `${revealText(name)} leads to ${revealText(one)}, which cannot be shown here`);
  return [
    {
      files: foreign.map(({ file }) => path.relative(root, file)),
      lines: [...lines, ...elsewhere],
      content: [foreign.map(({ text }) => text), unseen],
    },
  ];
}

/** A script that a container finds in a folder runs as well: what git keeps of the folder counts. */
async function tellMount(root: string, mount: string): Promise<Part[]> {
  const [file] = await keepForeign([mount]);
  const name = path.relative(root, mount) || '.';
  if (file) return [{ files: [name], lines: [`${revealText(name)}: mounted in a container`], content: file.text }];
  const { names, content } = await listKept(mount);
  if (names.length === 0) return [];
  return [
    {
      files: [name],
      lines: names.map((one) => `${revealText(path.join(name, one))}: mounted in a container`),
      content,
    },
  ];
}

/**
 * Returns what is to be looked at before a `.stack` that git keeps is believed: its records say what is removed and what is
 * stopped. Undefined where git keeps none. What stack writes there since does not count. Throws `git`.
 */
export async function readStateMatter(root: string): Promise<TrustMatter | undefined> {
  const { names, content } = await listKept(stateFolder(root));
  // Which files git passes over decides nothing.
  const files = names.filter((name) => name !== '.gitignore').map((name) => path.join(STATE_FOLDER, name));
  if (files.length === 0) return undefined;
  const hash = createHash('sha256').update(content).digest('hex');
  const commands = files.map((file) => `${revealText(file)} says what is removed and stopped`);
  const cure = '`git rm -r --cached .stack` takes it out of git, where it does not belong';
  return { files: [STATE_FOLDER], commands: [...commands, cure], hash };
}

export interface TrustQuestion {
  root: string;
  /** Returns what it is about. */
  read(): Promise<TrustMatter | undefined>;
  store: TrustStore;
  /** Shows what would run, and asks. Throws `confirm` when the answer is no. */
  ask(matter: TrustMatter): Promise<void>;
}

/** Asks about what git brought, once for each content. Throws `confirm`, `config`. */
export async function requireTrust({ root, read, store, ask }: TrustQuestion): Promise<void> {
  const matter = await read();
  if (!matter || matter.commands.length === 0 || (await store.has(root, matter.hash))) return;
  await ask(matter);
  // What cannot be remembered (a home that is read-only) is asked again.
  await bestEffort(rememberTrust(root, store, matter));
}

/** Remembers that a person trusts what is there now. Throws `files`. */
export async function rememberTrust(root: string, store: TrustStore, { hash }: TrustMatter): Promise<void> {
  await store.add({ root, hash, at: new Date().toISOString() });
}

/** Returns the refusal where nobody is there to ask. */
export function untrusted({ files, commands }: TrustMatter): StackError {
  return new StackError('confirm', `${files.join(', ')} came with git, and nobody has looked yet at what would run`, {
    hint: '`stack trust` shows it and trusts it, --yes says so for this command',
    lines: commands,
    exact: true,
    details: { files, commands },
  });
}
