import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { POINTER_FILE, renderPointer } from '../../adapters/config-file.ts';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { makeFolder, readFileIfThere, removeIfEmpty, replaceFile } from '../../adapters/files/files.ts';
import { refuseLinkedFolder } from '../../adapters/files/own-folders.ts';
import { sweepTemporaries } from '../../adapters/files/temporary.ts';
import { moveToTrash } from '../../adapters/files/trash.ts';
import type { Step } from '../../domain/step.ts';
import { findTrash, type Work } from '../core/work.ts';
import { findBeside, listBesideNames } from '../safety/beside.ts';
import { findLateBeside } from '../safety/late.ts';
import { folderOf, riskError } from '../safety/risks.ts';

/** The ticket's folder with the pointer that leads from it to the root. What people put there goes once it is saved. */
export function folderStep(work: Work): Step {
  const { folder, ticket } = work.record;
  const pointer = path.join(folder, POINTER_FILE);
  const text = renderPointer({ root: work.stack.root, ticket });
  let isNew = false;
  return {
    id: { kind: 'folder' },
    subject: ticket,
    title: `folder ${path.relative(work.stack.root, folder)}`,
    after: [],
    async inspect() {
      await refuseLinkedFolder(work.stack.root, folder);
      const found = await readFileIfThere(pointer);
      if (found === undefined) return 'absent';
      return found === text ? 'present' : { different: 'it led to another root or ticket' };
    },
    async apply() {
      isNew = true;
      await makeFolder(folder);
      await replaceFile(pointer, text, { lasting: false });
    },
    async revert() {
      // What came into the folder while it was made is left there, and no ticket inherits it.
      if (!isNew) await clear(work);
      await rm(pointer, { force: true });
      await sweepTemporaries(folder);
      if ((await ifThere(readdir(folder)))?.length === 0) await rmdir(folder);
      await removeIfEmpty(path.dirname(folder));
    },
  };
}

/** Asked again at the last moment: somebody may have put something there since it was looked for. Throws `dirty`. */
async function clear(work: Work): Promise<void> {
  const { record, saved } = work;
  const findings = saved ? await findLateBeside(work) : await findBeside(folderOf(record));
  if (findings.length > 0) throw riskError([{ ticket: record.ticket, repo: undefined, findings }]);
  const trash = await findTrash(work);
  for (const name of await listBesideNames(folderOf(record))) await moveToTrash(path.join(record.folder, name), trash);
}
