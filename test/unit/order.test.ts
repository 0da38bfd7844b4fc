import { expect, test } from 'vitest';
import { findCycle } from '../../src/domain/order.ts';

const of = (graph: Record<string, string[]>) => (name: string) => graph[name] ?? [];

test('dependencies that are not among the names are ignored', () => {
  expect(findCycle(['b'], of({ b: ['a'], a: ['b'] }))).toBeUndefined();
});

test('a cycle is shown as a way round, without what leads to it', () => {
  const graph = of({ x: ['a'], a: ['b'], b: ['c'], c: ['a'] });
  expect(findCycle(['x', 'a', 'b', 'c'], graph)).toEqual(['a', 'b', 'c', 'a']);
});

test('two ways to the same thing are no cycle', () => {
  expect(findCycle(['a', 'b', 'c', 'd'], of({ a: ['b', 'c'], b: ['d'], c: ['d'] }))).toBeUndefined();
});

test('a deep diamond is walked in no time', () => {
  const names = Array.from({ length: 60 }, (_, index) => `s${index}`);
  const both = (name: string) => [1, 2].map((step) => `s${Number(name.slice(1)) + step}`);
  expect(findCycle(names, both)).toBeUndefined();
});
