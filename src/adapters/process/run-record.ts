import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseFields } from '../../domain/json.ts';
import { inFolder } from '../../domain/layout.ts';
import { rootIdOf } from '../../domain/names.ts';
import { ifReadable, ifThere } from '../files/file-errors.ts';
import { makeFolder, readFileIfThere, replaceFile } from '../files/files.ts';
import { endWhole, type GroupIdentity } from './group.ts';

/** What `Runtime.run` has begun, a file for each command: it is there until all of the command has ended. */
interface RunRecord extends GroupIdentity {
  rootId: string;
  instance: string;
  repo: string;
}

type RunRef = Pick<RunRecord, 'instance' | 'repo'>;

/** Returns a name that only the processes of one run of a workload's command carry: `findMarked` knows it for the workload's. */
export function nameRun(workload: string): string {
  return `${workload}#${randomBytes(4).toString('hex')}`;
}

/** Writes down what is about to run. Returns what deletes that again. Throws `files`. */
export async function noteRun(
  root: string,
  { instance, repo }: RunRef,
  group: GroupIdentity,
): Promise<() => Promise<void>> {
  const folder = folderOf(root, instance);
  const file = path.join(folder, `${group.name.slice(group.name.lastIndexOf('#') + 1)}.run`);
  await makeFolder(folder);
  await replaceFile(file, JSON.stringify({ rootId: rootIdOf(root), instance, repo, ...group }));
  return () => rm(file, { force: true });
}

/** Ends what a command of stack that was killed has left running of a repo's own commands. None is done. Throws `process`. */
export async function endRuns(root: string, { instance, repo }: RunRef): Promise<void> {
  for (const { file, run } of await readFiles(root, instance)) {
    if (run && run.repo !== repo) continue;
    if (run) await endWhole(run);
    await rm(file, { force: true });
  }
}

/** Returns what was begun of an instance's own commands and has not been seen to end. */
export async function listRuns(root: string, instance: string): Promise<RunRecord[]> {
  return (await readFiles(root, instance)).flatMap(({ run }) => run ?? []);
}

/** What cannot be read, or was copied with its root and names processes of the other, is no record. */
async function readFiles(root: string, instance: string): Promise<{ file: string; run: RunRecord | undefined }[]> {
  const folder = folderOf(root, instance);
  const names = ((await ifThere(readdir(folder))) ?? []).filter((name) => name.endsWith('.run'));
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      const run = parseFields<RunRecord>(await ifReadable(readFileIfThere(file)));
      // The start is empty where nobody could look.
      const isTold = typeof run.startTime === 'string' && typeof run.name === 'string' && run.name !== '';
      const isWhole = Number.isInteger(run.pid) && Number(run.pid) > 1 && isTold;
      const isOurs = run.rootId === rootIdOf(root) && run.instance === instance;
      return { file, run: isWhole && isOurs ? (run as RunRecord) : undefined };
    }),
  );
}

function folderOf(root: string, instance: string): string {
  return inFolder(root, 'run', instance);
}
