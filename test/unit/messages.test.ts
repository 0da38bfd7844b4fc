import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';
import { globSync } from 'tinyglobby';
import { expect, it } from 'vitest';

const CHECKOUT = path.resolve(import.meta.dirname, '../..');

/** Two words in a row: what a person reads. A key, an option or an identifier is one word. */
const SENTENCE = /\p{L}{2,}[,:;…’]? \p{L}/u;

/** Returns the texts in a source file that read like a sentence or a part of one; what is filled in shows as `${…}`. */
function textsOf(file: string): string[] {
  const { program } = parseSync(file, readFileSync(path.join(CHECKOUT, file), 'utf8'));
  const texts: string[] = [];
  new Visitor({
    Literal({ value }) {
      if (typeof value === 'string') texts.push(value);
    },
    TemplateLiteral({ quasis }) {
      texts.push(quasis.map(({ value }) => value.cooked ?? value.raw).join('${…}'));
    },
  }).visit(program);
  return texts.filter((text) => SENTENCE.test(text));
}

// What is odd is seen in the diff of one file: `npx vitest run test/unit/messages.test.ts -u` writes it again.
it('everything that a person can be told stands in one list', async () => {
  const files = globSync('src/**/*.ts', { cwd: CHECKOUT }).sort();
  const list = files.flatMap((file) => {
    const texts = [...new Set(textsOf(file))].map((text) => `  ${text.replaceAll('\n', '\n    ')}`);
    return texts.length > 0 ? [file, ...texts, ''] : [];
  });
  await expect(list.join('\n')).toMatchFileSnapshot('messages.txt');
});
