import type { Manifest } from './manifest.ts';
import { CODE_FILES, findInTexts, type Sources } from './sources.ts';

const LOCAL_ADDRESS = /https?:\/\/(?:localhost|127\.0\.0\.1):\d+/;
/** The address stands behind a variable already: `process.env.API_URL || 'http://localhost:4000'`. */
const HAS_VARIABLE = /\benv\b|process\.|import\.meta/;

/** Warns of a program that nothing outside its container would reach. */
export function checkReach(sources: Sources, manifest: Manifest): string[] {
  if (findInTexts(sources, CODE_FILES, /\blisten\([^)]*['"`](?:localhost|127\.0\.0\.1)['"`]/)) {
    return ['it listens on localhost only, which nothing outside its container can reach'];
  }
  const told = findInTexts(sources, CODE_FILES, /0\.0\.0\.0|['"`]::['"`]|\bHOST\b/);
  if (!manifest.packages.has('fastify') || manifest.packages.has('@nestjs/core') || told) return [];
  return ['Fastify listens on localhost only, unless `listen` is told a `host`: give it a variable with `${bind}`'];
}

/** Warns of an address of the API that is written into a front-end: each ticket has another. */
export function checkFixedAddress(sources: Sources): string[] {
  for (const [file, text] of sources.texts) {
    if (!CODE_FILES.test(file) && file !== 'package.json') continue;
    const line = text.split('\n').find((candidate) => LOCAL_ADDRESS.test(candidate) && !HAS_VARIABLE.test(candidate));
    const address = line?.match(LOCAL_ADDRESS)?.[0];
    if (address) return [`${file} names ${address}: let it read API_PROXY_TARGET (or API_URL in a browser) instead`];
  }
  return [];
}

/** Tells of the processes beside `web` that a Procfile starts. */
export function checkProcfile(sources: Sources): string[] {
  const file = ['Procfile.dev', 'Procfile'].find((name) => sources.texts.has(name));
  const lines = (file && sources.texts.get(file)?.matchAll(/^([\w-]+):/gm)) || [];
  const others = [...lines].map(([, name]) => name).filter((name) => name !== 'web' && name !== 'release');
  return others.length === 0 ? [] : [`${file} starts ${others.join(', ')} too: add a service for what you need of it`];
}

/** Returns the line that a Procfile starts `web` with. */
export function readProcfile(sources: Sources): string | undefined {
  const text = sources.texts.get('Procfile.dev') ?? sources.texts.get('Procfile');
  return text?.match(/^web:\s*(.+?)\s*$/m)?.[1];
}
