import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { POINTER_FILE, renderPointer } from '../../adapters/config-file.ts';
import { isThere, makeFolder, readFileIfThere, replaceFile } from '../../adapters/files.ts';
import { refuseLinkedFolder } from '../../adapters/own-folders.ts';
import { sweepTemporaries } from '../../adapters/temporary.ts';
import type { Step } from '../../domain/step.ts';
import type { Work } from '../work.ts';

/** The ticket's folder with the pointer that leads from it to the root. Files that people put there keep it alive. */
export function folderStep(work: Work): Step {
  const { folder, ticket } = work.record;
  const pointer = path.join(folder, POINTER_FILE);
  const text = renderPointer({ root: work.stack.root, ticket });
  return {
    id: 'folder',
    subject: ticket,
    title: `folder ${path.relative(work.stack.root, folder)}`,
    after: [],
    async inspect() {
      await refuseLinkedFolder(work.stack.root, folder);
      const found = await readFileIfThere(pointer);
      if (found === undefined) return 'absent';
      return found === text ? 'present' : 'different';
    },
    async apply() {
      await makeFolder(folder);
      await replaceFile(pointer, text, { lasting: false });
    },
    async revert() {
      await rm(pointer, { force: true });
      await sweepTemporaries(folder);
      await removeIfEmpty(folder);
      await removeIfEmpty(path.dirname(folder));
    },
  };
}

async function removeIfEmpty(folder: string): Promise<void> {
  if (!(await isThere(folder)) || (await readdir(folder)).length > 0) return;
  await rmdir(folder);
}
