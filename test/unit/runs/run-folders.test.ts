import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { InstanceRecord } from '../../../src/domain/instance.ts';
import type { RunRecord } from '../../../src/domain/runs/run.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import { writeAgentFiles } from '../../../src/orchestrator/runs/agent-files.ts';
import { listRunRecords, pruneRuns, reserveRun, writeRun } from '../../../src/orchestrator/runs/record.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'stack-runs-'));
});
afterEach(() => rmSync(root, { recursive: true }));

it.each(['.cursor', '.cursor/hooks.json'])('writes no agent’s file through a link at %s', async (link) => {
  const [folder, home] = [path.join(root, 'feat-01'), path.join(root, 'home')];
  mkdirSync(path.dirname(path.join(folder, link)), { recursive: true });
  mkdirSync(home);
  symlinkSync(link === '.cursor' ? home : path.join(home, 'hooks.json'), path.join(folder, link));
  const files = [{ path: path.join(folder, '.cursor/hooks.json'), content: '{}', mode: 0o600 }];
  const written = writeAgentFiles({ root } as Stack, { folder } as InstanceRecord, { files });
  await expect(written).rejects.toMatchObject({ code: 'files' });
  expect(readdirSync(home)).toEqual([]);
});

it('keeps the last runs that have ended, all that have not, and none that never began', async () => {
  const stack = { root, rootId: 'r' } as Stack;
  const known: { run: RunRecord; hasEnded: boolean }[] = [];
  for (let number = 1; number <= 24; number++) {
    const id = await reserveRun(stack, 'feat-01');
    const run = { rootId: 'r', ticket: 'feat-01', id, name: 'sh', marker: 'm', owner: { pid: 1, startTime: '' } };
    await writeRun(stack, run as RunRecord);
    // The first works still, and the last has never begun.
    if (number < 24) known.push({ run: run as RunRecord, hasEnded: number > 1 });
  }
  await pruneRuns(stack, 'feat-01', known);
  const left = (await listRunRecords(stack, 'feat-01')).map(({ id }) => Number(id));
  expect(left).toEqual([1, ...Array.from({ length: 20 }, (_, index) => index + 4)]);
  expect(existsSync(path.join(root, '.stack/runs/feat-01/24'))).toBe(false);
});
