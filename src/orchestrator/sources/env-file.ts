import path from 'node:path';
import { listEnvReaders } from './env-readers.ts';
import { readSources } from './sources.ts';

/** Where stack's block is unless stack.yml names another file. */
const USUAL = '.env.local';

/**
 * Returns the env file that the programs of a repo, and the tools that migrate its database, read with the most to say where that
 * is not `.env.local`: what stack fills in belongs there. Never throws.
 */
export async function detectEnvFile(
  repo: string,
  projects: readonly { dir: string; role: string }[],
): Promise<string | undefined> {
  for (const { dir, role } of projects) {
    if (role === 'front') continue;
    const readers = listEnvReaders(await readSources(path.join(repo, dir)));
    const files = readers.find(({ files }) => files.length === 1 || !files.includes(USUAL))?.files;
    const file = files?.find((name) => name.startsWith('.env'));
    if (file !== undefined) return file;
  }
  return undefined;
}
