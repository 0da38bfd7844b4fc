import { expect } from 'vitest';
import { type ErrorCode, EXIT_CODES } from '../../src/domain/errors.ts';
import type { Run } from './product.ts';
import type { Shop, StackOptions } from './shop.ts';

/** What a refused command should say. */
export interface Refusal {
  code: ErrorCode;
  message: RegExp;
  /** Undefined where the message itself says what would do. */
  hint: RegExp | undefined;
}

/**
 * Runs a command that must be refused, for a person and for a program, and checks what holds for every refusal: the exit
 * code of the table, one clear line with a hint, one JSON document, and that nothing was made or changed.
 */
export async function expectRefusal(
  shop: Shop,
  args: readonly string[],
  { code, message, hint }: Refusal,
  options: StackOptions = {},
): Promise<Run> {
  const before = shop.photograph();
  const told = await shop.stack(args, options);
  const [headline, ...more] = told.stderr.split('\n');
  const advice = hint && more.shift();
  expect.soft(headline).toMatch(/^stack: /);
  expect.soft(headline?.replace('stack: ', '')).toMatch(message);
  if (hint) expect.soft(advice).toMatch(/^hint: /);
  if (hint) expect.soft(advice?.replace('hint: ', '')).toMatch(hint);
  expect.soft(more.filter((line) => !line.startsWith('  '))).toEqual([]);
  expect.soft(told).toMatchObject({ code: EXIT_CODES[code], stdout: '' });

  const [verb = '', ...rest] = args;
  const read = await shop.stack([verb, '--json', ...rest], options);
  expect.soft(read).toMatchObject({ code: EXIT_CODES[code], stderr: '' });
  const { error, ...others } = parseOne(read);
  expect.soft(error).toMatchObject({
    ...{ code, message: expect.stringMatching(message), hint: hint ? expect.stringMatching(hint) : null },
  });
  expect.soft(Object.keys({ ...others, ...(error as object) })).toEqual(['code', 'message', 'hint', 'details']);
  expect(shop.photograph()).toBe(before);
  return told;
}

function parseOne({ stdout }: Run): { error?: unknown } {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`not one JSON document: ${JSON.stringify(stdout)}`);
  }
}
