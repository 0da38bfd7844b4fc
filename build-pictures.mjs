// Makes the pictures of a terminal in README and docs/ from real runs: `npm run pictures`. They are committed.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import ansiToSvg from 'ansi-to-svg';

const root = fileURLToPath(new URL('.', import.meta.url));
const bin = path.join(root, 'bin/stack.js');

const COLORS = {
  ...{ backgroundColor: '#1e1e2e', foregroundColor: '#cdd6f4', red: '#f38ba8', green: '#a6e3a1', yellow: '#f9e2af' },
  ...{ gray: '#9399b2', white: '#cdd6f4' },
};
const PADDING = { paddingTop: 16, paddingLeft: 16, paddingBottom: 16, paddingRight: 16 };

const STACK_YML = `name: shop
runtime: process
shared: {}
repos:
  front: { path: ./front, title: Front-end, base: main, setup: [npm install --no-package-lock --no-audit --no-fund --offline] }
  api: { path: ./api, title: API, base: main, shared: true }
services:
  api:
    repo: api
    command: node server.js
    ports: { http: { baseline: 3000, from: 4001 } }
    env: { PORT: "\${port.http}" }
  front:
    repo: front
    command: node server.js
    ports: { http: { from: 3001 } }
    env: { PORT: "\${port.http}", API_URL: "\${api.url}" }
`;
const SERVER = `require('node:http').createServer((_, answer) => answer.end('ok')).listen(process.env.PORT, '127.0.0.1');`;
/** What a branch brings that does not live long. */
const CRASH = `setTimeout(() => { throw new Error('out of memory'); }, 1500);`;

/** Two repos side by side, each with a branch of its own. */
async function makeProduct(folder, run) {
  for (const [repo, branch] of [
    ['front', 'feat/ui'],
    ['api', 'feat/endpoint'],
  ]) {
    const at = path.join(folder, repo);
    const commit = async (text) => {
      await writeFile(path.join(at, 'server.js'), text);
      run('git', ['add', '-A'], at);
      run('git', ['commit', '-qm', 'change'], at);
    };
    await mkdir(at, { recursive: true });
    run('git', ['init', '-qb', 'main'], at);
    await writeFile(path.join(at, 'package.json'), JSON.stringify({ name: repo, private: true }));
    await commit(SERVER);
    run('git', ['branch', branch], at);
    run('git', ['switch', '-qc', 'feat/cache'], at);
    await commit(`${CRASH}\n${SERVER}`);
    run('git', ['switch', '-q', 'main'], at);
  }
  await writeFile(path.join(folder, 'stack.yml'), STACK_YML);
}

/** A picture of what these command lines print, one after the other. */
async function takePicture(name, lines, folder, run) {
  const shown = lines.map((line) => `\u001b[1m$ ${line}\u001b[22m\n${run('sh', ['-c', `exec 2>&1; ${line}`], folder)}`);
  // Blanks count; those that a text begins with are in its place already.
  const svg = ansiToSvg(shown.join('').trimEnd(), {
    ...PADDING,
    scale: 1,
    fontFamily: 'Menlo, Consolas, DejaVu Sans Mono, monospace',
    colors: COLORS,
  });
  await mkdir(path.join(root, 'docs/pictures'), { recursive: true });
  await writeFile(
    path.join(root, 'docs/pictures', `${name}.svg`),
    `${svg
      .trim()
      .replace('<svg ', '<svg xml:space="preserve" ')
      .replace(/(<svg [^>]*>)/, `$1<title>${lines.join(', ')}</title>`)
      .replaceAll(/(<text [^>]*>) +/g, '$1')}\n`,
  );
}

const scratch = await realpath(await mkdtemp(path.join(tmpdir(), 'stack-pictures-')));
try {
  const [home, bins, shop] = ['home', 'bin', 'shop'].map((name) => path.join(scratch, name));
  await Promise.all([home, bins, shop].map((at) => mkdir(at)));
  await writeFile(path.join(bins, 'stack'), `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`, { mode: 0o755 });
  const who = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b.c',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b.c',
  };
  const env = {
    HOME: home,
    PATH: `${bins}${path.delimiter}${process.env.PATH}`,
    FORCE_COLOR: '1',
    COLUMNS: '80',
    ...who,
  };
  const run = (file, args, cwd) => execFileSync(file, args, { cwd, env, encoding: 'utf8' });
  await makeProduct(shop, run);
  try {
    run('stack', ['create', 'feat-01', '-q'], shop);
    const create = 'stack create feat-02 --from-front=feat/ui --from-api=feat/endpoint';
    await takePicture('tour', [create, 'stack ps', 'stack destroy feat-02'], shop, run);
    run('stack', ['create', 'feat-03', '--from-api=feat/cache', '-q'], shop);
    await wait(2000);
    await takePicture('ps', ['stack ps'], shop, run);
  } finally {
    for (const ticket of run('stack', ['ps', '-q'], shop).split('\n').filter(Boolean))
      run('stack', ['destroy', ticket, '--force', '--yes', '-q'], shop);
    run('stack', ['down', '--force', '-q'], shop);
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
