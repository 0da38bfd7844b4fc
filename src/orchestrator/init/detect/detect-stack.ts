import path from 'node:path';
import { isThere } from '../../../adapters/files/files.ts';
import { inspectCheckout, listIgnored } from './checkouts.ts';
import { type FoundRepo, type FoundRepos, findRepos, type LeftOut, useRoot } from './find-repos.ts';
import { detectMigrations, type RepoMigrations } from './migrations.ts';
import type { Project } from './project.ts';
import { detectProjects } from './repo-projects.ts';

export interface DetectedRepo extends FoundRepo {
  projects: Project[];
  /** Files that git ignores and a program needs. */
  copy: string[];
  /** What brings its database up to date, and fills it. */
  migrations: RepoMigrations;
  /** The line that has not been run in the main checkout yet, where that can be told. */
  missingSetup: string | undefined;
}

/** All that could be found out about a folder. */
export interface Detection {
  /** Absolute path. */
  root: string;
  layout: FoundRepos['layout'];
  repos: DetectedRepo[];
  leftOut: LeftOut[];
}

const IGNORED_FILES = [
  '.env',
  '.env.development',
  '.env.development.local',
  '.npmrc',
  'config/master.key',
  'config/credentials/development.key',
];

/** Finds out what a folder holds: its repos, and what runs out of each. Throws `not-found`, `git`. */
export async function detectStack(root: string): Promise<Detection> {
  const found = await findRepos(root);
  const repos = await Promise.all(found.repos.map((repo) => detectRepo(root, repo)));
  if (found.layout === 'submodules' && repos.every(({ projects }) => projects.length === 0)) {
    return (await detectRootInstead(root, found)) ?? { root, ...found, repos };
  }
  return { root, ...found, repos };
}

/** A repo with submodules that nothing runs out of (themes, vendored code) is a stack of its own. */
async function detectRootInstead(root: string, found: FoundRepos): Promise<Detection | undefined> {
  const own = await inspectCheckout(root);
  if (own?.kind !== 'repo') return undefined;
  const single = useRoot(root, own, []);
  const repos = await Promise.all(single.repos.map((repo) => detectRepo(root, repo)));
  if (repos.every(({ projects }) => projects.length === 0)) return undefined;
  return { root, ...single, repos, leftOut: found.leftOut };
}

async function detectRepo(root: string, repo: FoundRepo): Promise<DetectedRepo> {
  const folder = path.join(root, repo.path);
  const projects = await detectProjects(folder);
  const dirs = [...new Set(['', ...projects.map(({ dir }) => dir)])];
  const copy = await listIgnored(
    folder,
    dirs.flatMap((dir) => IGNORED_FILES.map((file) => path.posix.join(dir, file))),
  );
  const migrations = await detectMigrations(folder, projects);
  return { ...repo, projects, copy, migrations, missingSetup: await findMissingSetup(folder, projects) };
}

async function findMissingSetup(folder: string, projects: readonly Project[]): Promise<string | undefined> {
  for (const { setup, setupMakes } of projects) {
    if (setup !== undefined && setupMakes !== undefined && !(await isThere(path.join(folder, setupMakes))))
      return setup;
  }
  return undefined;
}
