import { readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { listWorktrees } from '../../src/adapters/git/worktree/list.ts';
import { removeWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { bundleScript, runScript } from '../support/child-script.ts';
import { git, listRefs, makeClone } from '../support/git-repos.ts';
import { makeScriptFolder, makeTemp } from '../support/temp.ts';

const NUMBERS = Array.from({ length: 20 }, (_, index) => index + 1);

let script: string;
beforeAll(async () => {
  script = await bundleScript(path.resolve(import.meta.dirname, '../support/worktree-child.ts'), makeScriptFolder());
});

describe('twenty processes that make worktrees of one repo at once', () => {
  it.each([50, 400])('all succeed with %i files, and none leaves anything stray', async (files) => {
    const folder = makeTemp();
    const { clone: repo } = makeClone(folder, { files });
    const start = git(repo, 'rev-parse', 'HEAD');
    const before = [listRefs(repo), git(repo, 'config', '--list'), readdirSync(path.join(repo, '.git')).sort()];
    const target = (number: number) => path.join(folder, `tickets/feat-${number}/repo`);
    const runs = NUMBERS.map((number) => runScript(script, [repo, target(number), `feat-${number}`, start]));
    const ends = await Promise.all(runs.map((run) => run.ended));
    expect(ends).toEqual(ends.map(() => ({ code: 0, stdout: 'made\n', stderr: '' })));

    const listed = await listWorktrees(repo);
    expect(listed.slice(1).map((one) => `${one.branch} ${one.path}`)).toEqual(
      NUMBERS.map((number) => `feat-${number} ${target(number)}`).sort(),
    );
    for (const number of NUMBERS) expect(git(target(number), 'status', '--porcelain')).toBe('');

    await Promise.all(
      NUMBERS.map(async (number) => {
        const old = { repoPath: repo, gitCommonDir: path.join(repo, '.git'), ownBranch: `feat-${number}` };
        const lastLook = async (): Promise<string> => start;
        await removeWorktree({ ...old, path: target(number), trash: path.join(folder, '.trash'), lastLook });
      }),
    );
    expect([listRefs(repo), git(repo, 'config', '--list'), readdirSync(path.join(repo, '.git')).sort()]).toEqual(
      before,
    );
  });
});
