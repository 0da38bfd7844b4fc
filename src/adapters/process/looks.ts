import { StackError } from '../../domain/errors.ts';
import { listWorkingFolders } from './inside.ts';
import { readPsTable } from './ps-table.ts';

/**
 * Returns the looks at processes that commands stand on, by the program that takes them: each says what is well, and throws
 * `unseen`. None on Linux, where /proc tells.
 */
export function listLooks(): Record<string, () => Promise<string>> {
  if (process.platform === 'linux') return {};
  return {
    async ps() {
      if (!(await readPsTable()).has(process.pid)) throw blind('ps');
      return 'ps tells what runs';
    },
    async lsof() {
      if (!(await listWorkingFolders([process.pid])).has(process.pid)) throw blind('lsof');
      return 'lsof tells who works in a folder';
    },
  };
}

function blind(tool: string): StackError {
  return new StackError('unseen', `${tool} tells nothing of the process that asks`, {
    hint: 'run stack outside of the sandbox that hides it',
  });
}
