import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { askTool, askToolNow, lookForTools, seenOr, type Tool } from '../../../src/adapters/process/ask-tool.ts';
import { makeTemp } from '../../support/temp.ts';

describe('a program of the system', () => {
  let temp: string;
  const warnings: string[] = [];
  beforeEach(() => {
    temp = makeTemp();
    warnings.length = 0;
    onTestFinished(() => lookForTools({}));
  });

  /** Puts a script in the place of both; without one nothing is there. */
  function stand(script?: string, { searchPath = '', mode = 0o755 } = {}): void {
    const file = path.join(temp, 'tool');
    if (script !== undefined) writeFileSync(file, `#!/bin/sh\n${script}\n`);
    if (script !== undefined) chmodSync(file, mode);
    const places: Record<Tool, string[]> = { ps: [file], lsof: [file], sysctl: [file], mount: [file] };
    lookForTools({ searchPath, places, warn: (text) => warnings.push(text) });
  }

  async function ask(tool: Tool): Promise<string> {
    const [now, later] = [catchCode(() => askToolNow(tool, ['x'])), await askTool(tool, ['x']).catch((error) => error)];
    expect(now instanceof Error ? now.message : now).toBe(later instanceof Error ? later.message : later);
    if (later instanceof Error) throw later;
    return later;
  }

  function catchCode(look: () => string): unknown {
    try {
      return look();
    } catch (error) {
      return error;
    }
  }

  it.each<[string, Tool, string]>([
    ['ps: exit 1 and silence', 'ps', 'exit 1'],
    ['lsof: exit 1 and silence', 'lsof', 'exit 1'],
  ])('has found nothing: %s', async (_, tool, script) => {
    stand(script);
    expect(await ask(tool)).toBe('');
  });

  it('lsof: has found what it prints, although not all of it', async () => {
    stand('echo p1; exit 1');
    expect(await ask('lsof')).toBe('p1\n');
  });

  it.each<[string, Tool, string | undefined, string]>([
    ['is missing', 'ps', undefined, 'cannot see what runs: there is no ps'],
    ['is missing', 'lsof', undefined, 'cannot see who uses a folder or a port: there is no lsof'],
    [
      'is refused',
      'ps',
      'echo "sh: /bin/ps: Operation not permitted" >&2; exit 1',
      'cannot see what runs: ps may not be run here',
    ],
    [
      'is refused',
      'ps',
      'echo "Operation not permitted" >&2; exit 126',
      'cannot see what runs: ps may not be run here',
    ],
    ['says why it failed', 'ps', 'echo "ps: no table" >&2; exit 1', 'cannot see what runs: ps fails: ps: no table'],
    ['fails', 'lsof', 'exit 3', 'cannot see who uses a folder or a port: lsof fails with exit code 3'],
    ['printed a part of the table', 'ps', 'echo 1; exit 1', 'cannot see what runs: ps fails with exit code 1'],
    ['is killed', 'ps', 'kill -KILL $$', 'cannot see what runs: ps was ended by SIGKILL'],
  ])('could not look where it %s (%s)', async (_, tool, script, message) => {
    stand(script);
    await expect(ask(tool)).rejects.toMatchObject({ code: 'unseen', message, hint: expect.stringContaining('/tool') });
  });

  it('could not look where it may not be executed', async () => {
    stand('echo 1', { mode: 0o644 });
    await expect(ask('ps')).rejects.toMatchObject({ message: 'cannot see what runs: ps may not be run here' });
  });

  it('could not look where it does not answer in its time', async () => {
    stand('exec sleep 60');
    await expect(askTool('lsof', [], { timeout: 50 })).rejects.toMatchObject({
      code: 'unseen',
      message: 'cannot see who uses a folder or a port: lsof does not answer',
    });
  });

  it('is found on the PATH where it is not in its place, and never in a folder named from the current one', async () => {
    const folder = path.join(temp, 'bin');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'ps'), '#!/bin/sh\necho "$@ $LC_ALL $TZ"\n', { mode: 0o755 });
    stand(undefined, { searchPath: `bin:${folder}` });
    expect(await ask('ps')).toBe('x C UTC\n');
    stand(undefined, { searchPath: path.relative(process.cwd(), folder) });
    await expect(ask('ps')).rejects.toThrow('there is no ps');
  });

  it('that could not look is told of once, with what cures it', async () => {
    stand(undefined);
    expect(await seenOr('unknown', askTool('ps', []))).toBe('unknown');
    expect(await seenOr('unknown', askTool('ps', []))).toBe('unknown');
    expect(warnings).toEqual([
      `cannot see what runs: there is no ps: it belongs to the system as ${temp}/tool: install it, or put its folder on the PATH`,
    ]);
    await expect(seenOr('unknown', Promise.reject(new TypeError('a fault')))).rejects.toThrow('a fault');
  });
});
