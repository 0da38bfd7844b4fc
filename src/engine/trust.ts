import { createHash } from 'node:crypto';
import path from 'node:path';
import { CONFIG_FILE, LOCAL_CONFIG_FILE } from '../adapters/config-file.ts';
import { readFileIfThere } from '../adapters/files.ts';
import { isFromGit } from '../adapters/git/tracked.ts';
import type { TrustStore } from '../adapters/trust-store.ts';
import { listCommands } from '../domain/config/commands.ts';
import { readConfigData } from '../domain/config/text.ts';
import { StackError } from '../domain/errors.ts';

/** What git brought into a root, and what of it stack would run. */
export interface TrustMatter {
  /** Relative to the root. */
  files: string[];
  /** A line each. */
  commands: string[];
  /** Of all that the files say; comments and layout do not count. */
  hash: string;
}

interface RootFile {
  name: string;
  text: string;
}

/**
 * Gives what is to be looked at before anything of it runs; undefined where git brought nothing: what a person wrote, or
 * `stack init`, needs no trust. Throws `config`, `files`.
 */
export async function readTrustMatter(root: string): Promise<TrustMatter | undefined> {
  const configs = await keepForeign(root, [CONFIG_FILE, LOCAL_CONFIG_FILE]);
  if (configs.length === 0) return undefined;
  const data = readConfigData(configs.map(({ name, text }) => ({ path: path.join(root, name), text })));
  // It fills what the config leaves open.
  const dotenv = await keepForeign(root, ['.env']);
  const compose = await readCompose(root, data);
  const texts = [...dotenv, ...compose];
  const hash = createHash('sha256')
    .update(JSON.stringify([data, texts]))
    .digest('hex');
  const files = [...configs, ...texts].map(({ name }) => name);
  return { files, commands: listCommands(data), hash };
}

/** Those of the files that are there and from git. */
async function keepForeign(root: string, names: readonly string[]): Promise<RootFile[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      // A folder called `.env` is somebody's Python environment.
      const text = await readFileIfThere(path.join(root, name)).catch(() => undefined);
      return text !== undefined && (await isFromGit(path.join(root, name))) ? [{ name, text }] : [];
    }),
  );
  return found.flat();
}

/** The compose file says what the shared services run, and may mount any folder of this machine. */
async function readCompose(root: string, data: unknown): Promise<RootFile[]> {
  const { shared } = data as { shared?: { compose?: unknown } };
  if (typeof shared?.compose !== 'string') return [];
  const text = await readFileIfThere(path.resolve(root, shared.compose)).catch(() => undefined);
  return text === undefined ? [] : [{ name: shared.compose, text }];
}

export interface TrustQuestion {
  root: string;
  store: TrustStore;
  /** Shows what would run, and asks. Throws `confirm` when the answer is no. */
  ask(matter: TrustMatter): Promise<void>;
}

/** Asks about what git brought, once for each content. Throws `confirm`, `config`. */
export async function requireTrust({ root, store, ask }: TrustQuestion): Promise<void> {
  const matter = await readTrustMatter(root);
  if (!matter || matter.commands.length === 0 || (await store.has(root, matter.hash))) return;
  await ask(matter);
  // What cannot be remembered (a home that is read-only) is asked again.
  await rememberTrust(root, store, matter).catch(() => undefined);
}

/** Remembers that a person trusts what is there now. Throws `files`. */
export async function rememberTrust(root: string, store: TrustStore, { hash }: TrustMatter): Promise<void> {
  await store.add({ root, hash, at: new Date().toISOString() });
}

/** Gives the refusal where nobody is there to ask. */
export function untrusted({ files, commands }: TrustMatter): StackError {
  return new StackError('confirm', `${files.join(', ')} came with git, and nobody has looked yet at what would run`, {
    hint: '`stack trust` shows it and trusts it, --yes says so for this command',
    lines: commands,
    details: { files, commands },
  });
}
