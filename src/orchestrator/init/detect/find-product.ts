import { homedir } from 'node:os';
import path from 'node:path';
import { CONFIG_FILE } from '../../../adapters/config-file.ts';
import { isThere } from '../../../adapters/files/files.ts';
import { tryGit } from '../../../adapters/git/git.ts';
import { tolerate } from '../../../domain/errors.ts';
import { findRepos } from './find-repos.ts';
import { detectProjects } from './repo-projects.ts';

/** A folder that holds more of a product than the one `init` was run in. */
export interface Product {
  /** Absolute path: it would hold `stack.yml`. */
  folder: string;
  /** Its repos, relative to it; `.` for itself. */
  repos: string[];
}

/** More repos than this beside each other hardly belong together. */
const MOST_REPOS = 5;

/**
 * Returns the folder that holds a whole product where `folder` is one repo of it, or a folder inside of one; undefined where it is not,
 * or where one repo is a product by itself. It looks in so many folders above the repo: with 2 `services/api` finds `web`. Throws `git`
 * when git cannot run.
 */
export async function findProduct(folder: string, levels: 1 | 2 = 2): Promise<Product | undefined> {
  const top = (await tryGit(folder, ['rev-parse', '--show-toplevel'])).stdout.trim();
  // A bare repo, or none at all.
  if (top === '') return undefined;
  const found = await tolerate(findRepos(folder), 'not-found');
  if (found && found.layout !== 'single') return undefined;
  return (await findAbove(top, levels)) ?? (found ? undefined : { folder: top, repos: ['.'] });
}

async function findAbove(top: string, levels: number): Promise<Product | undefined> {
  const roles = (await detectProjects(top)).map(({ role }) => role);
  if (roles.includes('front') && roles.includes('api')) return undefined;
  let folder = top;
  for (let level = 0; level < levels; level++) {
    folder = path.dirname(folder);
    if (folder === homedir() || folder === path.dirname(folder) || (await isThere(path.join(folder, CONFIG_FILE))))
      break;
    const repos = await listRepos(folder);
    if (repos.length > MOST_REPOS) break;
    if (repos.length > 1 && repos.some((repo) => path.resolve(folder, repo) === top)) return { folder, repos };
  }
  return undefined;
}

/** Of a folder that is no repo itself. */
async function listRepos(folder: string): Promise<string[]> {
  const found = await tolerate(findRepos(folder), 'not-found');
  return !found || found.layout === 'single' ? [] : found.repos.map((repo) => repo.path);
}
