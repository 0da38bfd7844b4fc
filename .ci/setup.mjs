// Makes a fresh clone ready to run: dependencies and build, each only when it is missing or older than its source.
// Needs Node and npm alone, so that `npm run demo` and `npm run verify` can call it first.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const isMissing = (output, ...inputs) =>
  !existsSync(path.join(root, output)) ||
  inputs.some((input) => newest(input) > statSync(path.join(root, output)).mtimeMs);

function newest(input) {
  const full = path.join(root, input);
  const stat = statSync(full);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(full).map((name) => newest(path.join(input, name))));
}

function run(command, ...args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (result.status !== 0) {
    process.stderr.write(`${[command, ...args].join(' ')} failed\n`);
    process.exit(result.status ?? 1);
  }
}

// A mark of our own: npm's touches nothing when all is there, and git gives files new times.
const lock = createHash('sha256')
  .update(readFileSync(path.join(root, 'package-lock.json')))
  .digest('hex');
const mark = path.join(root, 'node_modules/.stack-lock');
if (!process.argv.includes('--build-only') && !(existsSync(mark) && readFileSync(mark, 'utf8') === lock)) {
  run('npm', 'ci', '--no-audit', '--no-fund');
  writeFileSync(mark, lock);
}
if (isMissing('dist/main.js', 'src', 'templates', 'package.json', 'build.mjs')) run('npm', 'run', '--silent', 'build');
