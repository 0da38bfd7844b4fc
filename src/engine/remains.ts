import path from 'node:path';
import { isThere } from '../adapters/files.ts';
import { findLocal } from '../adapters/git/branch.ts';
import { canonicalPath, findEntry } from '../adapters/git/entry.ts';
import { listAlive } from '../adapters/process/table.ts';
import { StackError } from '../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../domain/instance.ts';
import { LABELS } from '../domain/names.ts';
import { listOwnData } from './own-data.ts';
import type { Stack } from './stack.ts';
import type { Work } from './work.ts';

/**
 * Asks the world once more when everything of a ticket has been unmade: that a command went well does not mean that the
 * thing is gone. Throws `leftover` naming what is there still.
 */
export async function requireNothingLeft(work: Work): Promise<void> {
  const { stack, record } = work;
  const left = [...(await listLeft(stack, record)), ...(await listOwnData(work))];
  if (left.length === 0) return;
  throw new StackError('leftover', `${record.ticket}: still there after it was removed: ${left.join(', ')}`, {
    hint: `something may be making it again; \`stack destroy ${record.ticket}\` tries again`,
    details: { ticket: record.ticket, leftovers: left },
  });
}

/** Gives what there is of a ticket, a name each. Leases are the record's own and go with it. */
async function listLeft(stack: Stack, record: InstanceRecord): Promise<string[]> {
  const services = record.started ? Object.values(record.services) : [];
  const inDocker =
    services.some(({ runtime }) => runtime === 'docker') || record.own?.redis?.server?.provider === 'compose';
  const processes = services.filter(({ runtime }) => runtime === 'process').map(({ workload }) => workload);
  const found = await Promise.all([
    ...dedicatedRepos(record).map(([repo, own]) => listInRepo(repo, own)),
    inDocker ? listInEngine(stack, record) : [],
    listAlive(processes).then((names) => names.map((name) => `processes of ${name}`)),
    listFolders(stack, record),
  ]);
  return found.flat();
}

async function listInRepo(repo: string, own: DedicatedRepo): Promise<string[]> {
  const { path: repoPath, gitCommonDir, worktree, branch, ownsBranch } = own;
  const [folder, entry, local] = await Promise.all([
    isThere(worktree),
    canonicalPath(worktree).then((target) => findEntry(gitCommonDir, target)),
    ownsBranch && (await isThere(repoPath)) ? findLocal(repoPath, branch) : undefined,
  ]);
  return [
    ...(folder ? [`the folder ${worktree}`] : []),
    ...(entry ? [`the worktree entry ${entry.folder}`] : []),
    ...(local ? [`the branch ${branch} in ${repo}`] : []),
  ];
}

async function listInEngine(stack: Stack, record: InstanceRecord): Promise<string[]> {
  const { containers, volumes, images } = await (await stack.docker()).listOwned(stack.rootId);
  const built = new Set(Object.values(record.services).map(({ builtImage }) => builtImage));
  const isOurs = ({ labels }: { labels: Readonly<Record<string, string>> }): boolean =>
    labels[LABELS.ticket] === record.ticket;
  return [
    ...containers.filter(isOurs).map(({ name }) => `the container ${name}`),
    ...volumes.filter(isOurs).map(({ name }) => `the volume ${name}`),
    ...images.filter(({ name }) => built.has(name)).map(({ name }) => `the image ${name}`),
  ];
}

async function listFolders(stack: Stack, record: InstanceRecord): Promise<string[]> {
  const folders = ['logs', 'run'].map((name) => path.join(stack.root, '.stack', name, record.ticket));
  const there = await Promise.all(folders.map(isThere));
  return folders.filter((_, index) => there[index]).map((folder) => `the folder ${folder}`);
}
