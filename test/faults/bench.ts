import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll } from 'vitest';
import { bundle } from '../../build.mjs';
import type { Bench } from './matrix.ts';

/** Bundles the script that runs a command with faults in it, and gives it with a folder for its notes; both go with the test file. */
export async function makeBench(checkout: string): Promise<Bench> {
  // Below the checkout, where the packages are found that are loaded late.
  const cache = path.join(checkout, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'stack-faults-'));
  folders.push(folder);
  const require =
    "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";
  await bundle({ 'fault-child': path.join(checkout, 'test/support/fault-child.ts') }, folder, {
    banner: { js: require },
  });
  copyFileSync(path.join(checkout, 'dist/mcp.cjs'), path.join(folder, 'mcp.cjs'));
  return { script: path.join(folder, 'fault-child.js'), scratch: folder };
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
