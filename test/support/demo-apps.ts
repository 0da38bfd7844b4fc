import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { bundleDemo } from '../../build-demo.mjs';
import { type DemoRepos, makeDemoRepos } from '../../src/orchestrator/demo/demo-repos.ts';

const CHECKOUT = path.resolve(import.meta.dirname, '../..');
const CACHE = path.join(CHECKOUT, 'node_modules/.cache/stack-demo-apps');

/** Makes the repos `front` (main, feat/ui) and `api` (main, feat/endpoint) in a folder; git reads no settings of this machine. */
export async function makeTestRepos(folder: string): Promise<DemoRepos> {
  const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
  return makeDemoRepos(folder, { templates: await builtApps(), env });
}

/** Built once for each version of the apps, by whichever test comes first. */
async function builtApps(): Promise<string> {
  const folder = path.join(CACHE, hashApps());
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  const fresh = await mkdtemp(path.join(CACHE, 'new-'));
  await bundleDemo(fresh);
  // Another test may have been faster: then its folder stays.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
  return folder;
}

function hashApps(): string {
  const templates = path.join(CHECKOUT, 'templates/demo');
  const entries = readdirSync(templates, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = [
    ...entries.map((entry) => path.join(entry.parentPath, entry.name)),
    path.join(CHECKOUT, 'build-demo.mjs'),
  ];
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(file).update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}
