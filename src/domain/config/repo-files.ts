import path from 'node:path';
import { isPlainMap } from './source.ts';

/**
 * Returns the files of the repos' main checkouts, relative to the root, that say what services are built from, what they are
 * given and what a worktree gets. The data is a config that nobody has checked yet.
 */
export function listRepoFiles(data: unknown): string[] {
  if (!isPlainMap(data)) return [];
  const repos = readMaps(data.repos);
  const folderOf = (repo: unknown): string | undefined => {
    const folder = repos[String(repo)]?.path;
    return typeof folder === 'string' ? folder : undefined;
  };
  const included = Object.keys(repos).map((repo) => join(folderOf(repo), '.worktreeinclude'));
  const services = Object.values(readMaps(data.services)).flatMap(({ repo, dir, build, env_file: named }) => {
    const folder = join(folderOf(repo), dir ?? '.')[0];
    const files = [repos[String(repo)]?.env_file ?? '.env.local', ...(Array.isArray(named) ? named : [named])];
    return [
      ...files.flatMap((file) => join(folder, file)),
      ...dockerfileOf(build).flatMap((file) => join(folder, file)),
    ];
  });
  return [...included.flat(), ...services];
}

/** Relative to the service's folder. */
function dockerfileOf(build: unknown): string[] {
  if (typeof build === 'string') return join(build, 'Dockerfile');
  if (!isPlainMap(build)) return [];
  return join(typeof build.context === 'string' ? build.context : '.', build.dockerfile ?? 'Dockerfile');
}

function join(folder: string | undefined, name: unknown): string[] {
  return folder === undefined || typeof name !== 'string' ? [] : [path.join(folder, name)];
}

function readMaps(value: unknown): Record<string, Record<string, unknown>> {
  const entries = Object.entries(isPlainMap(value) ? value : {});
  return Object.fromEntries(entries.map(([name, one]) => [name, isPlainMap(one) ? one : {}]));
}
