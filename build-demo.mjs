import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

const source = path.join(import.meta.dirname, 'templates/demo');

/**
 * Writes the demo's apps to `outDir`, and returns the names of the files that were bundled. The API's Postgres and Redis clients go into one file, `vendor/clients.cjs`: a
 * container of the demo has no registry to install them from.
 */
export async function bundleDemo(outDir) {
  await rm(outDir, { recursive: true, force: true });
  await cp(source, outDir, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: import.meta.dirname,
    stdin: {
      contents: `export { default as pg } from 'pg';\nexport * as redis from 'redis';\n`,
      resolveDir: import.meta.dirname,
    },
    outfile: path.join(outDir, 'api/vendor/clients.cjs'),
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // Optional parts of pg that it looks for and does without.
    external: ['pg-native', 'cloudflare:sockets'],
    legalComments: 'inline',
    logLevel: 'warning',
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}
