import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleDemo } from '../../build-demo.mjs';
import { type DemoRepos, makeDemoRepos } from '../../src/engine/demo-repos.ts';

let templates: Promise<string> | undefined;

/** Gives the folder of the demo's apps, built once in a test process. */
function builtDemoApps(): Promise<string> {
  templates ??= buildOnce();
  return templates;
}

/** Deletes what `builtDemoApps` made; for `afterAll`. */
export async function removeDemoApps(): Promise<void> {
  if (templates) await rm(await templates, { recursive: true, force: true });
  templates = undefined;
}

/** Makes the repos `front` (main, feat/ui) and `api` (main, feat/endpoint) in a folder; git reads no settings of this machine. */
export async function makeTestRepos(folder: string): Promise<DemoRepos> {
  return makeDemoRepos(folder, { templates: await builtDemoApps(), env: cleanGitEnv() });
}

function cleanGitEnv(): Record<string, string | undefined> {
  return { PATH: process.env.PATH, HOME: '/nonexistent' };
}

async function buildOnce(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stack-demo-apps-'));
  await bundleDemo(folder);
  return folder;
}
