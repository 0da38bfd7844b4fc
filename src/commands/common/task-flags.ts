import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../../context.ts';
import { StackError } from '../../domain/errors.ts';
import { listValues, type Verb } from './verb.ts';

/** What one may say of the work that a ticket is made for. */
export interface TaskFlags {
  task?: string;
  taskFile?: string;
  context?: string[];
}

/** Returns the files that are named, absolute: `a.md,b.md` are two where no file is called so. */
function listFiles(cwd: string, said: readonly string[]): string[] {
  const isOne = (name: string): boolean => !name.includes(',') || existsSync(path.resolve(cwd, name));
  return said.flatMap((name) => (isOne(name) ? [name] : listValues([name]))).map((name) => path.resolve(cwd, name));
}

/** The flags of `TaskFlags`. */
export const TASK_FLAGS: Verb['flags'] = [
  ['--task <text>', 'what is to be done in it, for who works there: TICKET.md in its folder has it'],
  ['-F, --task-file <file>', 'the same from a file; `-` is the standard input'],
  ['--context <file...>', 'a document for it, such as an interface contract: copied into its folder'],
];

/**
 * Returns what the flags say, as `create` takes it. Throws `usage` for two tasks, no terminal's input, and a file that can be none;
 * `files`.
 */
export async function readTaskFlags(
  { host }: Context,
  { task, taskFile, context = [] }: TaskFlags,
): Promise<{ task?: string; context: string[] }> {
  if (task !== undefined && taskFile !== undefined) {
    throw new StackError('usage', '--task and --task-file exclude each other', { hint: 'say the task once' });
  }
  const files = listFiles(host.cwd, context);
  if (taskFile === undefined) return { ...(task !== undefined && { task }), context: files };
  const { readTaskFile, readTaskStream } = await import('../../orchestrator/runs/brief/documents.ts');
  if (taskFile !== '-') return { task: await readTaskFile(path.resolve(host.cwd, taskFile)), context: files };
  if (host.stdin.isTTY) {
    throw new StackError('usage', '--task-file -: nothing comes on the standard input', {
      hint: '`stack create TICKET -F - < task.md`',
    });
  }
  return { task: await readTaskStream(host.stdin), context: files };
}
