/**
 * Folders whose ignored content some tool makes again by itself: dependencies, builds, caches, logs. Names, wherever in
 * the path they stand.
 */
const FOLDERS = new Set([
  // JavaScript
  ...['node_modules', 'bower_components', 'jspm_packages', '.pnpm-store', '.yarn', '.npm', '.turbo', '.nx', '.rush'],
  ...['.next', '.nuxt', '.output', '.svelte-kit', '.astro', '.angular', '.vite', '.vinxi', '.docusaurus', '.expo'],
  ...['.parcel-cache', '.webpack', '.rollup.cache', '.swc', '.rpt2_cache', 'storybook-static', '.wrangler', '.vercel'],
  ...['.netlify', '.serverless', '.firebase', '.aws-sam', 'test-results', 'playwright-report', '.nyc_output'],
  // Builds, caches and logs of anything
  ...['dist', 'build', 'out', 'target', 'bin', 'obj', 'Debug', 'Release', '_build', '.build', 'coverage', 'htmlcov'],
  ...['tmp', 'temp', '.tmp', '.temp', 'log', 'logs', 'cache', 'caches', '.cache', '.ccache', '_site', '.sass-cache'],
  ...['.jekyll-cache', 'vendor', '.bundle', '.direnv', '.devenv', '.vagrant', '.terraform', '.idea', '.vs'],
  // Python
  ...['.venv', 'venv', '.virtualenv', 'virtualenv', '__pycache__', '__pypackages__', '.pytest_cache', '.mypy_cache'],
  ...['.ruff_cache', '.tox', '.nox', '.eggs', 'site-packages', '.ipynb_checkpoints', '.hypothesis', '.uv-cache'],
  // The JVM, Apple, Dart, Haskell, Elm, Elixir, C, Zig
  ...['.gradle', '.kotlin', '.bsp', '.metals', '.bloop', 'Pods', 'DerivedData', '.swiftpm', '.dart_tool', '.pub-cache'],
  ...[
    '.stack-work',
    'dist-newstyle',
    'elm-stuff',
    'deps',
    '.elixir_ls',
    'CMakeFiles',
    'zig-cache',
    '.zig-cache',
    'zig-out',
  ],
]);

/** Files of the same kind, and databases of the app itself: like those on a server they go with the ticket. */
const FILES =
  /(\.(log|pid|pyc|pyo|class|o|tsbuildinfo|sw[op]|egg-info)|~|\.(db|sqlite3?)(-(wal|shm|journal))?|^\.(DS_Store|coverage|(eslint|stylelint)cache|phpunit\.result\.cache|pnp\..*)|^(Thumbs\.db|next-env\.d\.ts))$/;

/** What coding agents write down by themselves. */
const AGENT_FILES = /(^|\/)\.claude\/settings\.local\.json$/;

/** True for an ignored path that is no person's work by its name alone; a folder ends in `/`. */
export function isUsual(name: string): boolean {
  const isFolder = name.endsWith('/');
  const parts = name.split('/').filter((part) => part !== '');
  const folders = isFolder ? parts : parts.slice(0, -1);
  if (folders.some((part) => FOLDERS.has(part) || /^(bazel-|cmake-build-)|\.egg-info$/.test(part))) return true;
  return !isFolder && (FILES.test(parts.at(-1) ?? '') || AGENT_FILES.test(name));
}
