import type { Manifest } from './manifest.ts';
import type { Sources } from './sources.ts';

/** A package manager of Node. */
export type ManagerName = 'npm' | 'pnpm' | 'yarn' | 'bun';

/** Files by which each locks versions. */
export const LOCKFILES: [file: string, manager: ManagerName][] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
];

/** Tells the package manager of a folder by its lockfile, else by what its `package.json` says; else it is npm. */
export function findManagerName(
  { names }: Pick<Sources, 'names'>,
  { packageManager }: Pick<Manifest, 'packageManager'>,
): ManagerName {
  const locked = LOCKFILES.find(([file]) => names.has(file))?.[1];
  const said = packageManager?.split('@')[0];
  return locked ?? (isManager(said) ? said : names.has('pnpm-workspace.yaml') ? 'pnpm' : 'npm');
}

function isManager(name: string | undefined): name is ManagerName {
  return name === 'npm' || name === 'pnpm' || name === 'yarn' || name === 'bun';
}
