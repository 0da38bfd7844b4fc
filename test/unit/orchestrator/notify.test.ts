import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { notify } from '../../../src/orchestrator/core/notify.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'stack-notify-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('counts what is too much for a variable to tell', async () => {
  const warnings: unknown[] = [];
  const stack = {
    ...{ root, env: { PATH: process.env.PATH }, signal: new AbortController().signal },
    ...{ requireTrust: async () => undefined, emit: (event: unknown) => warnings.push(event) },
    config: async () => ({ notify: `printf '%s' "$STACK_TEXT" >told` }),
  } as unknown as Stack;
  const lines = Array.from({ length: 30 }, (_, index) => `${index} ${'x'.repeat(6000)}`);
  await notify(stack, { event: 'collision', tickets: ['one', 'two'], text: lines.join('\n') });
  const told = readFileSync(path.join(root, 'told'), 'utf8').split('\n');
  expect(warnings).toEqual([]);
  expect(told.slice(0, 20).map((line) => line.split(' ')[0])).toEqual(lines.slice(0, 20).map((_, index) => `${index}`));
  expect(told.slice(20)).toEqual(['and 10 more']);
});
