// Every check and test, with all the set-up they need. Where no Docker engine answers and this is root on Debian, a
// private one is brought up and ended again; elsewhere the tests that need one are skipped, and counted out loud.
// On Debian 12 as root, what talks to the engine and to git is tested once more with newer versions of both. The package is tried
// on the other versions of Node that are supported, and the unit tests run once more on the newest; the process runtime and some
// of the command line once more as on a Mac.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const report = path.join(tmpdir(), `stack-tests-${process.pid}.json`);
const counts = { passed: 0, failed: 0, skipped: 0, leftOut: 0, notDrawn: 0 };
/** What failed, one line each with the reason's first line: said again at the end, where a long log is looked at first. */
const failures = [];

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', encoding: 'utf8', ...options });
}

function check(title, command, ...args) {
  process.stdout.write(`\n— ${title}\n`);
  if (run(command, args).status === 0) counts.passed += 1;
  else fail(title);
}

/** Returns the address of an engine that answers, bringing up a private one where that is possible. */
function prepareEngine() {
  if (run('docker', ['version'], { stdio: 'ignore' }).status === 0) return { started: false };
  const up = run(path.join(root, '.ci/engine'), ['up'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const host = /^DOCKER_HOST=(.+)$/m.exec(up.stdout ?? '')?.[1];
  if (host) process.env.DOCKER_HOST = host;
  return { started: host !== undefined };
}

/** The lines for one file of vitest's report: its failed tests, or the file itself where it could not be run. */
function failuresOf({ name, status, message, assertionResults }) {
  const file = path.relative(root, name);
  const failed = assertionResults.filter((result) => result.status === 'failed');
  if (failed.length === 0) return status === 'failed' ? [`${file}: ${firstLine(message)}`] : [];
  return failed.map(({ fullName, failureMessages }) => `${file}: ${fullName}: ${firstLine(failureMessages[0])}`);
}

function firstLine(text = '') {
  return text.split('\n')[0].slice(0, 300);
}

/** One line for each of the files that took longest, with its seconds: where a verify that grows too long is cut first. */
function slowest(files) {
  const timed = files.map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }));
  const first = timed.sort((one, other) => other.seconds - one.seconds).slice(0, 12);
  return first
    .map(({ name, seconds }) => `${seconds.toFixed().padStart(6)} s  ${path.relative(root, name)}\n`)
    .join('');
}

