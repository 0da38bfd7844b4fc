import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { parse } from 'yaml';
import { main } from '../../src/main.ts';
import { type InitWorld, makeInitWorld } from '../support/init-world.ts';
import { type Change, compare } from './compare.ts';
import type { Product } from './product.ts';

/** `known` is written beside `init`; `blind` without knowing its code, and `init` is never tuned to it. */
const HALVES = ['known', 'blind'] as const;

/** What a person must change in one product; its name is `known/vite-express`. */
export interface Figure {
  name: string;
  about: string;
  changes: Change[];
}

/** Runs `stack init --yes` in every product and compares what it wrote. Throws where it fails. */
export async function measure(only = ''): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const name of HALVES.flatMap(listProducts)) {
    if (!name.includes(only)) continue;
    const { product } = (await import(path.join(import.meta.dirname, `${name}.ts`))) as { product: Product };
    figures.push({ name, about: product.about, changes: await measureProduct(name, product) });
  }
  return figures;
}

/** Returns how many products need no change, at most two, and more. */
function countLines(figures: readonly Figure[]): { none: number; few: number; more: number } {
  const none = figures.filter(({ changes }) => changes.length === 0).length;
  const few = figures.filter(({ changes }) => changes.length > 0 && changes.length <= 2).length;
  return { none, few, more: figures.length - none - few };
}

/** Returns the figures as the tables of `docs/init.md`. */
export function renderPage(figures: readonly Figure[]): string {
  return HALVES.map((half) => {
    const own = figures.filter(({ name }) => name.startsWith(`${half}/`));
    const { none, few, more } = countLines(own);
    const rows = own.map(({ name, about, changes }) => `| ${path.basename(name)} | ${about} | ${changes.length} |`);
    const total = `${own.length} products: ${none} need no change, ${few} one or two lines, ${more} more.`;
    return [`### The ${half} half`, '', total, '', '| product | what it is | lines |', '|---|---|---|', ...rows].join(
      '\n',
    );
  }).join('\n\n');
}

/** Returns every line to change, for a person. */
export function renderFigures(figures: readonly Figure[]): string {
  return HALVES.flatMap((half) => {
    const own = figures.filter(({ name }) => name.startsWith(`${half}/`));
    const { none, few, more } = countLines(own);
    return [
      ...own.flatMap(({ name, about, changes }) => [
        `${name}: ${changes.length}  (${about})`,
        ...changes.map(({ kind, line, text }) => `  ${kind.padEnd(8)} ${line}: ${text}`),
      ]),
      `${half}: ${own.length} products, ${none} with 0 lines to change, ${few} with 1 or 2, ${more} with more`,
      '',
    ];
  }).join('\n');
}

function listProducts(half: string): string[] {
  const files = readdirSync(path.join(import.meta.dirname, half)).sort();
  return files.map((file) => `${half}/${path.basename(file, '.ts')}`);
}

async function measureProduct(name: string, product: Product): Promise<Change[]> {
  const world = makeInitWorld(product.name);
  try {
    makeProduct(world, product);
    await runInit(name, world.root);
    const read = (file: string): unknown => parse(readFileSync(path.resolve(world.root, file), 'utf8'));
    const stack = read('stack.yml') as { shared?: { compose?: string } };
    return compare(product, stack, stack.shared ? read(stack.shared.compose ?? 'docker-compose.base.yml') : {});
  } finally {
    world.dispose();
  }
}

function makeProduct(world: InitWorld, { repos, layout, loose = {} }: Product): void {
  for (const [folder, files] of Object.entries(repos)) {
    if (layout === 'bare') makeBare(world, folder, files);
    else world.repo(folder, files);
  }
  if (layout === 'superproject') world.git('.', 'submodule', '--quiet', 'absorbgitdirs');
  world.write('.', loose);
}

/** As people keep worktrees beside each other: `front/.bare`, `front/.git` that points to it, `front/main`. */
function makeBare(world: InitWorld, folder: string, files: Product['repos'][string]): void {
  world.repo(folder, files);
  world.git('.', 'clone', '--quiet', '--bare', folder, `${folder}.bare`);
  rmSync(path.join(world.root, folder), { recursive: true });
  mkdirSync(path.join(world.root, folder));
  renameSync(path.join(world.root, `${folder}.bare`), path.join(world.root, folder, '.bare'));
  world.write(folder, { '.git': 'gitdir: ./.bare\n' });
  world.git(folder, 'worktree', 'add', '--quiet', 'main', 'main');
}

async function runInit(name: string, cwd: string): Promise<void> {
  const chunks: string[] = [];
  const sink = new Writable({ write: (chunk, _encoding, done) => done(void chunks.push(String(chunk))) });
  const out = sink as unknown as NodeJS.WriteStream;
  // No engine, no settings of the machine's own.
  const env = { PATH: process.env.PATH, HOME: cwd, DOCKER_HOST: `unix://${cwd}/no-engine.sock`, NO_COLOR: '1' };
  const host = { cwd, env, stdin: process.stdin, stdout: out, stderr: out, pid: process.pid };
  const code = await main(['init', '--yes'], host, new AbortController().signal);
  if (code !== 0) throw new Error(`${name}: init ended with ${code}\n${chunks.join('')}`);
}
