import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Figure, measure, renderFigures, renderPage } from '../corpus/measure.ts';

const CHECKOUT = path.resolve(import.meta.dirname, '../..');
const RECORD = path.join(CHECKOUT, 'test/corpus/figures.json');
const PAGE = path.join(CHECKOUT, 'docs/init.md');
const TABLES = /(?<=<!-- figures -->\n\n)[\s\S]*(?=\n\n<!-- end of figures -->)/;
const { STACK_CORPUS: wish, STACK_CORPUS_ONLY: only } = process.env;

let figures: Figure[];
/** The lines of each product that a person had to change when the figures were last recorded. */
let recorded: Record<string, string[]>;

const now = () =>
  Object.fromEntries(figures.map(({ name, changes }) => [name, changes.map(({ line }) => line).sort()]));

/** What a person must change today and did not have to; a product that was not there has no record yet. */
const worse = () =>
  figures.flatMap(({ name, changes }) =>
    changes
      .filter(({ line }) => recorded[name] && !recorded[name].includes(line))
      .map(({ line, kind, text }) => `${name}: ${kind} ${line}: ${text}`),
  );

beforeAll(async () => {
  recorded = JSON.parse(readFileSync(RECORD, 'utf8'));
  figures = await measure(only);
  if (wish) process.stdout.write(`\n${renderFigures(figures)}\n`);
  if (wish !== 'record' || only || worse().length > 0) return;
  writeFileSync(RECORD, `${JSON.stringify(now(), null, 2)}\n`);
  writeFileSync(
    PAGE,
    readFileSync(PAGE, 'utf8').replace(TABLES, () => renderPage(figures)),
  );
  recorded = now();
});

describe('what init writes for the products of the corpus', () => {
  it('needs no change in a line that was right before', () => {
    expect(worse()).toEqual([]);
  });

  it.skipIf(only)('is recorded: `npm run corpus -- --record` after a change for the better', () => {
    expect(now()).toEqual(recorded);
    expect(readFileSync(PAGE, 'utf8').match(TABLES)?.[0]).toBe(renderPage(figures));
  });
});
