import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { homeOf } from '../../adapters/files/person-folder.ts';
import { runOwnCli } from '../../adapters/own-cli.ts';
import { bestEffort, StackError, throwIfAborted } from '../../domain/errors.ts';
import { HOST_RUNTIME } from '../../domain/runtime.ts';
import type { StackView } from '../../domain/view.ts';
import { explainNoContainers } from './containers.ts';
import { makeDemoRepos } from './demo-repos.ts';

/** How the demo speaks; every line but the answers of the commands it runs. */
export interface DemoVoice {
  /** Says what comes next and why. */
  explain(title: string, lines: readonly string[]): void;
  command(line: string): void;
  /** Says one thing that was found out on the way. */
  note(line: string): void;
  took(ms: number): void;
  output: NodeJS.WritableStream;
}

export interface DemoOptions {
  packageRoot: string;
  env: Readonly<Record<string, string | undefined>>;
  runtime: string | undefined;
  keep: boolean;
  signal: AbortSignal;
  voice: DemoVoice;
}

/** A question that was put to the running copies, and what they said. */
interface DemoProof {
  asked: string;
  answer: string;
}

export interface DemoResult {
  root: string;
  kept: boolean;
  view: StackView;
  proof: DemoProof[];
  pages: { ticket: string; url: string; title: string }[];
}

/**
 * Shows the main job on real input: two git repos, two tickets, requests that prove the wiring. Cleans up, unless told to
 * keep it. Throws what the commands it runs failed with, and `problems` when a proof fails.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const folder = await realpath(await mkdtemp(path.join(folderFor(options.env), 'stack-demo-')));
  const root = path.join(folder, 'shop');
  let kept = options.keep;
  try {
    return { root, kept, ...(await showMainJob(root, options)) };
  } catch (error) {
    kept = false;
    throw error;
  } finally {
    if (!kept) await cleanUp(folder, root, options);
  }
}

/** Engines on macOS are in virtual machines, and most of those share the home folder alone. */
function folderFor(env: DemoOptions['env']): string {
  return process.platform === 'darwin' ? homeOf(env) : tmpdir();
}

async function showMainJob(root: string, asked: DemoOptions): Promise<Omit<DemoResult, 'root' | 'kept'>> {
  const { voice } = asked;
  let options = asked;
  const stack = (...args: string[]): Promise<void> => runVerb(root, args, options);
  voice.explain('A product in two git repos', [
    `${root}/front  a front-end: branches main and feat/ui`,
    `${root}/api    an API that keeps rows in Postgres and counts in Redis: branches main and feat/endpoint`,
  ]);
  await timed(voice, async () => {
    await mkdir(root);
    await makeDemoRepos(root, { templates: path.join(options.packageRoot, 'dist/templates/demo'), env: options.env });
  });
  voice.explain('One file describes the product', ['init reads the repos and writes it; you look it over once.']);
  await stack('init');
  const without = isOpen(asked.runtime) ? await explainNoContainers(root, asked) : undefined;
  if (without !== undefined) {
    voice.note(`The demo goes on with processes and embedded servers: ${without}`);
    options = { ...asked, runtime: HOST_RUNTIME };
  }
  voice.explain('The first ticket: only the front-end changes', [
    'It gets its own front-end and borrows the API that everybody shares. Postgres and Redis start once, for all.',
  ]);
  await stack('create', 'feat-01');
  voice.explain('The second ticket changes both', [
    'Each repo starts from a branch of its own. The new front-end must talk to the new API, and to no other.',
  ]);
  await stack('create', 'feat-02', '--from-front=feat/ui', '--from-api=feat/endpoint');
  voice.explain('Where everything is', []);
  await stack('ps');
  voice.explain('Who talks to whom', ['Real requests through both front-ends; what they wrote is read back below.']);
  return timed(voice, async () => {
    const { stdout } = await runOwnCli(['ps', '--json'], { ...options, cwd: root, output: nowhere() });
    const view = JSON.parse(stdout) as StackView;
    return { view, proof: await prove(view), pages: await readPages(view) };
  });
}

