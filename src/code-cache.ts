import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';
import vm from 'node:vm';

/** What tells one build and one Node from another: V8 compares little more than the length of the source. */
const KEY = `${process.version}-${process.arch}`;

/**
 * Loads the bundled application with what V8 compiled of it the last time; half of the time that a short command takes is
 * compiling otherwise. (Node 22.1 has a switch for it, Node 20 has none.) `hash` is that of the bundle's text.
 * Whatever is wrong with the cache, the bundle is loaded without it.
 */
export function loadWithCodeCache<Exports>(file: string, hash: string, env: NodeJS.ProcessEnv): Exports {
  const home = env.HOME || findHome();
  const folder = path.join(env.XDG_CACHE_HOME || path.join(home, '.cache'), 'stack', 'code');
  // A home that is not there is nobody's, and not ours to make.
  const canKeep = Boolean(env.XDG_CACHE_HOME) || existsSync(home);
  const cache = path.join(folder, `${hash}-${KEY}`);
  const cachedData = readCache(cache);
  // The build writes it in ASCII, of which a byte is a character.
  const script = new vm.Script(module.wrap(readFileSync(file, 'latin1')), {
    filename: file,
    ...(cachedData && { cachedData }),
  });
  if (canKeep && (!cachedData || script.cachedDataRejected)) process.on('exit', () => keep(script, folder, cache));
  const loaded = { exports: {} };
  script.runInThisContext()(loaded.exports, createRequire(file), loaded, file, path.dirname(file));
  return loaded.exports as Exports;
}

/** A user whom the system does not know has none: then there is nothing to read, and nothing can be written. */
function findHome(): string {
  try {
    return homedir();
  } catch {
    return '/nonexistent';
  }
}

/** Another build's command may delete it between a look and the reading. */
function readCache(cache: string): Buffer | undefined {
  try {
    return existsSync(cache) ? readFileSync(cache) : undefined;
  } catch {
    return undefined;
  }
}

/** Written when the command has run, so that all it used is in there. Other builds' caches go. */
function keep(script: vm.Script, folder: string, cache: string): void {
  try {
    makeFolder(folder);
    for (const old of readdirSync(folder)) rmSync(path.join(folder, old), { force: true });
    const next = `${cache}.${process.pid}`;
    writeFileSync(next, script.createCachedData(), { mode: 0o600 });
    renameSync(next, cache);
  } catch {
    // A home that cannot be written to costs time, nothing else.
  }
}

/** Where no folder can be made (`/proc`), a recursive mkdir never ends. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}
