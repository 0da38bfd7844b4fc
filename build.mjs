// Bundles src/ to dist/.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { bundleDemo } from './build-demo.mjs';
import { renderLicenses } from './build-licenses.mjs';
import { writeManual } from './build-manual.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));

const BUILDKIT = './buildkit.cjs';
/** What `stack mcp` speaks with, a sixth of all: only that verb loads it. */
const MCP = './mcp.cjs';

/**
 * What dockerode loads whether it is needed or not. Each becomes a stand-in that loads the real one when first used; `real` says
 * what that is, where it is not what was asked for.
 */
const LAZY = [
  // gRPC and protobuf, for BuildKit builds: 60 to 150 ms, and as large as all the rest. It is a file of its own.
  { from: 'dockerode/lib/docker.js', request: './session', real: BUILDKIT },
  // A second readable-stream and TLS: 10 ms together.
  { from: 'docker-modem/lib/modem.js', request: './http_duplex' },
  { from: 'docker-modem/lib/http.js', request: 'https' },
];

/** What dockerode has and stack never calls: engines behind ssh are refused, archives and BuildKit's words are src/adapters/docker's. */
const UNUSED = [
  { from: 'dockerode/lib/util.js', request: 'tar-fs' },
  { from: 'dockerode/lib/util.js', request: '@balena/dockerignore' },
  { from: 'dockerode/lib/docker.js', request: './buildkit' },
  { from: 'docker-modem/lib/modem.js', request: './ssh' },
];

/** What the bundle must not have; the build fails when a stand-in has stopped to match. */
const HEAVY = /node_modules\/(@grpc|protobufjs|ssh2|cpu-features)\//;

/** Packages that are looked for and done without: a bundle may ask for no others. */
const OPTIONAL = [
  '@node-rs/xxhash',
  '@opentelemetry/api',
  'cloudflare:sockets',
  'pg-native',
  'picomatch',
  'supports-color',
];

/**
 * What is loaded when it is first called: each takes 10 to 30 ms to make its regular expressions, one from a list of all emoji.
 * What most calls get is answered without it: in plain ASCII a letter is a column.
 */
const LATE_FUNCTIONS = {
  'string-width': 'if (/^[ -~]*$/.test(args[0])) return args[0].length;',
  'slice-ansi': '',
  'wrap-ansi': '',
};

const lateFunction = (name) => `
  let real;
  export default function (...args) {
    ${LATE_FUNCTIONS[name]}
    return (real ??= require('${name}').default)(...args);
  }`;

const standIn = (real) => `
  let loaded;
  const load = () => (loaded ??= require(${JSON.stringify(real)}));
  module.exports = new Proxy(function () {}, {
    apply: (_, self, args) => Reflect.apply(load(), self, args),
    construct: (_, args) => Reflect.construct(load(), args),
    get: (_, key) => load()[key],
  });`;

const lazyModules = {
  name: 'lazy-modules',
  setup(builder) {
    builder.onResolve({ filter: /.*/ }, ({ path, kind, importer, namespace, resolveDir }) => {
      if (Object.hasOwn(LATE_FUNCTIONS, path) && kind === 'import-statement')
        return { path, namespace: 'late', pluginData: { resolveDir } };
      if (path === './library.ts' && kind !== 'entry-point' && resolveDir.endsWith(join('src', 'mcp')))
        return { path: MCP, external: true };
      if (namespace === 'lazy') return path === BUILDKIT ? { external: true } : undefined;
      const from = importer.replaceAll('\\', '/');
      const isIt = (one) => one.request === path && from.endsWith(`/${one.from}`);
      if (UNUSED.some(isIt)) return { path, namespace: 'unused' };
      const lazy = LAZY.find(isIt);
      return (
        lazy && { path: `${lazy.from} ${path}`, namespace: 'lazy', pluginData: { real: lazy.real ?? path, resolveDir } }
      );
    });
    builder.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ pluginData: { real, resolveDir } }) => ({
      contents: standIn(real),
      resolveDir,
    }));
    builder.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: '' }));
    builder.onLoad({ filter: /.*/, namespace: 'late' }, ({ path, pluginData }) => ({
      contents: lateFunction(path),
      resolveDir: pluginData.resolveDir,
    }));
  },
};

