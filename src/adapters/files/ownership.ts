import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { STATE_FOLDER } from '../../domain/layout.ts';
import { CONFIG_FILE, type FoundRoot, LOCAL_CONFIG_FILE } from '../config-file.ts';
import { ifReadable } from './file-errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Something that decides what stack does, and belongs to neither the person nor root. */
export interface Stranger {
  /** Absolute path. */
  file: string;
  /** The folder that is obeyed because of it, or not. */
  folder: string;
  uid: number;
}

/** Whoever can write one of these says what stack runs, and which files it deletes. */
const GUARDED = ['.', CONFIG_FILE, LOCAL_CONFIG_FILE, '.env', STATE_FOLDER];

/** Returns what somebody else owns of a root and of the pointer that led to it. Never throws. */
export function listStrangers({ root, pointer }: FoundRoot, env: Env): Promise<Stranger[]> {
  return keepStrangers(
    [
      ...(pointer === undefined ? [] : [{ file: pointer, folder: path.dirname(pointer) }]),
      ...GUARDED.map((name) => ({ file: path.join(root, name), folder: root })),
    ],
    env,
  );
}

async function keepStrangers(places: readonly Omit<Stranger, 'uid'>[], env: Env): Promise<Stranger[]> {
  const found = await Promise.all(
    places.map(async (place) => {
      // A link counts like what it leads to: its owner says where that is.
      const looks = await Promise.all([lstat, stat].map((look) => ifReadable(look(place.file))));
      const uid = looks.find((one) => one !== undefined && !isOwnUid(one.uid, env))?.uid;
      return uid === undefined ? [] : [{ ...place, uid }];
    }),
  );
  return found.flat();
}

/** Throws `confirm` where somebody else's files would be obeyed and the person has not allowed it; gives the place back. */
export async function requireOwnPlace(place: FoundRoot, env: Env, store: Allowed): Promise<FoundRoot> {
  await requireAllowed(await listStrangers(place, env), store);
  return place;
}

/** Throws `confirm` (details `{strangers}`) where a root would obey files of somebody else's, and the person has not allowed it. */
export async function requireOwnFiles(root: string, files: readonly string[], env: Env, store: Allowed): Promise<void> {
  const places = files.map((file) => ({ file, folder: root }));
  await requireAllowed(await keepStrangers(places, env), store);
}

/** The trust store. */
interface Allowed {
  has(root: string, hash: string): Promise<boolean>;
}

async function requireAllowed(strangers: readonly Stranger[], store: Allowed): Promise<void> {
  for (const { file, folder, uid } of strangers) {
    if (await store.has(folder, ownerMark(uid))) continue;
    throw new StackError('confirm', `${file} belongs to another person (uid ${uid}), who could run anything as you`, {
      hint: '`stack trust --owner` allows it, where you know that person; `stack init` makes a stack of your own further down',
      details: { file, folder, uid, strangers },
    });
  }
}

/** Returns how the trust store notes that files of one owner are obeyed in a folder. */
export function ownerMark(uid: number): string {
  return `uid ${uid}`;
}

/** True for the person and root; for root under sudo also for the person who called it, as git has it. */
export function isOwnUid(uid: number, env: Env): boolean {
  const own = process.geteuid?.();
  if (own === undefined || uid === own || uid === 0) return true;
  return own === 0 && env.SUDO_UID !== undefined && uid === Number(env.SUDO_UID);
}
