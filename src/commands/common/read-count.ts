import { StackError } from '../../domain/errors.ts';

/** Returns a number of things as a flag says it; undefined where it is not given. Throws `usage`. */
export function readCount(given: string | undefined, flag: string): number | undefined {
  if (given === undefined) return undefined;
  if (/^[1-9]\d{0,6}$/.test(given)) return Number(given);
  throw new StackError('usage', `${flag} takes a number, not ${JSON.stringify(given)}`, { hint: `e.g. ${flag} 20` });
}
