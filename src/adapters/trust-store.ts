import { createHash } from 'node:crypto';
import { lstat, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseFields } from '../domain/json.ts';
import { explainFileError, ifReadable, ifThere } from './files/file-errors.ts';
import { readFileIfThere, replaceFile } from './files/files.ts';
import { isOwnUid } from './files/ownership.ts';
import { makePersonFolder, personFolder } from './files/person-folder.ts';

/** What a person has looked at and trusted. */
export interface Trust {
  /** Real path of the root. */
  root: string;
  /** Of all that counts in the files; or `uid 1001`, whose files in there are obeyed. */
  hash: string;
  /** When, in ISO 8601. */
  at: string;
}

/** Remembers what is trusted, outside of any repo: a file each, so that no two commands are in each other's way. */
export interface TrustStore {
  has(root: string, hash: string): Promise<boolean>;
  /** Throws `files`. */
  add(trust: Trust): Promise<void>;
  list(): Promise<Trust[]>;
  /** Forgets all that was trusted for a root. Throws `files`. */
  revoke(root: string): Promise<void>;
}

/** Returns the store in the person's state folder. `env` is the person's own: what a repo brings must have no say in it. */
export function openTrustStore(env: Readonly<Record<string, string | undefined>>): TrustStore {
  const folder = path.join(personFolder(env), 'trust');
  const fileOf = ({ root, hash }: Pick<Trust, 'root' | 'hash'>): string =>
    path.join(folder, `${createHash('sha256').update(`${root}\0${hash}`).digest('hex')}.json`);
  const list = async (): Promise<Trust[]> => {
    const names = (await ifThere(readdir(folder))) ?? [];
    const texts = await Promise.all(names.map((name) => readFileIfThere(path.join(folder, name))));
    return texts.flatMap((text) => parseTrust(text ?? '') ?? []).sort((one, other) => (one.at < other.at ? -1 : 1));
  };
  return {
    list,
    has: async (root, hash) => {
      const uid = (await ifReadable(lstat(fileOf({ root, hash }))))?.uid;
      // Where others may write, what stands there is not what the person has said.
      return uid !== undefined && isOwnUid(uid, env);
    },
    async add(trust) {
      await makePersonFolder(env, folder);
      await replaceFile(fileOf(trust), `${JSON.stringify(trust, null, 2)}\n`);
    },
    async revoke(root) {
      const files = (await list()).filter((trust) => trust.root === root).map(fileOf);
      await Promise.all(
        files.map((file) =>
          rm(file, { force: true }).catch((error: unknown) => {
            throw explainFileError(error, `delete ${file}`);
          }),
        ),
      );
    },
  };
}

function parseTrust(text: string): Trust | undefined {
  const { root, hash, at } = parseFields<Trust>(text);
  return typeof root === 'string' && typeof hash === 'string' && typeof at === 'string'
    ? { root, hash, at }
    : undefined;
}