/** True where nobody has said what is to run the demo. */
function isOpen(runtime: string | undefined): boolean {
  return runtime === undefined || runtime === 'auto';
}

async function runVerb(root: string, args: readonly string[], options: DemoOptions): Promise<void> {
  const { voice, signal, runtime } = options;
  throwIfAborted(signal);
  voice.command(`stack ${args.join(' ')}`);
  await timed(voice, async () => {
    const all = runtime === undefined || args[0] === 'init' ? args : [...args, '--runtime', runtime];
    const { exitCode } = await runOwnCli(all, { ...options, cwd: root, output: voice.output });
    throwIfAborted(signal);
    if (exitCode === 0) return;
    throw new StackError('problems', `\`stack ${args.join(' ')}\` ended with exit code ${exitCode}`, {
      hint:
        runtime === HOST_RUNTIME
          ? 'what it said is above; `stack doctor` checks this machine'
          : 'what it said is above; `stack demo --runtime process` does without containers',
    });
  });
}

async function prove(view: StackView): Promise<DemoProof[]> {
  const [one, two] = ['feat-01', 'feat-02'].map((ticket) => urlOf(view, ticket));
  const sees = async (front: string, ticket: string): Promise<DemoProof> => {
    const asked = `${front}/api/`;
    const { ticket: answered, branch } = await ask<{ ticket: string; branch: string }>(asked);
    if (answered !== ticket) throw unproven(asked, `the API of ${ticket}`, `the API of ${answered}`);
    return { asked, answer: `the API of ${answered}, on ${branch}` };
  };
  const proof = [await sees(one ?? '', 'baseline'), await sees(two ?? '', 'feat-02')];
  await ask(`${one}/api/items`, { name: 'from feat-01' });
  await ask(`${two}/api/items`, { name: 'from feat-02' });
  for (const front of [one, two]) {
    const asked = `${front}/api/items`;
    const { items, counter } = await ask<{ items: { name: string }[]; counter: number }>(asked);
    const names = items.map((item) => item.name).join(', ');
    if (items.length !== 2 || counter !== 2) throw unproven(asked, 'two rows and the count 2', `${names}; ${counter}`);
    proof.push({ asked, answer: `rows in the shared Postgres: ${names}; count in the shared Redis: ${counter}` });
  }
  return proof;
}

async function readPages(view: StackView): Promise<DemoResult['pages']> {
  return Promise.all(
    ['feat-01', 'feat-02'].map(async (ticket) => {
      const url = urlOf(view, ticket);
      const html = await (await fetch(url)).text();
      return { ticket, url, title: /<title>(.*?)<\/title>/.exec(html)?.[1] ?? '' };
    }),
  );
}

function urlOf(view: StackView, ticket: string): string {
  return view.instances.find((instance) => instance.ticket === ticket)?.repos.front?.url ?? '';
}

async function ask<Answer>(url: string, body?: object): Promise<Answer> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000), ...(body && post) });
  const text = await answer.text();
  if (!answer.ok) throw unproven(url, 'an answer', `${answer.status} ${text}`);
  return JSON.parse(text) as Answer;
}

function unproven(asked: string, wanted: string, got: string): StackError {
  return new StackError('problems', `${asked} should have given ${wanted}, and gave ${got}`);
}

async function cleanUp(folder: string, root: string, options: DemoOptions): Promise<void> {
  const { voice } = options;
  voice.explain('Cleaning up', ['destroy removes what was made for a ticket; down stops what they shared.']);
  await timed(voice, async () => {
    for (const args of [
      ['destroy', 'feat-01', 'feat-02', '--force'],
      ['down', '--volumes', '--force', '--yes'],
    ]) {
      await bestEffort(runOwnCli(args, { ...options, cwd: root, output: nowhere() }));
    }
    await rm(folder, { recursive: true, force: true });
  });
}

async function timed<Result>(voice: DemoVoice, work: () => Promise<Result>): Promise<Result> {
  const started = performance.now();
  const result = await work();
  voice.took(performance.now() - started);
  return result;
}

function nowhere(): NodeJS.WritableStream {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
