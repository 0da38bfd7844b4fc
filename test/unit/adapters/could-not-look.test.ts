import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { isThere } from '../../../src/adapters/files/files.ts';
import { listMounts } from '../../../src/adapters/files/mounts.ts';
import { isKnownText } from '../../../src/adapters/git/env-text.ts';
import { snapshotFolder } from '../../../src/adapters/git/rescue/exact-folder.ts';
import { hasFiles, lookForOwnCommits } from '../../../src/adapters/git/risk/risk.ts';
import { findEntry } from '../../../src/adapters/git/worktree/entry.ts';
import { describeFolder } from '../../../src/adapters/git/worktree/place.ts';
import { openPortLeases } from '../../../src/adapters/net/port-leases.ts';
import { isAlive, selfIdentity } from '../../../src/adapters/process/identity.ts';
import { listProcesses } from '../../../src/adapters/process/table.ts';
import { type PostgresTools, requireData } from '../../../src/adapters/servers/postgres-data.ts';
import { listTicketFolders } from '../../../src/orchestrator/doctor/traces.ts';
import { makeTemp } from '../../support/temp.ts';

/** Runs something while this process has no descriptor left. */
async function withoutDescriptors<Result>(run: () => Promise<Result>): Promise<Result> {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    return await run();
  } finally {
    for (const one of taken) closeSync(one);
  }
}

describe('what could not be looked at', () => {
  let temp: string;
  /** A path behind links that lead in a circle: whether something is there nobody can see, root included. */
  let hidden: string;
  beforeEach(() => {
    temp = makeTemp();
    symlinkSync('circle', path.join(temp, 'circle'));
    hidden = path.join(temp, 'circle/it');
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a path', () => isThere(hidden)],
    ['a worktree’s place', () => describeFolder(hidden)],
    ['a folder that may hold files of a person', () => hasFiles(hidden)],
    ['a folder of which all is to be saved', () => snapshotFolder(temp, hidden)],
    [
      'a repo with commits that nothing else leads to',
      () =>
        lookForOwnCommits({ repoPath: hidden, gitCommonDir: hidden, worktree: temp, branch: 'x', ownsBranch: true }),
    ],
    ['what git knows of worktrees', () => findEntry(hidden, '/nowhere')],
    ['the folder of all tickets', () => listTicketFolders(path.join(hidden, 'root'), undefined)],
  ])('is not gone: %s', async (_, look) => {
    await expect(look()).rejects.toThrow(/^cannot look at .*its links lead in a circle$/);
  });

  it('is not known text of an env file', async () => {
    const [worktree, repoPath] = [path.join(temp, 'worktree'), path.join(temp, 'repo')];
    for (const folder of [worktree, repoPath]) mkdirSync(folder);
    const question = { worktree, repoPath, file: '.env', noted: undefined };
    expect(await isKnownText(question)).toBe(true);
    symlinkSync('.env', path.join(worktree, '.env'));
    expect(await isKnownText(question)).toBe(false);
  });

  it('is not a Postgres that has no data yet', async () => {
    const [folder, data] = [temp, path.join(temp, 'data')];
    symlinkSync('data', data);
    const place = { folder, data, log: path.join(folder, 'log'), applied: path.join(folder, 'applied') };
    const tools: PostgresTools = { initdb: 'true', postgres: 'true', env: {}, user: undefined };
    await expect(requireData(place, tools, new AbortController().signal)).rejects.toThrow('lead in a circle');
  });

  it('is not a root that has given up its ports', async () => {
    const env = { XDG_STATE_HOME: temp };
    mkdirSync(path.join(temp, 'stack/leases'), { recursive: true, mode: 0o700 });
    const lease = path.join(temp, 'stack/leases/0123456789.json');
    writeFileSync(lease, JSON.stringify({ root: hidden, ports: [4001] }), { mode: 0o600 });
    const ports = openPortLeases({ root: path.join(temp, 'root'), env, warn: () => undefined });
    await ports.find({ name: 'api', from: 42_001, to: 42_100 }, new Set());
    expect(await isThere(lease)).toBe(true);
  });

  it.skipIf(process.platform !== 'linux')(
    'is, for want of descriptors, neither dead, ended nor unmounted',
    async () => {
      const self = selfIdentity();
      await expect(withoutDescriptors(() => isAlive(self))).rejects.toThrow('EMFILE');
      await expect(withoutDescriptors(() => listProcesses())).rejects.toThrow('EMFILE');
      await expect(withoutDescriptors(() => listMounts('/'))).rejects.toThrow('too many files are open');
    },
  );
});
