import path from 'node:path';
import { execa } from 'execa';

export interface OwnCli {
  packageRoot: string;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Takes what the command narrates and answers, as it comes. */
  output: NodeJS.WritableStream;
}

/** Runs a command of this same stack as a person would, in a process of its own. Returns its exit code and its answer. */
export async function runOwnCli(args: readonly string[], cli: OwnCli): Promise<{ exitCode: number; stdout: string }> {
  const child = execa(process.execPath, [path.join(cli.packageRoot, 'bin/stack.js'), ...args], {
    cwd: cli.cwd,
    env: cli.env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  child.stdout.pipe(cli.output, { end: false });
  child.stderr.pipe(cli.output, { end: false });
  const { exitCode = 1, stdout } = await child;
  return { exitCode, stdout };
}
