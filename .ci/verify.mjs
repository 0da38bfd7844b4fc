// Every check and test, with all the set-up they need. Where no Docker engine answers and this is root on Debian, a
// private one is brought up and ended again; elsewhere the tests that need one are skipped, and counted out loud.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const report = path.join(tmpdir(), `stack-tests-${process.pid}.json`);
const counts = { passed: 0, failed: 0, skipped: 0 };

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', encoding: 'utf8', ...options });
}

function check(title, command, ...args) {
  process.stdout.write(`\n— ${title}\n`);
  const passed = run(command, args).status === 0;
  counts[passed ? 'passed' : 'failed'] += 1;
}

/** Gives the address of an engine that answers, bringing up a private one where that is possible. */
function prepareEngine() {
  if (run('docker', ['version'], { stdio: 'ignore' }).status === 0) return { started: false };
  const up = run(path.join(root, '.ci/engine'), ['up'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const host = /^DOCKER_HOST=(.+)$/m.exec(up.stdout ?? '')?.[1];
  if (host) process.env.DOCKER_HOST = host;
  return { started: host !== undefined };
}

function test() {
  process.stdout.write('\n— tests\n');
  const { status } = run('npx', [
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    counts.passed += numPassedTests;
    counts.failed += numFailedTests || (status !== 0 ? Math.max(1, numFailedTestSuites) : 0);
    counts.skipped += numPendingTests;
  } catch {
    counts.failed += 1;
  } finally {
    rmSync(report, { force: true });
  }
}

if (run('node', ['.ci/setup.mjs']).status !== 0) process.exit(1);
check('format and lint', 'npx', 'biome', 'check', '--error-on-warnings', '.');
check('types', 'npx', 'tsc', '-p', '.');
check('dead exports and dependencies', 'npx', 'knip');
const engine = prepareEngine();
try {
  test();
} finally {
  if (engine.started) run(path.join(root, '.ci/engine'), ['down']);
}
if (counts.skipped > 0) {
  process.stdout.write(
    `\n!!! ${counts.skipped} tests were SKIPPED: they need a Docker engine, and none answers here.\n`,
  );
}
process.stdout.write(
  `\n${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}\n`,
);
process.exit(counts.failed > 0 ? 1 : 0);
