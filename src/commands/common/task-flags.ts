import path from 'node:path';
import type { Context } from '../../context.ts';
import { StackError } from '../../domain/errors.ts';
import type { Verb } from './verb.ts';

/** What one may say of the work that a ticket is made for. */
export interface TaskFlags {
  task?: string;
  taskFile?: string;
  context?: string[];
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
  const files = context.map((file) => path.resolve(host.cwd, file));
  if (taskFile === undefined) return { ...(task !== undefined && { task }), context: files };
  const { readTaskFile, requireUtf8 } = await import('../../orchestrator/runs/brief/documents.ts');
  if (taskFile !== '-') return { task: await readTaskFile(path.resolve(host.cwd, taskFile)), context: files };
  if (host.stdin.isTTY) {
    throw new StackError('usage', '--task-file -: nothing comes on the standard input', {
      hint: '`stack create TICKET -F - < task.md`',
    });
  }
  return { task: requireUtf8(Buffer.concat(await host.stdin.toArray()), 'the standard input'), context: files };
}
