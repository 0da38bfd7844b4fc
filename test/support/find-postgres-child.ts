/** Looks for the programs of PostgreSQL: `<cache folder> <PATH>`. */
import { findPostgresPrograms } from '../../src/adapters/servers/postgres-programs.ts';

const [cacheFolder = '', PATH] = process.argv.slice(2);
await findPostgresPrograms({ env: { ...process.env, PATH }, cacheFolder, signal: new AbortController().signal });
