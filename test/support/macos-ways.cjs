// Shows stack the world as macOS has it, on Linux: `process.platform` is darwin, there is no /proc, and `ps`, `lsof`, `sysctl` and `mount` are
// those of the folder that STACK_TEST_MAC names, wherever they are looked for. A program that is missing there is missing; one
// that may not be run is refused, as a sandbox refuses a setuid program. A preload (`node --require`), which acts where the main
// script is stack. In a worker of the test runner it acts on the code of `src` alone, since tests look at Linux itself.
const childProcess = require('node:child_process');
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const os = require('node:os');
const path = require('node:path');

const PACKAGE = path.resolve(__dirname, '../..');
const programs = process.env.STACK_TEST_MAC;
const realPlatform = process.platform;
let isAskedByStack = () => true;

if (programs !== undefined && isMainOurs()) showMac();

/** The bin, here or installed elsewhere, or a program of the tests that is made of the same source (test/support/*-child.ts). */
function isMainOurs() {
  if (process.argv[1] === undefined || !fs.existsSync(process.argv[1])) return false;
  const main = fs.realpathSync(process.argv[1]);
  if (/-child\.m?js$/.test(main)) return true;
  const manifest = path.join(path.dirname(main), '../package.json');
  return fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, 'utf8')).name === '@stack-tickets/stack';
}

/** Shows it to the code of `src` alone: the nearest caller that is no library is in there. For a worker of the test runner. */
function showMacToSource() {
  isAskedByStack = () => {
    const { stackTraceLimit, prepareStackTrace } = Error;
    Object.assign(Error, { stackTraceLimit: 40, prepareStackTrace: undefined });
    const { stack } = new Error();
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
    const own = stack
      .split('\n')
      .filter((line) => line.includes(PACKAGE) && !/node_modules|macos-ways\.cjs/.test(line));
    return own[0]?.includes(`${PACKAGE}/src/`) ?? false;
  };
  showMac();
}

function showMac() {
  Object.defineProperty(process, 'platform', { get: () => (isAskedByStack() ? 'darwin' : realPlatform) });
  const type = os.type;
  replace(os, 'platform', () => () => process.platform);
  replace(os, 'type', () => () => (process.platform === 'darwin' ? 'Darwin' : type()));
  // Streams open their files with these, and what spawns asynchronously comes to `ChildProcess.prototype.spawn`.
  for (const name of namesOfFunctions(fs)) replace(fs, name, hideInCalls);
  for (const name of namesOfFunctions(fs.promises)) replace(fs.promises, name, hideInPromises);
  replace(childProcess.ChildProcess.prototype, 'spawn', (spawn) => {
    return function (options) {
      const file = findRunnable(options.file);
      // PostgreSQL looks for its parts beside what it was called by.
      const args = options.args?.map((word, index) => (index === 0 && word === options.file ? file : word));
      return spawn.call(this, { ...options, file, args, envPairs: protect(options) });
    };
  });
  for (const name of ['spawnSync', 'execFileSync']) {
    replace(
      childProcess,
      name,
      (run) =>
        (file, ...rest) =>
          run(findRunnable(file), ...rest),
    );
  }
  syncBuiltinESMExports();
}

/** What hangs on a function (`realpath.native`, what `promisify` makes of it) goes along. */
function replace(owner, name, make) {
  const original = owner[name];
  const replacement = make(original, name);
  const { length, name: _, prototype, ...rest } = Object.getOwnPropertyDescriptors(original);
  Object.defineProperties(replacement, rest);
  owner[name] = replacement;
}

/** Classes begin with a capital letter; `promises` and `constants` are no functions. */
function namesOfFunctions(owner) {
  return Object.keys(owner).filter((name) => /^[a-z]/.test(name) && typeof owner[name] === 'function');
}

function hideInCalls(call, name) {
  if (name.startsWith('create')) return call;
  return function (file, ...rest) {
    const seen = place(file);
    if (seen !== undefined) return call.call(this, seen, ...rest);
    if (name === 'existsSync') return false;
    const callback = rest.findLast((one) => typeof one === 'function');
    if (callback) return process.nextTick(callback, name === 'exists' ? false : missing(file, name));
    if (rest.some((one) => one?.throwIfNoEntry === false)) return undefined;
    throw missing(file, name);
  };
}

function hideInPromises(call, name) {
  return async function (file, ...rest) {
    const seen = place(file);
    if (seen === undefined) throw missing(file, name);
    return call.call(this, seen, ...rest);
  };
}

/** Returns where a file is; undefined when macOS has none there. */
function place(file) {
  if (typeof file !== 'string') return file;
  if (/^\/proc(\/|$)/.test(file)) return isAskedByStack() ? undefined : file;
  return path.isAbsolute(file) ? findProgram(file) : file;
}

const SYSTEM_FOLDERS = new Set(['.', '/bin', '/usr/bin', '/sbin', '/usr/sbin', '/usr/local/bin', programs]);

/** Where stack keeps a Mac's PostgreSQL: `~/.cache/stack/postgres-18.4.0-darwin-arm64`. */
const POSTGRES_OF_MAC = /(\/stack\/postgres-[\w.-]+)-darwin-/;

/** Returns what stands for a `ps`, an `lsof`, a `sysctl` or a `mount` of the system, and for a program of PostgreSQL; any other file as it is. */
function findProgram(file) {
  if (POSTGRES_OF_MAC.test(file) && isAskedByStack()) return file.replace(POSTGRES_OF_MAC, '$1-linux-');
  const name = path.basename(file);
  if (!['ps', 'lsof', 'sysctl', 'mount'].includes(name) || !SYSTEM_FOLDERS.has(path.dirname(file)) || !isAskedByStack())
    return file;
  return path.join(programs, name);
}

/** The same for one that is to be run. Node throws what a sandbox answers, at once. */
function findRunnable(file) {
  const found = findProgram(file);
  if (found === file || !fs.existsSync(found) || fs.statSync(found).mode & 0o111) return found;
  throw Object.assign(new Error('spawn EPERM'), { code: 'EPERM', errno: -1, syscall: 'spawn' });
}

/** System Integrity Protection: the system's own programs get no `DYLD_…`. */
function protect({ file, envPairs }) {
  if (!/^(\/usr)?\/s?bin\//.test(file) || !isAskedByStack()) return envPairs;
  return envPairs?.filter((pair) => !pair.startsWith('DYLD_'));
}

function missing(file, call) {
  const message = `ENOENT: no such file or directory, ${call} '${file}'`;
  return Object.assign(new Error(message), { code: 'ENOENT', errno: -2, syscall: call, path: file });
}

module.exports = { showMacToSource };
