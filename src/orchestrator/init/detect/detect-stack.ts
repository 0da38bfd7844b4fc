import path from 'node:path';
import { isThere } from '../../../adapters/files/files.ts';
import { isTracked } from '../../../adapters/git/exclude.ts';
import { detectEnvFile } from '../../sources/env-file.ts';
import { inspectCheckout, listBases, listIgnored } from './checkouts.ts';
import { type ComposeFindings, readComposeFiles, renderProgramEnv } from './compose.ts';
import type { ComposeServer } from './compose-server.ts';
import { type FoundRepo, type FoundRepos, findRepos, type LeftOut, useRoot } from './find-repos.ts';
import { detectMigrations, type RepoMigrations } from './migrations.ts';
import type { Project } from './project.ts';
import { detectProjects } from './repo-projects.ts';

export interface DetectedRepo extends FoundRepo {
  projects: Project[];
  /** Branches that new ones may start from. */
  bases: string[];
  /** Files that git ignores and a program needs. */
  copy: string[];
  /** The env file that stack writes to, where that is not `.env.local`: the one that its programs and tools read. */
  envFile: string | undefined;
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
  /** Servers that a compose file of the developers' starts. */
  servers: ComposeServer[];
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
  const compose = await readComposeFiles([root, ...found.repos.map(({ path: repo }) => path.join(root, repo))]);
  const detect = (one: FoundRepos) => Promise.all(one.repos.map((repo) => detectRepo(root, repo, compose)));
  const { servers } = compose;
  const repos = await detect(found);
  if (found.layout === 'submodules' && repos.every(({ projects }) => projects.length === 0)) {
    const instead = await useRootInstead(root);
    const own = instead && (await detect(instead));
    // A repo with submodules that nothing runs out of (themes, vendored code) is a stack of its own.
    if (instead && own?.some(({ projects }) => projects.length > 0)) {
      return { root, servers, ...instead, repos: own, leftOut: found.leftOut };
    }
  }
  return { root, servers, ...found, repos };
}

async function useRootInstead(root: string): Promise<FoundRepos | undefined> {
  const own = await inspectCheckout(root);
  return own?.kind === 'repo' ? useRoot(root, own, []) : undefined;
}

async function detectRepo(root: string, repo: FoundRepo, compose: ComposeFindings): Promise<DetectedRepo> {
  const folder = path.join(root, repo.path);
  const projects = await detectProjects(folder, (dir) => renderProgramEnv(compose, path.join(folder, dir)));
  const dirs = [...new Set(['', ...projects.map(({ dir }) => dir)])];
  const copy = await listIgnored(
    folder,
    dirs.flatMap((dir) => IGNORED_FILES.map((file) => path.posix.join(dir, file))),
  );
  const migrations = await detectMigrations(folder, projects, compose.servers);
  const read = await detectEnvFile(folder, projects);
  // What git carries is not stack's to write to.
  const isOpen = read !== undefined && !(await areTracked(folder, dirs, read));
  const envFile = isOpen ? read : undefined;
  const others = copy.filter((file) => path.posix.basename(file) !== envFile);
  return {
    ...repo,
    projects,
    bases: await listBases(folder),
    copy: others,
    envFile,
    migrations,
    missingSetup: await findMissingSetup(folder, projects),
  };
}

async function areTracked(folder: string, dirs: readonly string[], file: string): Promise<boolean> {
  const found = await Promise.all(dirs.map((dir) => isTracked(folder, path.posix.join(dir, file))));
  return found.includes(true);
}

async function findMissingSetup(folder: string, projects: readonly Project[]): Promise<string | undefined> {
  for (const { setup, setupMakes } of projects) {
    if (setup !== undefined && setupMakes !== undefined && !(await isThere(path.join(folder, setupMakes))))
      return setup;
  }
  return undefined;
}
