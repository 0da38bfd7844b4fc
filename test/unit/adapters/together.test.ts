import { expect, it } from 'vitest';
import { lookTogether } from '../../../src/adapters/process/together.ts';

it('a look is for all who want it at the same time, and for none who wanted it after it began', async () => {
  const ends: ((fails?: boolean) => void)[] = [];
  const look = lookTogether(
    () =>
      new Promise<number>((resolve, reject) => {
        const number = ends.length;
        ends.push((fails) => (fails ? reject(new Error('blind')) : resolve(number)));
      }),
  );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const first = [look(), look()];
  await turn();
  const second = [look(), look()];
  await turn();
  expect(ends).toHaveLength(1);
  ends[0]?.();
  expect(await Promise.all(first)).toEqual([0, 0]);
  await turn();
  expect(ends).toHaveLength(2);
  const third = look();
  ends[1]?.(true);
  await Promise.all(second.map((one) => expect(one).rejects.toThrow('blind')));
  await turn();
  ends[2]?.();
  expect(await third).toBe(2);
  // What was seen a moment ago is enough for who says so.
  expect(await look(performance.now() - 600_000)).toBe(2);
  expect(ends).toHaveLength(3);
});
