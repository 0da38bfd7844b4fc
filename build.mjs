// Bundles src/ to dist/.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { bundleDemo } from './build-demo.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));

/** What dockerode loads whether it is needed or not. Each becomes a stand-in that loads the real one when first used. */
const LAZY = [
  // gRPC and protobuf, for BuildKit builds: 60 to 150 ms.
  { from: 'dockerode/lib/docker.js', request: './session', real: 'dockerode/lib/session' },
  { from: 'dockerode/lib/docker.js', request: './buildkit', real: 'dockerode/lib/buildkit' },
  // ssh2, for engines behind ssh: 30 ms.
  { from: 'docker-modem/lib/modem.js', request: './ssh', real: 'docker-modem/lib/ssh' },
  // A second readable-stream, TLS, archives: 15 ms together.
  { from: 'docker-modem/lib/modem.js', request: './http_duplex', real: 'docker-modem/lib/http_duplex' },
  { from: 'docker-modem/lib/http.js', request: 'https', real: 'https' },
  { from: 'dockerode/lib/util.js', request: 'zlib', real: 'zlib' },
  { from: 'dockerode/lib/util.js', request: 'tar-fs', real: 'tar-fs' },
  { from: 'dockerode/lib/util.js', request: '@balena/dockerignore', real: '@balena/dockerignore' },
];

/** What must never be part of the bundle; the build fails when a stand-in has stopped to match. */
const HEAVY = /node_modules\/(@grpc|protobufjs|ssh2|cpu-features|readable-stream)\//;

/** The real modules stay in node_modules, where dockerode finds them: some read files beside themselves. */
const standIn = (real) => `
  const { createRequire } = require('node:module');
  let loaded;
  const load = () => (loaded ??= createRequire(require.resolve('dockerode'))(${JSON.stringify(real)}));
  module.exports = new Proxy(function () {}, {
    apply: (_, self, args) => Reflect.apply(load(), self, args),
    construct: (_, args) => Reflect.construct(load(), args),
    get: (_, key) => load()[key],
  });`;

const lazyModules = {
  name: 'lazy-modules',
  setup(builder) {
    builder.onResolve({ filter: /.*/ }, ({ path, importer, namespace }) => {
      if (namespace === 'lazy') return { external: true };
      const from = importer.replaceAll('\\', '/');
      const lazy = LAZY.find((one) => one.request === path && from.endsWith(`/${one.from}`));
      return lazy && { path: lazy.real, namespace: 'lazy' };
    });
    builder.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({ contents: standIn(path) }));
  },
};

/** Bundles `entryPoints` (`{ name: file }`) into `outdir`; fails when something heavy got in. */
export async function bundle(entryPoints, outdir, options = {}) {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const result = await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Less to parse is faster to start; names stay, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
    metafile: true,
    plugins: [lazyModules],
    ...options,
    define: { STACK_VERSION: JSON.stringify(version), ...options.define },
  });
  const heavy = Object.keys(result.metafile.inputs).filter((file) => HEAVY.test(file));
  if (heavy.length > 0) throw new Error(`the bundle has what should be loaded late: ${heavy.slice(0, 3).join(', ')} …`);
}

/**
 * Bundles `main.js`, which is small, and `app.cjs`: all the rest in one file, of which each module runs when it is first
 * imported. CommonJS, because that can be loaded with its compiled code.
 */
async function bundleApp(dist) {
  await bundle({ app: join(root, 'src/app.ts') }, dist, {
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    // Node 20 forgets, for a script with cached code, who answers its import(): each becomes a require().
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  const text = await readFile(join(dist, 'app.cjs'));
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  await bundle({ main: join(root, 'src/main.ts') }, dist, { plugins: [cachedApp(hash)] });
}

/** Makes main.ts's import of app.ts a load of app.cjs through src/code-cache.ts. */
const cachedApp = (hash) => ({
  name: 'cached-app',
  setup(builder) {
    builder.onResolve({ filter: /^\.\/app\.ts$/ }, ({ path }) => ({ path, namespace: 'cached' }));
    builder.onLoad({ filter: /.*/, namespace: 'cached' }, () => ({
      contents: `
        import { fileURLToPath } from 'node:url';
        import { loadWithCodeCache } from './code-cache.ts';
        const file = fileURLToPath(new URL('./app.cjs', import.meta.url));
        export const { createContext, runProgram, renderError, renderErrorJson, stranded } =
          loadWithCodeCache(file, '${hash}', process.env);`,
      resolveDir: join(root, 'src'),
    }));
  },
});

/** Writes the JSON Schema that editors check stack.yml with. */
async function writeSchema(dist) {
  const scratch = join(dist, 'scratch');
  await bundle({ 'schema-writer': join(root, 'src/domain/config/json-schema.ts') }, scratch);
  const { renderJsonSchema } = await import(pathToFileURL(join(scratch, 'schema-writer.js')).href);
  await writeFile(join(dist, 'stack.schema.json'), renderJsonSchema());
  await rm(scratch, { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Built beside and moved into place, so that a `stack` that starts meanwhile finds the old build or the new one.
  const dist = join(root, 'dist');
  const [next, old] = [`${dist}.${process.pid}.new`, `${dist}.${process.pid}.old`];
  try {
    await bundleApp(next);
    await Promise.all([writeSchema(next), bundleDemo(join(next, 'templates/demo'))]);
    if (existsSync(dist)) await rename(dist, old);
    await rename(next, dist);
  } finally {
    await Promise.all([next, old].map((folder) => rm(folder, { recursive: true, force: true })));
  }
}
