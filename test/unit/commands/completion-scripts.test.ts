import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderCompletion } from '../../../src/commands/completion/scripts.ts';
import { quoteForShell } from '../../../src/domain/shell.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'stack-completion-'));
  const stack = path.join(folder, 'stack');
  // Stands in for the program: writes down what it was asked, answers from a file.
  writeFileSync(stack, `#!/bin/sh\nprintf '<%s>' "$@" > ${folder}/asked\ncat ${folder}/answer\n`);
  chmodSync(stack, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What bash would offer, with the words as readline splits them; they stand apart in the line but where readline splits. */
function completeInBash(words: string[], answer: string): { offered: string[]; asked: string } {
  writeFileSync(path.join(folder, 'answer'), answer);
  const line = ['stack', ...words].join(' ').replaceAll(/ ?([=@]) ?/g, '$1');
  const script = `${renderCompletion('bash')}
    COMP_LINE=${quoteForShell(line)}; COMP_POINT=\${#COMP_LINE}
    COMP_WORDS=(stack "$@"); COMP_CWORD=$#; _stack
    for word in "\${COMPREPLY[@]}"; do printf '%s\\n' "$word"; done`;
  const env = { PATH: `${folder}:/usr/bin:/bin` };
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], {
    env,
    encoding: 'utf8',
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return {
    offered: stdout.split('\n').filter(Boolean),
    asked: readFileSync(path.join(folder, 'asked'), 'utf8'),
  };
}

function hasShell(shell: string): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0;
}

describe('the bash script', () => {
  it('asks with the word being typed last, and drops the descriptions', () => {
    expect(completeInBash(['destroy', ''], 'feat-01\tone\nfeat-02\n')).toEqual({
      offered: ['feat-01', 'feat-02'],
      asked: '<__complete><--><destroy><>',
    });
  });

  it('puts together what readline splits at =, and answers for its part only', () => {
    expect(completeInBash(['create', 'x', '--with', '=', 'fr'], '--with=front\n')).toEqual({
      offered: ['front'],
      asked: '<__complete><--><create><x><--with=fr>',
    });
    expect(completeInBash(['create', '--with', '='], '--with=front\n--with=api\n')).toEqual({
      offered: ['front', 'api'],
      asked: '<__complete><--><create><--with=>',
    });
    expect(completeInBash(['create', '--with', '=', 'api', '--j'], '--json\n').asked).toBe(
      '<__complete><--><create><--with=api><--j>',
    );
  });

  it('puts together what readline splits at @ too', () => {
    expect(completeInBash(['create', '--from-api', '=', 'me', '@', 'f'], '--from-api=me@feat\n')).toEqual({
      offered: ['feat'],
      asked: '<__complete><--><create><--from-api=me@f>',
    });
  });

  it('takes what a branch is called for text, however it was begun', () => {
    const evil = '--on-api=a$(touch pwned)`b`"c;\'d\n';
    const begin = (typed: string) => completeInBash(['create', '--on-api', '=', typed], evil);
    expect(begin('a')).toEqual({
      offered: ['a\\$\\(touch\\ pwned\\)\\`b\\`\\"c\\;\\\'d'],
      asked: '<__complete><--><create><--on-api=a>',
    });
    expect(begin('a\\$').asked).toBe('<__complete><--><create><--on-api=a$>');
    expect(begin("'a$").asked).toBe('<__complete><--><create><--on-api=a$>');
    expect(begin("'a$").offered).toEqual(["a$(touch pwned)`b`\"c;'\\''d"]);
    expect(begin('"a').offered).toEqual(['a\\$(touch pwned)\\`b\\`\\"c;\'d']);
  });

  it('completes files and programs by itself where it is told to', () => {
    expect(completeInBash(['db', 'a', 'dump', `${folder}/as`], ':files\n').offered).toEqual([`${folder}/asked`]);
    expect(completeInBash(['exec', 'a', '--', 'prin'], ':command 1\n').offered).toContain('printf');
  });

  it('offers nothing when there is no answer', () => {
    expect(completeInBash(['nope', ''], '').offered).toEqual([]);
  });
});

describe('the scripts', () => {
  it.each(['bash', 'zsh', 'fish'])('%s has the right syntax', (shell) => {
    const script = renderCompletion(shell);
    expect(script).toContain('stack __complete --');
    if (!hasShell(shell)) {
      console.warn(`${shell} is not installed: its syntax was not checked`);
      return;
    }
    const file = path.join(folder, `script.${shell}`);
    writeFileSync(file, script);
    expect(spawnSync(shell, ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it('are refused for other shells, with the ones there are', () => {
    expect(() => renderCompletion('tcsh')).toThrow(
      expect.objectContaining({ code: 'usage', hint: 'use one of: bash, zsh, fish' }),
    );
  });
});
