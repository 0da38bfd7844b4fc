import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { parseJson } from '../../domain/json.ts';
import { passwordsFileOf } from '../../domain/layout.ts';
import { ownPasswordVariable } from '../../domain/shared.ts';
import type { Values } from '../../domain/values.ts';
import { makeFolder, readFileIfThere, replaceFile } from '../files/files.ts';

const BYTES = 24;

/** The passwords that one root has made up for shared services which stack.yml gives none. */
export interface OwnPasswords {
  /** Returns one by the name of its variable (`ownPasswordVariable`). */
  values: Values;
  /**
   * Reads the file once more. With `make` it makes one where that service has none, with `drop` it forgets those; both with the
   * state lock held. True when something changed. Throws `state` for a damaged file, `files`.
   */
  look(change?: PasswordChange): Promise<boolean>;
}

export interface PasswordChange {
  make?: string;
  drop?: readonly string[];
}

/** Returns the passwords of a root, from a file that its owner alone may read. Throws `state` for a damaged file, `files`. */
export async function openOwnPasswords(root: string): Promise<OwnPasswords> {
  const file = passwordsFileOf(root);
  let known = new Map<string, string>();
  const look: OwnPasswords['look'] = async ({ make, drop = [] } = {}) => {
    const found = await read(file);
    const all = Object.fromEntries(Object.entries(found).filter(([service]) => !drop.includes(service)));
    if (make !== undefined) all[make] ??= randomBytes(BYTES).toString('base64url');
    const isChanged = JSON.stringify(all) !== JSON.stringify(found);
    if (isChanged) {
      await makeFolder(path.dirname(file));
      await replaceFile(file, `${JSON.stringify(all, undefined, 2)}\n`);
    }
    known = new Map(Object.entries(all).map(([service, password]) => [ownPasswordVariable(service), password]));
    return isChanged;
  };
  await look();
  return { look, values: (variable) => known.get(variable) };
}

async function read(file: string): Promise<Record<string, string>> {
  const text = await readFileIfThere(file);
  const found = text === undefined ? {} : parse(text);
  if (found) return found;
  throw new StackError('state', `${file} is damaged`, {
    hint: 'delete it, then run `stack up`: the shared services get new passwords',
  });
}

function parse(text: string): Record<string, string> | undefined {
  const found = parseJson(text);
  const isWhole =
    typeof found === 'object' && found !== null && Object.values(found).every((one) => typeof one === 'string');
  return isWhole ? (found as Record<string, string>) : undefined;
}
