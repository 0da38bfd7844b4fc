import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';

const hook = path.resolve(import.meta.dirname, '../../templates/agents/hook.sh');
const scratch = mkdtempSync(path.join(tmpdir(), 'stack-hook-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const SHELLS = ['/bin/sh', '/bin/bash'].filter((shell) => existsSync(shell));

describe.each(SHELLS)('the hook in %s', (shell) => {
  const makeRun = (): string => mkdtempSync(path.join(scratch, 'run-'));
  const call = async (runDir: string | undefined, args: string[], input = '') => {
    const env = { PATH: process.env.PATH ?? '', ...(runDir !== undefined && { STACK_RUN_DIR: runDir }) };
    const { all, exitCode } = await execa(shell, [hook, ...args], {
      input,
      env,
      extendEnv: false,
      all: true,
      reject: false,
    });
    return { all, exitCode };
  };
  const linesOf = (runDir: string): string[] =>
    readFileSync(path.join(runDir, 'events'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^\d{10} /, ''));
  const silent = { all: '', exitCode: 0 };

  it('adds one line, from standard input or from a word', async () => {
    const run = makeRun();
    expect(await call(run, ['Stop'], '{"a":1,\n"b":"ü\r\n%s\\n"}\n')).toEqual(silent);
    expect(await call(run, ['notify', '{"t":\n"-n"}'])).toEqual(silent);
    expect(await call(run, [])).toEqual(silent);
    expect(await call(run, ['a b\nc'], 'x')).toEqual(silent);
    expect(linesOf(run)).toEqual(['Stop {"a":1, "b":"ü  %s\\n"} ', 'notify {"t": "-n"}', 'unknown ', 'unknown x']);
  });

  it('puts aside what is beyond 2 MB, and never the last of it', async () => {
    const run = makeRun();
    writeFileSync(path.join(run, 'events'), `1 old ${'x'.repeat(2_000_000)}\n`);
    expect(await call(run, ['Stop'], 'x')).toEqual(silent);
    expect(await call(run, ['Stop'], 'y')).toEqual(silent);
    expect(linesOf(run)).toEqual(['Stop y']);
    expect(readFileSync(path.join(run, 'events.1'), 'utf8')).toMatch(/x\n\d+ Stop x\n$/);
    expect(readdirSync(run).sort()).toEqual(['events', 'events.1']);
  });

  it('is harmless where no run is', async () => {
    expect(await call(undefined, ['Stop'], 'x'.repeat(200_000))).toEqual(silent);
    expect(await call(path.join(scratch, 'gone'), ['Stop'], 'x')).toEqual(silent);
    expect(await call(path.join(scratch, 'gone'), ['Stop', 'x'])).toEqual(silent);
    expect(existsSync(path.join(scratch, 'gone'))).toBe(false);
  });

  it('keeps 64 kB of a payload and 4 kB of a tool’s, and takes all of it', async () => {
    const run = makeRun();
    expect(await call(run, ['Stop'], 'x'.repeat(3_000_000))).toEqual(silent);
    expect(await call(run, ['PostToolUse'], 'x'.repeat(3_000_000))).toEqual(silent);
    expect(linesOf(run)).toEqual([`Stop ${'x'.repeat(65_536)}`, `PostToolUse ${'x'.repeat(4096)}`]);
  });

  it('tears no line of those that are called at once', async () => {
    const run = makeRun();
    const letters = Array.from({ length: 20 }, (_, index) => String.fromCharCode(97 + index));
    await Promise.all(letters.map((letter) => call(run, [letter], letter.repeat(60_000))));
    expect(linesOf(run).sort()).toEqual(letters.map((letter) => `${letter} ${letter.repeat(60_000)}`));
  });
});
