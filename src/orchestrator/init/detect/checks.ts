import type { Manifest } from '../../sources/manifest.ts';
import { CODE_FILES, findInTexts, type Sources } from '../../sources/sources.ts';

const LOCAL_ADDRESS = /https?:\/\/(?:localhost|127\.0\.0\.1):(\d+)/;
/** The address stands behind a variable already: `process.env.API_URL || 'http://localhost:4000'`. */
const HAS_VARIABLE = /\benv\w*\b|process\.|import\.meta|\bENV\b|getenv/i;

/** Warns of a program that nothing outside its container would reach. */
export function checkReach(sources: Sources, manifest: Manifest): string[] {
  if (findInTexts(sources, CODE_FILES, /\blisten\([^)]*['"`](?:localhost|127\.0\.0\.1)['"`]/)) {
    return ['it listens on localhost only, which nothing outside its container can reach'];
  }
  const told = findInTexts(sources, CODE_FILES, /0\.0\.0\.0|['"`]::['"`]|\bHOST\b/);
  if (!manifest.packages.has('fastify') || manifest.packages.has('@nestjs/core') || told) return [];
  return ['Fastify listens on localhost only, unless `listen` is told a `host`: give it a variable with `${bind}`'];
}

/** An address on this machine that stands in the code, with no variable in front of it. */
export interface FixedAddress {
  file: string;
  /** `http://localhost:4000`. */
  address: string;
  port: number;
}

/** Returns the addresses on this machine that are written into the code of a folder. */
export function listFixedAddresses(sources: Sources): FixedAddress[] {
  return [...sources.texts].flatMap(([file, text]) => {
    if (!CODE_FILES.test(file) && !/^(?:package|proxy\.conf)\.json$/.test(file)) return [];
    return text.split('\n').flatMap((line) => {
      const match = HAS_VARIABLE.test(line) || /^\s*(?:\/\/|#|\*)/.test(line) ? null : line.match(LOCAL_ADDRESS);
      return match ? [{ file, address: match[0], port: Number(match[1]) }] : [];
    });
  });
}
