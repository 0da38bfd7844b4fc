import { lstatSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { readFileIfThere } from '../files/files.ts';

/**
 * Returns a build's folder as a zipped archive, without what its `.dockerignore` names; the Dockerfile goes along even when
 * it is named there, as with the docker program. Everything in it is root's, so that the engine's cache does not depend
 * on who builds. `dockerfile` is relative to the folder.
 */
export async function packContext(folder: string, dockerfile: string): Promise<Readable> {
  const isLeftOut = await readIgnore(folder, posix.normalize(dockerfile));
  const { default: tar } = await import('tar-fs');
  const archive = tar.pack(folder, {
    ignore: (path) => isLeftOut(relative(folder, path)),
    map: (header) => ({ ...header, uid: 0, gid: 0 }),
    // Pipes and devices cannot be sent and are passed over.
    strict: false,
  });
  const zipped = createGzip();
  return archive.on('error', (error) => zipped.destroy(error)).pipe(zipped);
}

/** Returns whether a path, relative to the folder, stays out of the archive. */
async function readIgnore(folder: string, dockerfile: string): Promise<(name: string) => boolean> {
  const rules = await readRules(folder, dockerfile);
  // The package's types say it is an ES module with a default; it is CommonJS with one.
  const { default: createIgnore } = (await import('@balena/dockerignore')).default;
  const ignore = createIgnore({ ignorecase: false }).add(rules);
  const exceptions = rules
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => posix.normalize(line.slice(1).trim().replace(/^\/+/, '')));
  return (name) => {
    if (name === dockerfile || name === '.dockerignore' || !ignore.ignores(name)) return false;
    const mayHold = [dockerfile, ...exceptions].some((pattern) => isBelow(pattern, name));
    return !(mayHold && lstatSync(join(folder, name)).isDirectory());
  };
}

/** A Dockerfile's own ignore file goes before that of the folder. */
async function readRules(folder: string, dockerfile: string): Promise<string> {
  const read = (name: string) => readFileIfThere(join(folder, name));
  return (await read(`${dockerfile}.dockerignore`)) ?? (await read('.dockerignore')) ?? '';
}

/** True when what the pattern names may lie in this folder: it is then walked although it is left out itself. */
function isBelow(pattern: string, folder: string): boolean {
  const [fixed = ''] = pattern.split(/[*?[]/);
  return pattern.startsWith(`${folder}/`) || (fixed !== pattern && `${folder}/`.startsWith(fixed));
}
