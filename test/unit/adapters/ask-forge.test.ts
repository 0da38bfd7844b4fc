import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { askForge } from '../../../src/adapters/forge/ask-forge.ts';
import { makeTemp } from '../../support/temp.ts';

const call = { program: 'gh', env: {}, method: 'GET', path: 'user' } as const;

it('ends a program of a forge at its deadline, and what that has started', async () => {
  const folder = makeTemp();
  writeFileSync(path.join(folder, 'gh'), '#!/bin/sh\nsleep 300\n', { mode: 0o755 });
  const session = { env: { PATH: `${folder}:${process.env.PATH}` }, signal: new AbortController().signal };
  const asked = askForge({ ...session, host: 'github.com', deadlineMs: 200 }, call);
  await expect(asked).rejects.toMatchObject({ message: 'github.com gave gh no answer within 0.2 s' });
  const stopped = askForge({ ...session, host: 'github.com', signal: AbortSignal.timeout(200) }, call);
  await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
});
