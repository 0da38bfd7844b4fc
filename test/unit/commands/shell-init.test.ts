import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHELLS } from '../../../src/commands/completion/scripts.ts';
import { shellInit, shellOf } from '../../../src/commands/completion/shell-init.ts';
import type { Context } from '../../../src/context.ts';

let folder: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-shell-init-')));
  mkdirSync(path.join(folder, 'a ticket'));
  // Stands in for the program: knows one ticket, and prints what else it is asked.
  const stack = path.join(folder, 'stack');
  writeFileSync(
    stack,
    `#!/bin/sh\n[ "$1 $2" = "path feat-01" ] && exec echo '${folder}/a ticket'\necho "<$*>"; exit 2\n`,
  );
  chmodSync(stack, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

const found = SHELLS.filter((shell) => spawnSync(shell, ['-c', 'true']).status === 0);

const initOf = async (shell: string): Promise<string> => {
  const { script } = await shellInit.run({} as Context, { args: [shell], command: [], options: {}, from: {}, on: {} });
  return script;
};

describe('what shell-init prints', () => {
  it.each(found)('goes to the folder in %s, and passes all else on', async (shell) => {
    const lines = ['stack cd feat-01; pwd', 'stack cd feat-1; pwd', 'stack cd --help', 'stack ps "a b"'];
    const { stdout } = spawnSync(shell, ['-c', `${await initOf(shell)}\ncd /\n${lines.join('\n')}`], {
      env: { PATH: `${folder}:/usr/bin:/bin`, HOME: folder },
      encoding: 'utf8',
    });
    expect(stdout.trimEnd().split('\n')).toEqual([
      `${folder}/a ticket`,
      `${folder}/a ticket`,
      '<cd --help>',
      '<ps a b>',
    ]);
  });

  it('is for the shells that there is completion for', async () => {
    await expect(initOf('tcsh')).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('bash, zsh, fish'),
    });
    expect([{ SHELL: '/bin/zsh' }, { SHELL: '/usr/bin/fish' }, { SHELL: '/bin/dash' }, {}].map(shellOf)).toEqual([
      'zsh',
      'fish',
      'bash',
      'bash',
    ]);
  });
});
