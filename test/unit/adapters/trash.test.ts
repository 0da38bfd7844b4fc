import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAbandoned } from '../../../src/adapters/files/temporary.ts';
import { sweepTrash } from '../../../src/adapters/files/trash.ts';
import { readStat } from '../../../src/adapters/process/stat.ts';
import { makeTemp } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

/** Makes what a deletion by that process left, and returns its path. */
function makeLeft(trash: string, pid: number | undefined): string {
  const left = path.join(trash, `front-0123abcd.${pid}`);
  mkdirSync(left, { recursive: true });
  writeFileSync(path.join(left, 'file'), '');
  return left;
}

/** Uses the number of a process that has ended, and whose parent never asks for its exit code. */
async function withZombie(use: (pid: number) => Promise<void>): Promise<void> {
  const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await until('it has ended', () => readStat(pid)?.zombie);
    await use(pid);
  } finally {
    parent.kill('SIGKILL');
  }
}

describe('what a deletion left', () => {
  it('is deleted once the process that deleted it has ended', async () => {
    const trash = path.join(makeTemp(), 'trash');
    const left = makeLeft(trash, spawnSync('true').pid);
    expect(await sweepTrash(trash)).toEqual([]);
    await until('it is deleted', () => !existsSync(left));
  });

  it.runIf(process.platform === 'linux')('is deleted also where nobody has asked for that one’s exit code', () =>
    withZombie(async (pid) => {
      const trash = path.join(makeTemp(), 'trash');
      const left = makeLeft(trash, pid);
      expect(isAbandoned(`.stack-${pid}-0123abcd.tmp`)).toBe(true);
      expect(await sweepTrash(trash)).toEqual([]);
      await until('it is deleted', () => !existsSync(left));
    }),
  );

  it('is left to a process that is at it', async () => {
    const trash = path.join(makeTemp(), 'trash');
    makeLeft(trash, process.pid);
    expect(await sweepTrash(trash)).toEqual([]);
    expect(readdirSync(trash)).toHaveLength(1);
  });
});
