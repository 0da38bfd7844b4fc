import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** Makes a folder for the test that runs, and deletes it with the test. Returns its real path. */
export function makeTemp(name = 'test'): string {
  const folder = mkdtempSync(path.join(realpathSync(tmpdir()), `stack-${name}-`));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

const scriptFolders: string[] = [];
// A worker of the test runner is ended without its exit handlers.
afterAll(() => {
  for (const folder of scriptFolders) rmSync(folder, { recursive: true, force: true });
});

/** Makes a folder for what the tests of a file share; call it in `beforeAll`. Deleted when they are done. */
export function makeScriptFolder(): string {
  const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'stack-scripts-'));
  scriptFolders.push(folder);
  return folder;
}
