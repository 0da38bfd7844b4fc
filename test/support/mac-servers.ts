// Before the run that is as on a Mac: what its servers need.
import { findPostgresPrograms } from '../../src/adapters/servers/postgres-programs.ts';
import { CACHE_FOLDER } from './cache.ts';

/** Fetches the PostgreSQL of Linux, which macos-ways.cjs shows in the place of a Mac's. */
export default async function setUp(): Promise<void> {
  const search = { env: process.env, cacheFolder: CACHE_FOLDER, signal: new AbortController().signal };
  await findPostgresPrograms(search).catch((error: Error) => {
    console.warn(`\n!!! What needs PostgreSQL as on a Mac fails: ${error.message}\n`);
  });
}
