import { isThere } from '../../adapters/files/files.ts';
import { findLocal } from '../../adapters/git/branch.ts';
import { canonicalPath, findEntry } from '../../adapters/git/worktree/entry.ts';
import { StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, type InstanceRecord, madeRepos, type ServiceRecord } from '../../domain/instance.ts';
import { inFolder } from '../../domain/layout.ts';
import { isBuiltImage, LABELS } from '../../domain/names.ts';
import { listRunnable } from '../../domain/own.ts';
import { traitsOf } from '../../domain/runtime.ts';
import { leftoverError } from '../core/leftover.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { listOwnData } from '../data/kinds.ts';
import { askRuntimes } from '../workloads/observe.ts';

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

/**
 * Removes what the engine has of a ticket and its record no longer names, since stack.yml changed meanwhile: volumes it
 * has dropped, images it builds no more, those a newer build left without a tag. Throws `leftover`, `engine`.
 */
export async function removeForgotten({ stack, record }: Work): Promise<void> {
  if (!isInEngine(record)) return;
  const docker = await stack.docker();
  const { volumes, images } = await docker.listOwned(stack.rootId);
  // What a person builds on an image of ours has its labels too, but a tag of its own.
  const built = images
    .filter(isOf(record))
    .filter(({ name }) => isBuiltImage(name, stack.rootId) || name.startsWith('sha256:'));
  const things = [
    ...volumes
      .filter(isOf(record))
      .map(({ name }) => ({ thing: `volume ${name}`, remove: docker.removeVolume(name, stack.rootId) })),
    ...built.map(({ name }) => ({ thing: `image ${name}`, remove: docker.removeImage(name, stack.rootId) })),
  ];
  const removals = await Promise.allSettled(things.map(({ remove }) => remove));
  const left = things.flatMap(({ thing }, index) => {
    const removal = removals[index];
    return removal?.status === 'rejected' ? [{ name: thing, error: removal.reason }] : [];
  });
  if (left.length > 0) throw leftoverError(record.ticket, left);
}

/** Returns what there is of a ticket, a name each. Leases are the record's own and go with it. */
async function listLeft(stack: Stack, record: InstanceRecord): Promise<string[]> {
  const found = await Promise.all([
    ...madeRepos(record).map(([repo, own]) => listInRepo(repo, own)),
    isInEngine(record) ? listInEngine(stack, record) : [],
    listPrograms(stack, record.started ? Object.values(record.services) : []),
    listFolders(stack, record),
  ]);
  return found.flat();
}

async function listPrograms(stack: Stack, services: readonly ServiceRecord[]): Promise<string[]> {
  const marked = await askRuntimes(stack, services, (runtime) => runtime.listMarked?.());
  const left = services.filter(({ workload }) => marked.some((name) => `${name}#`.startsWith(`${workload}#`)));
  return left.map(({ workload }) => `processes of ${workload}`);
}

function isInEngine(record: InstanceRecord): boolean {
  return record.started && listRunnable(record).some((one) => traitsOf(one).engine);
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
  return [
    ...containers.filter(isOf(record)).map(({ name }) => `the container ${name}`),
    ...volumes.filter(isOf(record)).map(({ name }) => `the volume ${name}`),
    ...images.filter(({ name }) => built.has(name)).map(({ name }) => `the image ${name}`),
  ];
}

function isOf({ ticket }: InstanceRecord): (thing: { labels: Readonly<Record<string, string>> }) => boolean {
  return ({ labels }) => labels[LABELS.ticket] === ticket;
}

async function listFolders(stack: Stack, record: InstanceRecord): Promise<string[]> {
  const folders = (['logs', 'run', 'runs'] as const).map((name) => inFolder(stack.root, name, record.ticket));
  const there = await Promise.all(folders.map(isThere));
  return folders.filter((_, index) => there[index]).map((folder) => `the folder ${folder}`);
}
