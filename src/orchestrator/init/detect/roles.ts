import path from 'node:path';
import type { Role } from './project.ts';

const FRONT_NAME =
  /(?:^|[-_./])(?:front|frontend|front-end|web|webapp|website|ui|client|spa|site|portal|dashboard|storefront)(?:$|[-_./])/i;
const API_NAME = /(?:^|[-_./])(?:api|apis|server|backend|back-end|back|graphql|rest|gateway)(?:$|[-_./])/i;

/** What speaks for a role, each about as loud as its number. */
export interface RoleSigns {
  /** Folder or package names. */
  names: readonly (string | undefined)[];
  front: number;
  api: number;
}

/** Tells what a project looks like: names speak for two, what it is made of for as much as the caller says. */
export function judgeRole({ names, front, api }: RoleSigns): Role {
  const named = (pattern: RegExp) => (names.some((name) => name !== undefined && pattern.test(name)) ? 2 : 0);
  const frontSigns = front + named(FRONT_NAME);
  const apiSigns = api + named(API_NAME);
  if (frontSigns === apiSigns) return 'other';
  return frontSigns > apiSigns ? 'front' : 'api';
}

/** Tells the same of a project that has no name of its own: its folder's speaks, in its repo's top the repo's. */
export function judgeFolder({ repo, dir }: { repo: string; dir: string }, signs: Omit<RoleSigns, 'names'>): Role {
  return judgeRole({ names: [dir === '' ? path.basename(repo) : dir], ...signs });
}
