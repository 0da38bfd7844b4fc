// `npm run bench`: what stack costs beyond the floor that git, Node and the engine set. Ratios, never limits: a person
// reads them. Floors are taken in the same run, interleaved. Without an engine what needs one is left out, and that is said.
// `npm run bench -- looks data` takes these parts alone; the names are those of PARTS.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { interleave, ROUNDS, timeCommand } from './measure.mjs';

const BIN = path.resolve(import.meta.dirname, '../../bin/stack.js');
const IMAGE = process.env.STACK_TEST_IMAGE ?? 'node:22-alpine';
// Both make Node start slower than it is, and unequally so.
const { NODE_EXTRA_CA_CERTS: _certs, NODE_OPTIONS: _options, ...inherited } = process.env;
const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-bench-')));
const env = {
  XDG_CACHE_HOME: path.join(homedir(), '.cache'),
  ...inherited,
  ...{ HOME: folder, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
};
const author = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.invalid'];
const hasEngine = spawnSync('docker', ['info'], { env, stdio: 'ignore' }).status === 0;
const rows = [];

const git = (cwd, ...args) => timeCommand('git', ['-C', cwd, ...author, ...args], { env });
const stack = (cwd, ...args) => timeCommand('node', [BIN, ...args], { cwd, env });
const docker = (...args) => timeCommand('docker', args, { env });

function makeRepo(repo, files) {
  mkdirSync(repo, { recursive: true });
  timeCommand('git', ['init', '-q', '-b', 'main', repo], { env });
  for (let index = 0; index < files; index++) {
    const file = path.join(repo, `src/part-${index % 50}/file-${index}.txt`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `file ${index}\n`.repeat(40));
  }
  writeFileSync(path.join(repo, 'server.js'), SERVER);
  git(repo, 'add', '.');
  git(repo, 'commit', '-qm', 'start');
}

const SERVER = `require('node:http').createServer((_, res) => res.end('ok')).listen(process.env.PORT);\n`;

function makeRoot(name, files, from, runtime = 'docker') {
  const root = path.join(folder, name);
  for (const repo of ['front', 'api']) makeRepo(path.join(root, repo), files);
  const service = (repo, port) => `  ${repo}:
    repo: ${repo}
    image: ${IMAGE}
    command: [node, server.js]
    ports: { http: { from: ${port}, container: 8080 } }
    env: { PORT: "\${port.http}" }
    ready: { http: / }
`;
  writeFileSync(
    path.join(root, 'stack.yml'),
    `name: ${name}\nruntime: ${runtime}\nrepos:\n  front: { path: ./front, base: main }\n  api: { path: ./api, base: main }\nservices:\n${service('front', from)}${service('api', from + 1000)}`,
  );
  return root;
}

function report(what, ms, floors, aim) {
  const floor = Object.values(floors).reduce((sum, value) => sum + value, 0);
  const named = Object.entries(floors).map(([name, value]) => `${name} ${value.toFixed(0)}`);
  rows.push([
    what,
    `${ms.toFixed(0)} ms`,
    `${named.join(' + ')} ms`,
    `${(ms / floor).toFixed(2)}x`,
    `${ms < floor ? '' : '+'}${(ms - floor).toFixed(0)} ms`,
    aim,
  ]);
}

/** Answers once the server at the port does; fails after 30 s. */
async function untilAnswers(port) {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const ok = await new Promise((resolve) => {
      const request = http.get({ port, host: '127.0.0.1', agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      request.on('error', () => resolve(false));
    });
    if (ok) return;
    if (performance.now() > deadline) throw new Error(`nothing answers on ${port}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

async function benchStart() {
  const root = makeRoot('small', 50, 21001);
  for (let index = 0; index < 10; index++) stack(root, 'create', `t-${index}`, '--no-start', '--quiet');
  const ms = await interleave({
    node: () => timeCommand('node', ['-e', '0'], { env }),
    version: () => stack(root, '--version'),
    ps: () => stack(root, 'ps'),
  });
  report('stack --version', ms.version, { node: ms.node }, '<= 1.5x');
  report('stack ps (10 tickets x 2 repos)', ms.ps, { node: ms.node }, '<= 3x');
  const peak = spawnSync(
    'node',
    [
      '--import',
      `data:text/javascript,process.on('exit',()=>process.stderr.write('\\npeak='+process.resourceUsage().maxRSS))`,
      BIN,
      'ps',
    ],
    { cwd: root, env, encoding: 'utf8' },
  );
  const kilobytes = Number(/peak=(\d+)/.exec(peak.stderr)?.[1]);
  rows.push(['peak memory of ps', `${(kilobytes / 1024).toFixed(0)} MB`, '', '', '', '<= 90 MB']);
  stack(root, 'destroy', ...Array.from({ length: 10 }, (_, index) => `t-${index}`), '--quiet');
}

/** Twenty tickets of which each has commits in one repo and changes in both, beside the `git status` of each worktree, two at a time. */
async function benchConflicts(from) {
  const root = makeRoot('collide', 500, from);
  const tickets = Array.from({ length: 20 }, (_, index) => `t-${index}`);
  const worktrees = tickets.flatMap((ticket) =>
    ['front', 'api'].map((repo) => path.join(root, 'tickets', ticket, repo)),
  );
  for (const ticket of tickets) stack(root, 'create', ticket, '--no-start', '--quiet');
  for (const [index, worktree] of worktrees.entries()) {
    writeFileSync(path.join(worktree, `src/part-0/file-${50 * (index % 10)}.txt`), `changed ${index}\n`);
    if (index % 2 === 0) git(worktree, 'commit', '-qam', 'change');
    writeFileSync(path.join(worktree, `src/part-1/new-${index % 6}.txt`), `new ${index}\n`);
  }
  const pairs = tickets.flatMap((one, index) => tickets.slice(index + 1).map((other) => `${one} ${other}\n`));
  const merges = { env, input: pairs.join(''), stdio: 'pipe' };
  const mergeTree = (repo) => ['-C', path.join(root, repo), 'merge-tree', '--write-tree', '--stdin'];
  // It ends with 4, since some of them conflict.
  const look = () => timeCommand('sh', ['-c', '"$@"; [ $? = 4 ]', 'sh', 'node', BIN, 'conflicts'], { cwd: root, env });
  const status =
    'printf "%s\\0" "$@" | xargs -0 -n 1 -P 2 sh -c \'git -C "$0" --no-optional-locks status --porcelain=v2 --branch\'';
  const ms = await interleave({
    status: () => timeCommand('sh', ['-c', status, 'sh', ...worktrees], { env }),
    merges: () => timeCommand('git', mergeTree('front'), merges) + timeCommand('git', mergeTree('api'), merges),
    node: () => timeCommand('node', ['-e', '0'], { env }),
    cold() {
      rmSync(path.join(root, '.stack/collisions.json'), { force: true });
      return look();
    },
    warm: look,
    standings: () => stack(root, 'status'),
  });
  const floor = { 'git status': ms.status, node: ms.node };
  report('status, 20 tickets x 2 repos x 500 files', ms.standings, { 'git status': ms.status }, '<= 1.3x');
  report('the same, beside Node’s start too', ms.standings, floor, '');
  report('conflicts, 20 tickets x 2 repos, cold', ms.cold, { ...floor, 'merge-tree': ms.merges }, '<= 3 s');
  report('conflicts, 20 tickets x 2 repos, warm', ms.warm, floor, '<= 300 ms');
  stack(root, 'destroy', '--force', '--yes', ...tickets, '--quiet');
}

/** Ten tickets of which each has commits in one repo and changes in both, beside bare git. */
async function benchLooks(from) {
  const root = makeRoot('looks', 3000, from);
  const tickets = Array.from({ length: 10 }, (_, index) => `t-${index}`);
  const worktrees = tickets.flatMap((ticket) =>
    ['front', 'api'].map((repo) => path.join(root, 'tickets', ticket, repo)),
  );
  for (const ticket of tickets) stack(root, 'create', ticket, '--no-start', '--quiet');
  for (const [index, worktree] of worktrees.entries()) {
    for (let file = 0; file < 20; file++)
      writeFileSync(path.join(worktree, `src/part-${file}/file-${file}.txt`), `changed ${index}\n`);
    if (index % 2 === 0) git(worktree, 'commit', '-qam', 'change');
    writeFileSync(path.join(worktree, 'new.txt'), `new ${index}\n`);
  }
  const each = (command) =>
    `printf "%s\\0" "$@" | xargs -0 -n 1 -P 2 sh -c 'git -C "$0" --no-optional-locks ${command}'`;
  const ms = await interleave({
    status: () => timeCommand('sh', ['-c', each('status --porcelain=v2 --branch'), 'sh', ...worktrees], { env }),
    standings: () => stack(root, 'status'),
    ps: () => stack(root, 'ps'),
    marks: () => stack(root, 'ps', '--json'),
    bare: () => timeCommand('sh', ['-c', each('diff --stat main'), 'sh', ...worktrees.slice(0, 2)], { env }),
    diff: () => stack(root, 'diff', 't-0', '--stat'),
    node: () => timeCommand('node', ['-e', '0'], { env }),
  });
  const floor = { 'git status': ms.status };
  report('status, 10 tickets x 2 repos x 3000 files', ms.standings, floor, '<= 1.3x');
  report('the same, beside Node’s start too', ms.standings, { ...floor, node: ms.node }, '');
  report('ps --json, 10 tickets x 2 repos x 3000 files', ms.marks, { ps: ms.ps, ...floor }, '');
  report('diff --stat, 2 repos x 3000 files', ms.diff, { 'git diff': ms.bare }, '<= 1.3x');
  report('the same, beside Node’s start too', ms.diff, { 'git diff': ms.bare, node: ms.node }, '');
  stack(root, 'destroy', '--force', '--yes', ...tickets, '--quiet');
}

async function benchWorktrees(files, from) {
  const root = makeRoot(`files-${files}`, files, from);
  const ms = await interleave({
    raw: (round) => addRaw(root, round),
    create: (round) => stack(root, 'create', `t${round + 1}`, '--no-start', '--quiet'),
    rawRemoval: (round) => removeRaw(root, round),
    destroy: (round) => stack(root, 'destroy', `t${round + 1}`, '--quiet'),
  });
  const aim = '<= floor + 150 ms';
  report(`create --no-start, 2 repos x ${files} files`, ms.create, { 'worktree add': ms.raw }, aim);
  report(`destroy, 2 repos x ${files} files`, ms.destroy, { 'worktree remove': ms.rawRemoval }, '');
}

/** A create that copies a `node_modules` of so many entries, links among them, against one that copies nothing and `cp -a`. */
async function benchCopy(entries, from) {
  const [plain, root] = [makeRoot('copy-nothing', 50, from), makeRoot(`copy-${entries}`, 50, from + 100)];
  const [checkout, modules] = [path.join(root, 'front'), path.join(root, 'front/node_modules')];
  for (let index = 0; index < entries / 20; index++) {
    const name = path.join(modules, `package-${index}`);
    mkdirSync(path.join(name, 'lib'), { recursive: true });
    for (let file = 0; file < 17; file++) writeFileSync(path.join(name, `lib/file-${file}.js`), 'x'.repeat(file * 400));
    mkdirSync(path.join(modules, '.bin'), { recursive: true });
    symlinkSync(`../package-${index}/lib/file-1.js`, path.join(modules, `.bin/tool-${index}`));
  }
  appendFileSync(path.join(checkout, '.git/info/exclude'), 'node_modules\n');
  const config = readFileSync(path.join(root, 'stack.yml'), 'utf8');
  writeFileSync(path.join(root, 'stack.yml'), config.replace('path: ./front,', 'path: ./front, copy: [node_modules],'));
  const target = (round) => path.join(folder, `copy-by-cp-${round}`);
  const ms = await interleave(
    {
      plain: (round) => stack(plain, 'create', `t${round + 1}`, '--no-start', '--quiet'),
      cp: (round) => timeCommand('cp', ['-a', modules, target(round)], { env }),
      create: (round) => stack(root, 'create', `t${round + 1}`, '--no-start', '--quiet'),
      clear(round) {
        rmSync(target(round), { recursive: true });
        return stack(root, 'destroy', `t${round + 1}`, '--quiet') + stack(plain, 'destroy', `t${round + 1}`, '--quiet');
      },
    },
    Math.min(ROUNDS, 3),
  );
  report(`create --no-start, copy of ${entries} entries`, ms.create, { create: ms.plain, 'cp -a': ms.cp }, '<= 1.2x');
}

/** Two worktrees with plain git, side by side as folders, one after the other in time. */
const addRaw = (root, round) => {
  const add = (repo) =>
    git(
      path.join(root, repo),
      ...['worktree', 'add', '--no-track', '-q', '-b', `raw-${round}`, rawPath(root, repo, round), 'main'],
    );
  return add('front') + add('api');
};

const removeRaw = (root, round) => {
  const remove = (repo) =>
    git(path.join(root, repo), 'worktree', 'remove', '--force', rawPath(root, repo, round)) +
    git(path.join(root, repo), 'branch', '-qD', `raw-${round}`);
  return remove('front') + remove('api');
};

const rawPath = (root, repo, round) => path.join(`${root}-raw`, String(round), repo);

/** What runs the two servers without stack: `start` from a folder at a port, and `stop` of all. */
const bare = {
  docker: {
    names: [],
    start(source, port) {
      const name = `stack-bench-${process.pid}-${port}`;
      this.names.push(name);
      const publish = ['-e', 'PORT=8080', '-p', `127.0.0.1:${port}:8080`, '-v', `${source}:/app`, '-w', '/app'];
      docker('run', '-d', '--init', '--name', name, ...publish, IMAGE, 'node', 'server.js');
    },
    stop() {
      return docker('rm', '-f', '-v', ...this.names.splice(0));
    },
  },
  process: {
    children: [],
    start(source, port) {
      const options = { cwd: source, env: { ...env, PORT: String(port) }, stdio: 'ignore', detached: true };
      this.children.push(spawn('node', ['server.js'], options));
    },
    async stop() {
      const started = performance.now();
      const ended = this.children.splice(0).map((child) => {
        const exit = once(child, 'exit');
        child.kill();
        return exit;
      });
      await Promise.all(ended);
      return performance.now() - started;
    },
  },
};

async function benchReady(runtime, from) {
  const root = makeRoot(`ready-${runtime}`, 50, from, runtime);
  const ports = [from + 2000, from + 2001];
  const ms = await interleave({
    worktrees: (round) => addRaw(root, round),
    async run(round) {
      const started = performance.now();
      for (const [index, repo] of ['front', 'api'].entries()) {
        bare[runtime].start(rawPath(root, repo, round), ports[index]);
      }
      await Promise.all(ports.map(untilAnswers));
      return performance.now() - started;
    },
    create: (round) => stack(root, 'create', `t${round + 1}`, '--quiet'),
    rawRemoval: async (round) => (await bare[runtime].stop()) + removeRaw(root, round),
    destroy: (round) => stack(root, 'destroy', `t${round + 1}`, '--quiet'),
  });
  const aim = runtime === 'process' ? '<= floor + 250 ms' : '';
  report(`create until ready, 2 services, ${runtime}`, ms.create, { 'bare run': ms.run, worktrees: ms.worktrees }, aim);
  report(`destroy of 2 running services, ${runtime}`, ms.destroy, { 'bare removal': ms.rawRemoval }, '');
  stack(root, 'down', '--force', '--quiet');
}

/** A root whose baseline has a database of about so many megabytes, in the embedded server. */
async function makeDataRoot(name, megabytes, from) {
  const root = makeRoot(name, 5, from, 'process');
  const shared = `shared:\n  postgres: { provider: embedded, port: ${from + 3000}, password: stack, database: shop }\n`;
  appendFileSync(path.join(root, 'stack.yml'), shared);
  stack(root, 'up', '--quiet');
  // The lease may be another than the wish.
  const state = JSON.parse(readFileSync(path.join(root, '.stack/state.json'), 'utf8'));
  const url = `postgres://stack:stack@localhost:${state.shared.postgres.port}`;
  await query(
    `${url}/shop`,
    `CREATE TABLE filler AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, ${megabytes * 1000}) n`,
  );
  return { root, url };
}

async function query(url, text) {
  const client = new pg.Client(url);
  await client.connect();
  const started = performance.now();
  await client.query(text).finally(() => client.end());
  return performance.now() - started;
}

/** A create with a database of its own, against one without and the copy that Postgres makes by itself. */
async function benchDatabase(megabytes, from, rounds) {
  const { root, url } = await makeDataRoot(`data-${megabytes}`, megabytes, from);
  const create = (ticket, ...flags) => stack(root, 'create', ticket, '--no-wait', '--quiet', ...flags);
  const ms = await interleave(
    {
      plain: (round) => create(`plain-${round + 1}`),
      bare: (round) => query(`${url}/postgres`, `CREATE DATABASE bare_${round + 1} TEMPLATE shop`),
      own: (round) => create(`own-${round + 1}`, '--own', 'postgres'),
      async clear(round) {
        stack(root, 'destroy', `plain-${round + 1}`, `own-${round + 1}`, '--quiet');
        return query(`${url}/postgres`, `DROP DATABASE bare_${round + 1}`);
      },
    },
    rounds,
  );
  const floors = { create: ms.plain, 'CREATE DATABASE': ms.bare };
  report(`create --own postgres, ${megabytes} MB`, ms.own, floors, '<= 1.2x');
  if (megabytes <= 10) await benchSideBySide(root, url);
  if (megabytes <= 100) await benchStale(root, url, megabytes);
  stack(root, 'down', '--force', '--volumes', '--yes', '--quiet');
}

/** The same while the baseline is connected and has just written, so that the template is made again; `psql` copies the rows for the floor. */
async function benchStale(root, url, megabytes) {
  if (spawnSync('psql', ['--version'], { stdio: 'ignore' }).status !== 0) {
    process.stderr.write('no psql: what copies a database in use is left out\n');
    return;
  }
  const baseline = new pg.Client(`${url}/shop`);
  await baseline.connect();
  await baseline.query('CREATE TABLE written (n int)');
  const copyRows = `psql -qc 'COPY filler TO STDOUT' "$0/shop" | psql -qc 'COPY filler FROM STDIN' "$0/bare"`;
  const create = (ticket, ...flags) => stack(root, 'create', ticket, '--no-wait', '--quiet', ...flags);
  const ms = await interleave({
    plain: (round) => create(`calm-${round + 1}`),
    async bare() {
      const made = await query(`${url}/postgres`, 'CREATE DATABASE bare');
      const table = await query(`${url}/bare`, 'CREATE TABLE filler (n int, text text)');
      return made + table + timeCommand('sh', ['-c', copyRows, url], { env });
    },
    async own(round) {
      await baseline.query('INSERT INTO written VALUES (1)');
      return create(`late-${round + 1}`, '--own', 'postgres');
    },
    async clear(round) {
      stack(root, 'destroy', `calm-${round + 1}`, `late-${round + 1}`, '--quiet');
      return query(`${url}/postgres`, 'DROP DATABASE bare');
    },
  }).finally(() => baseline.end());
  report(
    `create --own postgres, ${megabytes} MB, baseline at work`,
    ms.own,
    { create: ms.plain, 'COPY by psql': ms.bare },
    '<= create + 1.5 s',
  );
}

/** Ten at once, with and without databases of their own, and ten copies that Postgres makes by itself. */
async function benchSideBySide(root, url) {
  const tickets = Array.from({ length: 10 }, (_, index) => `side-${index}`);
  const createAll = async (...flags) => {
    const started = performance.now();
    const children = tickets.map((ticket) =>
      spawn('node', [BIN, 'create', ticket, '--no-wait', ...flags], { cwd: root, env, stdio: 'ignore' }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
    if (codes.some((code) => code !== 0)) throw new Error(`creates side by side ended with ${codes}`);
    return performance.now() - started;
  };
  const plain = await createAll();
  stack(root, 'destroy', ...tickets, '--quiet');
  const started = performance.now();
  const copy = (_, index) => query(`${url}/postgres`, `CREATE DATABASE side_${index} TEMPLATE shop`);
  await Promise.all(tickets.map(copy));
  const bare = performance.now() - started;
  for (const index of tickets.keys()) await query(`${url}/postgres`, `DROP DATABASE side_${index}`);
  const own = await createAll('--own', 'postgres');
  stack(root, 'destroy', ...tickets, '--quiet');
  report('ten creates --own postgres at once', own, { 'ten creates': plain, 'ten CREATE DATABASE': bare }, '<= 1.2x');
}

/** Three running tickets: `check` asks each of their services what it was given, `ps` only what runs. */
async function benchCheck(runtime, from) {
  const root = makeRoot(`check-${runtime}`, 50, from, runtime);
  for (let index = 0; index < 3; index++) stack(root, 'create', `t-${index}`, '--quiet');
  const ms = await interleave({ ps: () => stack(root, 'ps'), check: () => stack(root, 'check') });
  report(`check of 3 tickets x 2 services, ${runtime}`, ms.check, { ps: ms.ps }, '<= floor + 300 ms');
  stack(root, 'destroy', 't-0', 't-1', 't-2', '--quiet');
  stack(root, 'down', '--force', '--quiet');
}

/** Prints 10 MB a second for three seconds, and says how long that took and the processor time it had. */
const CHATTY = `const { writeSync, writeFileSync } = require('node:fs');
const chunk = Buffer.alloc(16384, 'x'.repeat(99) + '\\n');
const started = performance.now();
for (let sent = 0; sent < 30e6; sent += chunk.length) {
  const early = started + sent / 1e4 - performance.now();
  if (early > 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, early);
  writeSync(1, chunk);
}
writeFileSync(process.env.TOOK, String(performance.now() - started));
if (process.env.PORT) require('./server.js');
`;

/** What the keeper of its log costs a service that prints 10 MB/s, against printing into a file. */
async function benchLogs(from) {
  const root = makeRoot('logs', 5, from, 'process');
  const took = path.join(folder, 'took');
  const script = path.join(root, 'front/chatty.js');
  writeFileSync(script, CHATTY);
  git(path.join(root, 'front'), 'add', '.');
  git(path.join(root, 'front'), 'commit', '-qm', 'chatty');
  const config = readFileSync(path.join(root, 'stack.yml'), 'utf8');
  const chatty = config.replace('server.js', 'chatty.js').replace('env: {', `env: { TOOK: ${took},`);
  writeFileSync(path.join(root, 'stack.yml'), chatty);
  const shares = [];
  const read = () => Number(readFileSync(took, 'utf8'));
  const ms = await interleave(
    {
      file() {
        spawnSync('sh', ['-c', `node ${script} >${took}.log`], { env: { ...env, TOOK: took } });
        return read();
      },
      kept(round) {
        stack(root, 'create', `t${round + 1}`, '--quiet');
        const log = path.join(root, `.stack/logs/t${round + 1}/front.log.keeper`);
        shares.push((100 * processorTime(JSON.parse(readFileSync(log, 'utf8')).pid)) / read());
        stack(root, 'destroy', `t${round + 1}`, '--quiet');
        return read();
      },
    },
    Math.min(ROUNDS, 3),
  );
  report('a service that prints 10 MB/s', ms.kept, { 'into a file': ms.file }, '<= 1.02x');
  const share = shares.sort((one, other) => one - other)[Math.floor(shares.length / 2)];
  rows.push(['its log keeper, of one core', `${share.toFixed(1)} %`, '', '', '', '']);
}

/** Milliseconds that a process and what it has waited for have had (proc(5): four fields, in hundredths of a second). */
function processorTime(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return 10 * fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

/** What is measured, by name, in this order. */
const PARTS = {
  start: benchStart,
  conflicts: () => benchConflicts(20001),
  looks: () => benchLooks(20501),
  async worktrees() {
    await benchWorktrees(50, 22001);
    await benchWorktrees(3000, 23001);
  },
  copy: () => benchCopy(44_000, 29001),
  async process() {
    await benchReady('process', 24001);
    await benchCheck('process', 27001);
    await benchLogs(29501);
  },
  async data() {
    await benchDatabase(10, 26001);
    if (process.env.STACK_BENCH_GIGABYTE) await benchDatabase(1000, 26501, 3);
  },
  async docker() {
    if (!hasEngine) return process.stderr.write('no Docker engine answers: what needs one is left out\n');
    await benchReady('docker', 25001);
    await benchCheck('docker', 28001);
  },
};

try {
  if (!existsSync(path.resolve(BIN, '../../dist/main.js'))) throw new Error('run `npm run build` first');
  const asked = process.argv.slice(2);
  for (const [name, part] of Object.entries(PARTS)) if (asked.length === 0 || asked.includes(name)) await part();
  const head = ['what', 'median', 'floor', 'ratio', 'beyond', 'aim'];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  for (const row of [head, ...rows])
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd()}\n`,
    );
  process.stdout.write(`medians of ${ROUNDS} interleaved rounds\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
