import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { build } from 'esbuild';

/** Returns a file that plain Node runs, made from a TypeScript one; it lies in `folder`. */
export async function bundleScript(entry: string, folder: string): Promise<string> {
  const outfile = path.join(folder, `${path.basename(entry, '.ts')}.mjs`);
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

/** What a child came to. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a script in a process of its own. Returns the process and, once it has ended, what it came to. */
export function runScript(file: string, args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => {
    out.stdout += data;
  });
  child.stderr.on('data', (data) => {
    out.stderr += data;
  });
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...out })));
  return { child, ended };
}