/** Runs tests, and returns the full names of those that ran. */
function test(title, files = [], env = process.env, skippedAs = 'skipped') {
  process.stdout.write(`\n— ${title}\n`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = run('npx', ['vitest', 'run', ...reporters, ...files], { env });
  try {
    const { numPassedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    counts.passed += numPassedTests;
    counts[skippedAs] += numPendingTests;
    const before = counts.failed;
    for (const file of testResults) failuresOf(file).forEach(fail);
    process.stdout.write(`\nSlowest files:\n${slowest(testResults)}`);
    if (status !== 0 && counts.failed === before) fail(`${title}: vitest ended with ${status}`);
    const results = testResults.flatMap(({ assertionResults }) => assertionResults);
    return results.filter((one) => /^(passed|failed)$/.test(one.status)).map(({ fullName }) => fullName);
  } catch (error) {
    fail(`${title}: no report (${error.message})`);
    return [];
  } finally {
    rmSync(report, { force: true });
  }
}

/** What meets the engine, compose and git from near: versions differ in what they answer, and everything else stands on these. */
const NEAR_THE_OUTSIDE = [
  'test/git',
  'test/docker',
  'test/unit/adapters/compose-file.test.ts',
  'test/contract/docker.test.ts',
  'test/cli/main-job.test.ts',
  'test/cli/engine.test.ts',
  'test/cli/trust.test.ts',
  'test/cli/dotenv.test.ts',
  'test/cli/other-shared.test.ts',
];

/** Returns the folder with the newer programs; those of the forges are what the tests of pull requests run. */
function prepareNewer() {
  const folder = run(path.join(root, '.ci/newer'), [], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout?.trim();
  if (folder) process.env.STACK_TEST_FORGES = path.join(folder, 'forges');
  else fail('the newer programs could not be made ready');
  return folder;
}

/** Runs those tests on Docker 26, compose v2 and git 2.47. The first engine was Debian's own: 20.10, compose v1, git 2.39. */
function testNewer(folder) {
  const engineEnv = {
    ...process.env,
    PATH: `${folder}/docker:${process.env.PATH}`,
    STACK_ENGINE_DIR: `${folder}-engine`,
    STACK_ENGINE_NET: '10.214',
  };
  const engineScript = path.join(root, '.ci/engine');
  const up = run(engineScript, ['up'], { stdio: ['ignore', 'pipe', 'inherit'], env: engineEnv });
  const host = /^DOCKER_HOST=(.+)$/m.exec(up.stdout ?? '')?.[1];
  if (!host) return fail('the newer engine did not come up');
  try {
    test('tests near the outside, on Docker 26, compose v2 and git 2.47', NEAR_THE_OUTSIDE, {
      ...process.env,
      PATH: `${folder}/git:${engineEnv.PATH}`,
      DOCKER_HOST: host,
      DOCKER_CONFIG: `${folder}/config`,
      STACK_REQUIRE_ENGINE: '1',
    });
  } finally {
    run(engineScript, ['down'], { env: engineEnv });
  }
}

/** What works with processes, and says something of the ways of macOS within a few minutes. */
const AS_ON_A_MAC = [
  'test/contract/process',
  'test/cli/at-once.test.ts',
  'test/cli/exec.test.ts',
  'test/cli/interruption.test.ts',
  'test/cli/stranded.test.ts',
  'test/faults/matrix.test.ts',
];
/** Of files that would take longer. */
const DRAWN_ON_A_MAC = {
  'test/cli/destroy.test.ts': ['takes away what runs, and frees its ports'],
  'test/cli/destroy-risks.test.ts': ['while a process works in there'],
  'test/cli/signals.test.ts': ['that comes twice in git work leaves at once with the whole tree'],
  'test/cli/drift.test.ts': ["when 'its process is killed'", "when 'its process records are deleted'"],
};

/** Runs those where Linux shows the world as macOS has it. What Linux alone tells is left out, and counted. */
function testAsOnMac() {
  const [ps, lsof] = ['ps', 'lsof'].map((name) => existsSync(path.join('/usr/bin', name)));
  if (!ps || !lsof) return process.stdout.write('\n!!! SKIPPED: the tests as on a Mac need Linux, ps and lsof.\n');
  const config = ['--config', 'vitest.mac.config.ts'];
  test(
    'the process runtime, some of the command line and faults, as on a Mac',
    [...config, ...AS_ON_A_MAC],
    process.env,
    'leftOut',
  );
  const names = Object.values(DRAWN_ON_A_MAC).flat();
  const drawn = [...config, ...Object.keys(DRAWN_ON_A_MAC), '-t', names.join('|')];
  const ran = test('some more of the command line, as on a Mac', drawn, process.env, 'notDrawn');
  for (const name of names)
    if (!ran.some((one) => one.includes(name))) fail(`no test ran as on a Mac whose name has: ${name}`);
}

/** The lines of Node that are supported; npm carries their programs, as packages. */
const NODES = ['20', '22', '24'];

/** Runs the installed package on the lines of Node other than the one that runs here, and the unit tests on the newest of those. */
function testOtherNodes() {
  const others = NODES.filter((one) => one !== process.versions.node.split('.')[0]);
  for (const line of others) {
    const name = `node-${process.platform}-${process.arch}`;
    const folder = path.join(root, 'node_modules/.cache/nodes', line);
    const bin = path.join(folder, 'node_modules', name, 'bin');
    const install = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, `${name}@${line}`];
    if (!existsSync(bin) && run('npm', install, { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0) {
      fail(`Node ${line} could not be fetched`);
      continue;
    }
    const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
    const isNewest = line === others.at(-1);
    const [title, files] = isNewest ? ['the package and the unit tests', ['test/unit']] : ['the package', []];
    test(`${title}, on Node ${line}`, [...files, 'test/cli/package.test.ts'], env);
  }
}

function fail(why) {
  failures.push(why);
  counts.failed += 1;
}

const isDebian12 =
  process.getuid?.() === 0 &&
  existsSync('/etc/os-release') &&
  /^VERSION_CODENAME=bookworm$/m.test(readFileSync('/etc/os-release', 'utf8'));

if (run('node', ['.ci/setup.mjs']).status !== 0) process.exit(1);
check('format and lint', 'npx', 'biome', 'check', '--error-on-warnings', '.');
check('types', 'npx', 'tsc', '-p', '.');
check('dead exports and dependencies', 'npx', 'knip');
testOtherNodes();
const engine = prepareEngine();
const newer = isDebian12 ? prepareNewer() : undefined;
try {
  test('tests');
} finally {
  if (engine.started) run(path.join(root, '.ci/engine'), ['down']);
}
testAsOnMac();
if (newer) testNewer(newer);
if (!isDebian12)
  process.stdout.write('\n!!! SKIPPED: the tests on Docker 26, compose v2 and git 2.47 need Debian 12 and root.\n');
if (failures.length > 0) process.stdout.write(`\nFailed:\n${failures.map((line) => `  ${line}\n`).join('')}`);
if (counts.skipped > 0) {
  process.stdout.write(
    `\n!!! ${counts.skipped} tests were SKIPPED: they need a Docker engine, compose as a plugin, or gh and glab, and there is none here.\n`,
  );
}
if (counts.leftOut > 0)
  process.stdout.write(
    `\n${counts.leftOut} tests were left out as on a Mac: they are of what Linux alone tells or has, or need root or a Docker engine.\n`,
  );
process.stdout.write(
  `\n${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}\n`,
);
process.exit(counts.failed > 0 ? 1 : 0);
