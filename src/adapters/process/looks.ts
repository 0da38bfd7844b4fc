import { blind } from './ask-tool.ts';
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
      await readPsTable();
      return 'ps tells what runs';
    },
    async lsof() {
      if (!(await listWorkingFolders([process.pid])).has(process.pid)) throw blind('lsof');
      return 'lsof tells who works in a folder';
    },
  };
}
