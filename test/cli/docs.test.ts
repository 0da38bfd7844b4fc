import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { makeProduct, type Product } from '../support/product.ts';
import { makeShop, type Shop } from '../support/shop.ts';

const CHECKOUT = path.resolve(import.meta.dirname, '../..');
const PAGES = [
  'README.md',
  ...readdirSync(path.join(CHECKOUT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
];

const engine = await findTestEngine();

/** One command of a console block, and what the page says it prints. */
interface Said {
  command: string;
  output: string[];
}

/** Returns the console blocks of a page, each a list of its commands. */
function blocksOf(page: string): Said[][] {
  return partsOf(page).flatMap((part) => (typeof part === 'string' ? [] : [part]));
}

/** The same, with the shell lines that stand between them. */
function partsOf(page: string): (Said[] | string)[] {
  const text = readFileSync(path.join(CHECKOUT, page), 'utf8');
  return [...text.matchAll(/^```(console|sh)\n([\s\S]*?)^```$/gm)].map(([, kind, block = '']) => {
    if (kind === 'sh') return block;
    const parts = block.split(/^\$ /m).slice(1);
    return parts.map((part) => {
      const [command = '', ...output] = part.trimEnd().split('\n');
      return { command, output };
    });
  });
}

/**
 * Times, pids and commits differ from run to run, and a long path wraps a line elsewhere; steps that run side by side end in any order; columns are as wide as a port is long; a
 * slow machine shows signs of life between.
 */
function masked(lines: readonly string[]): string[] {
  return lines
    .join('\n')
    .replaceAll(/^! .*(\n {2}\S.*)+/gm, (warning) => warning.replaceAll(/\n +/g, ' '))
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/\b[0-9a-f]{7,40}\b/g, 'COMMIT')
        .replaceAll(/\d+\.\d+s\b|\d+m \d+s\b/g, 'TIME')
        .replaceAll(/\bpid \d+/g, 'pid PID')
        .replaceAll(/ {2,}/g, '  ')
        .trimEnd(),
    )
    .filter((line) => line !== '' && !line.startsWith('… '))
    .sort();
}

/** Runs the commands of a block in a product, and expects what the page says of each. */
async function expectAsSaid(product: Pick<Product, 'stack' | 'inReadme'>, block: readonly Said[]): Promise<void> {
  for (const { command, output } of block) {
    const [name, ...args] = [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
    expect(name).toBe('stack');
    const { stdout, stderr } = await product.stack(args);
    const text = product.inReadme(`${stderr}\n${stdout}`);
    expect({ command, output: masked(text.split('\n')) }).toEqual({ command, output: masked(output) });
  }
}

describe('what the docs show of a terminal', () => {
  it('stands in the pages that are tried here, and in no other', () => {
    const shown = PAGES.map((page) => [page, blocksOf(page).length] as const).filter(([, count]) => count > 0);
    expect(shown).toEqual([
      ['README.md', 1],
      ['docs/a-day.md', 8],
      ['docs/queue.md', 2],
      ['docs/wiring.md', 1],
    ]);
  });
});

describe.skipIf(!engine)('the README', () => {
  let product: Product;
  beforeAll(async () => {
    product = await makeProduct({ runtime: 'docker' });
    expect(await product.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
  });
  afterAll(() => product?.dispose());

  it('shows what create, ps and destroy print', async () => {
    await expectAsSaid(product, blocksOf('README.md')[0] ?? []);
  });
});

describe('the page about wiring', () => {
  let product: Product;
  beforeAll(async () => {
    product = await makeProduct({ runtime: 'process' });
    product.writeConfig((text) =>
      text.replace('command: npm run dev', `command: API_URL=http://localhost:${product.port(3000)} npm run dev`),
    );
    expect(await product.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await product.stack(['create', 'feat-02', '--with', 'api'])).toMatchObject({ code: 0 });
  });
  afterAll(() => product?.dispose());

  it('shows what check prints of an address that leads elsewhere', async () => {
    await expectAsSaid(product, blocksOf('docs/wiring.md')[0] ?? []);
  });
});

describe('the page about the queue', () => {
  const tickets = ['feat-01', 'feat-02', 'feat-03'];
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => `${text.replace(', shared: true', '')}verify: test ! -e api/broken.txt\n`);
    for (const repo of ['front', 'api']) shop.commit(repo, 'prices.mjs', 'export const tax = 0.19;\n');
    for (const ticket of tickets) await shop.stack(['create', ticket, '--no-start']);
    for (const repo of ['front', 'api'])
      shop.commit(`tickets/feat-01/${repo}`, 'prices.mjs', 'export const tax = 0.2;\n');
    shop.commit('tickets/feat-02/front', 'prices.mjs', 'export const tax = 0.07;\n');
    shop.commit('tickets/feat-03/api', 'broken.txt', 'broken\n');
  });
  afterAll(() => shop.dispose());

  it('shows a day on which one ticket of three is put out', async () => {
    const { stack, root } = shop;
    const inReadme = (text: string): string =>
      text.replaceAll(root, '/home/me/shop').replaceAll(/\b[0-9a-f]{7}\b/g, '1a2b3c4');
    const [morning = [], afternoon = []] = blocksOf('docs/queue.md');
    await expectAsSaid({ stack, inReadme }, morning);
    shop.write('tickets/feat-02/front/prices.mjs', 'export const tax = 0.07;\n');
    shop.git('tickets/feat-02/front', 'add', 'prices.mjs');
    await expectAsSaid({ stack, inReadme }, afternoon);
  });
});

describe('the page about a day', () => {
  let product: Product;
  beforeAll(async () => {
    product = await makeProduct({ runtime: 'process' });
    // Wider than a line with a path of the test's, which is longer than the page's.
    product.env.STACK_COLUMNS = '160';
    product.writeConfig((text) => text.replace(', setup: [npm ci], copy: [config/keys]', ''));
  });
  afterAll(() => product?.dispose());

  it('shows what happens to three tickets, two of which collide and one is put out of the queue', async () => {
    const { stack, root, env } = product;
    const inReadme = (text: string): string => product.inReadme(text).replaceAll(root, '/home/me/shop');
    for (const part of partsOf('docs/a-day.md')) {
      if (typeof part !== 'string') await expectAsSaid({ stack, inReadme }, part);
      else execFileSync('bash', ['-ec', part], { cwd: root, env });
    }
  });
});