/** Bundles `entryPoints` (`{ name: file }`) into `outdir`, and returns the names of the files that went in; fails when something heavy did. */
export async function bundle(entryPoints, outdir, options = {}, tooMuch = HEAVY) {
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
  requireWhole(result.metafile);
  const inputs = Object.keys(result.metafile.inputs);
  const heavy = inputs.filter((file) => tooMuch.test(file));
  if (heavy.length > 0) throw new Error(`the bundle has what should be loaded late: ${heavy.slice(0, 3).join(', ')} …`);
  return inputs;
}

/** Throws for a bundle that would ask for a package: the installed one has none beside it. */
function requireWhole({ outputs }) {
  const asked = Object.values(outputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
  const known = (path) => isBuiltin(path) || [...OPTIONAL, BUILDKIT, MCP].includes(path);
  const missing = asked.map(({ path }) => path).filter((path) => !known(path));
  if (missing.length > 0) throw new Error(`the bundle asks for ${missing.join(', ')}, which is not installed with it`);
}

/**
 * Bundles `main.js`, which is small, and `app.cjs`: all the rest in one file, of which each module runs when it is first
 * imported. CommonJS, because that can be loaded with its compiled code.
 */
async function bundleApp(dist) {
  const app = await bundle({ app: join(root, 'src/app.ts') }, dist, {
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    // Node 20 forgets, for a script with cached code, who answers its import(): each becomes a require().
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  const text = inAscii(await readFile(join(dist, 'app.cjs'), 'utf8'));
  await writeFile(join(dist, 'app.cjs'), text);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const main = await bundle({ main: join(root, 'src/main.ts') }, dist, { plugins: [cachedApp(hash)] });
  return [...app, ...main];
}

/**
 * Returns a text in ASCII alone: esbuild leaves other characters in regular expressions, and one of them doubles what V8 keeps of
 * the text, and reads to compare it. There an escape means the same.
 */
const inAscii = (text) =>
  text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Bundles what dockerode answers BuildKit with. It reads a file beside itself. */
async function bundleBuildKit(dist) {
  const session = fileURLToPath(import.meta.resolve('dockerode/lib/session.js'));
  await cp(join(session, '../proto/auth.proto'), join(dist, 'proto/auth.proto'));
  return bundle({ buildkit: session }, dist, { format: 'cjs', outExtension: { '.js': '.cjs' } }, /ssh2|cpu-features/);
}

/** Bundles the library that `stack mcp` speaks with. */
async function bundleMcp(dist) {
  return bundle({ mcp: join(root, 'src/mcp/library.ts') }, dist, { format: 'cjs', outExtension: { '.js': '.cjs' } });
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

/** Writes what is made of the program itself: the JSON Schema that editors check stack.yml with, help pages and man pages. */
async function writeReference(dist) {
  const scratch = join(dist, 'scratch');
  const sources = ['src/domain/config/json-schema.ts', 'src/program.ts', 'src/commands/common/every-verb.ts'];
  const entries = sources.map((file) => [basename(file, '.ts'), join(root, file)]);
  await bundle(Object.fromEntries(entries), scratch, { format: 'cjs', outExtension: { '.js': '.cjs' } });
  const load = async (name) => (await import(pathToFileURL(join(scratch, `${name}.cjs`)).href)).default;
  await writeFile(join(dist, 'stack.schema.json'), (await load('json-schema')).renderJsonSchema());
  await writeManual(root, dist, { ...(await load('program')), ...(await load('every-verb')) });
  await rm(scratch, { recursive: true });
  return [];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Built beside and moved into place, so that a `stack` that starts meanwhile finds the old build or the new one.
  const dist = join(root, 'dist');
  const [next, old] = [`${dist}.${process.pid}.new`, `${dist}.${process.pid}.old`];
  try {
    const files = await Promise.all([
      bundleApp(next),
      bundleBuildKit(next),
      bundleMcp(next),
      bundleDemo(join(next, 'templates/demo')),
      writeReference(next),
    ]);
    await writeFile(join(next, 'LICENSES.txt'), await renderLicenses(root, files.flat()));
    if (existsSync(dist)) await rename(dist, old);
    await rename(next, dist);
  } finally {
    await Promise.all([next, old].map((folder) => rm(folder, { recursive: true, force: true })));
  }
}
