import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { makeProduct, type Product } from '../support/product.ts';

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
  const text = readFileSync(path.join(CHECKOUT, page), 'utf8');
  return [...text.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...output] = part.trimEnd().split('\n');
        return { command, output };
      }),
  );
}

/**
 * Times and pids differ from run to run; steps that run side by side end in any order; columns are as wide as a port is long; a
 * slow machine shows signs of life between.
 */
function masked(lines: readonly string[]): string[] {
  return lines
    .map((line) =>
      line
        .replaceAll(/\d+\.\d+s\b|\d+m \d+s\b/g, 'TIME')
        .replaceAll(/\bpid \d+/g, 'pid PID')
        .replaceAll(/ {2,}/g, '  ')
        .trimEnd(),
    )
    .filter((line) => line !== '' && !line.startsWith('… '))
    .sort();
}

/** Runs the commands of a block in a product, and expects what the page says of each. */
async function expectAsSaid(product: Product, block: readonly Said[]): Promise<void> {
  for (const { command, output } of block) {
    const [name, ...args] = command.split(' ');
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
