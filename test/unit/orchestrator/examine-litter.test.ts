import { lutimesSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { temporaryIn } from '../../../src/adapters/files/temporary.ts';
import { withLock } from '../../../src/adapters/lock.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import type { Evidence } from '../../../src/orchestrator/doctor/evidence.ts';
import type { Finding } from '../../../src/orchestrator/doctor/finding.ts';
import { examineLitter } from '../../../src/orchestrator/doctor/litter.ts';

let root: string;
let home: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-litter-')));
  home = path.join(root, '.stack');
  mkdirSync(home);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const nothing: Evidence = { backup: undefined, entries: [], folders: [], workloads: [], gitCommonDirs: [], unseen: [] };
const look = (): Promise<Finding[]> => examineLitter({ root } as Stack, nothing);

it('passes over the half-made lock of a living process, however old, and takes a dead one’s', async () => {
  const file = path.join(home, 'state.lock');
  const half = `${file}.0123456789abcdef`;
  await withLock(file, async () => {
    await rename(file, half);
    lutimesSync(half, 0, 0);
    expect(await look()).toEqual([]);
    const foreign = `${file}.fedcba9876543210`;
    mkdirSync(foreign);
    lutimesSync(foreign, 0, 0);
    const [found] = await look();
    expect(await found?.fix?.run()).toContain(foreign);
    expect(readdirSync(home)).toEqual([path.basename(half)]);
  });
});

it('removes what stands in the place of a lock, and not the lock that a command has taken since', async () => {
  const file = path.join(home, 'up.lock');
  mkdirSync(file);
  const [found] = await look();
  rmSync(file, { recursive: true });
  await withLock(file, async () => {
    await expect(found?.fix?.run()).rejects.toMatchObject({ code: 'busy' });
    expect(readdirSync(home)).toEqual(['up.lock']);
  });
  mkdirSync(file);
  expect(await found?.fix?.run()).toContain('removed');
  expect(readdirSync(home)).toEqual([]);
});

it('passes over what a living process writes', async () => {
  mkdirSync(temporaryIn(home));
  expect(await look()).toEqual([]);
});
