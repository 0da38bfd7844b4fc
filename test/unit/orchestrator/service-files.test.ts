import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildSpec } from '../../../src/orchestrator/workloads/spec.ts';
import { config, makeWork } from './ticket.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stack-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns the variables of the front-end with these files of its own, some of them in its worktree. */
async function envWith(envFiles: string[]): Promise<Record<string, string>> {
  const { front } = config.services;
  const services = { ...config.services, front: { ...front!, envFiles, env: { PORT: '${ticket}' } } };
  const work = {
    ...makeWork({ runtime: 'process', own: false, provider: 'embedded' }),
    config: { ...config, services },
  };
  const places = { path: path.join(folder, 'main'), worktree: path.join(folder, 'tree') };
  Object.assign(work.record.repos.front ?? {}, places);
  return (await buildSpec(work, 'front')).env;
}

function write(file: string, text: string): void {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), text);
}

describe('env files of a service', () => {
  write('main/.env', 'A=main\nPORT=1\n');
  write('main/.env.dev', 'A=old\n');
  write('tree/.env.dev', 'A=tree\n');

  it('lie below what stack.yml says, the last with the most to say', async () => {
    expect(await envWith(['.env', '.env.dev'])).toMatchObject({ A: 'tree', PORT: 'feat-01', STACK_TICKET: 'feat-01' });
    expect((await envWith(['.env.dev', '.env'])).A).toBe('main');
  });

  it('that are nowhere are named, with where they would be read from', async () => {
    await expect(envWith(['.env.none'])).rejects.toMatchObject({
      code: 'config',
      message: 'front: the env file .env.none is not in front',
      hint: expect.stringContaining(path.join(folder, 'main')),
    });
  });
});
