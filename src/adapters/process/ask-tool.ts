import { type ExecFileOptions, execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Returns what `ps` or `lsof` says; '' where there is no such program, or it runs out of its time. Both end with 1 where they find
 * nothing, or not all of it. Throws the system's error where it cannot be started otherwise.
 */
export async function askTool(
  tool: 'ps' | 'lsof',
  args: readonly string[],
  options: ExecFileOptions = {},
): Promise<string> {
  try {
    return (await run(tool, args, { ...options, encoding: 'utf8' })).stdout;
  } catch (error) {
    const { code, stdout = '' } = error as { code?: string | number; stdout?: string };
    if (typeof code === 'string' && code !== 'ENOENT') throw error;
    return stdout;
  }
}
