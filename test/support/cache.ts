import { cp } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { findPostgresPrograms } from '../../src/adapters/servers/postgres-programs.ts';

/** The person's own cache: what a first test fetches serves the others. */
export const CACHE_HOME = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');

/** Where stack keeps what it fetched. */
export const CACHE_FOLDER = path.join(CACHE_HOME, 'stack');

/** Copies the PostgreSQL of the person's cache into another one, for somebody who may not look into that. */
export async function copyPostgres(cacheHome: string): Promise<void> {
  const search = { env: process.env, cacheFolder: CACHE_FOLDER, signal: new AbortController().signal };
  const { postgres } = await findPostgresPrograms(search);
  const folder = path.resolve(postgres, '../../..');
  await cp(folder, path.join(cacheHome, 'stack', path.basename(folder)), { recursive: true, verbatimSymlinks: true });
}
