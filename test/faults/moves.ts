import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { must } from './clear.ts';
import { TICKET } from './corners.ts';
import type { Subject } from './subjects.ts';
import type { FaultWorld } from './world.ts';

/** Those of which a ticket has copies. */
export const REPOS = ['front', 'api'] as const;
/** Returns the folder of a repo in the ticket. */
export const folderOf = (repo: string): string => `tickets/${TICKET}/${repo}`;
/** What the other side brings: a new file, in a folder of its own too, and a change. */
const BROUGHT = { 'news.txt': 'News.\n', 'deep/news.txt': 'Deep news.\n', 'server.mjs': '// Changed.\n' };

/** Commands that move branches of several repos with the files of their checkouts. Runtimes have no say in them. */
export const MOVES: readonly Subject[] = [
  syncSubject('rebase'),
  syncSubject('merge'),
  {
    name: 'merge',
    args: ['merge', TICKET, '--committed'],
    files: true,
    async prepare(world) {
      keepBases(world);
      await must(world, 'create', TICKET, '--no-start');
      for (const repo of REPOS) {
        commitFiles(world, folderOf(repo), BROUGHT);
        leaveStaged(world, folderOf(repo));
        leaveStaged(world, repo);
      }
    },
    findUndone: async (world) =>
      REPOS.flatMap((repo) => (hasIn(world, repo, 'main', TICKET) ? [] : [`${repo} is not merged`])),
    findWrong: async (world) => [
      ...findHalf(world, 'main', TICKET),
      ...REPOS.flatMap((repo) => findChanged(world, repo, ' M README.md\nA  mine.txt\n?? todo.txt')),
      ...REPOS.flatMap((repo) => findChanged(world, folderOf(repo), 'A  mine.txt')),
    ],
    unprepare: bringBasesBack,
  },
];

function syncSubject(way: 'rebase' | 'merge'): Subject {
  return {
    name: `sync --${way}`,
    args: ['sync', TICKET, `--${way}`],
    files: true,
    async prepare(world) {
      keepBases(world);
      await must(world, 'create', TICKET, '--no-start');
      for (const repo of REPOS) {
        commitFiles(world, folderOf(repo), { 'own.txt': 'Own.\n' });
        commitFiles(world, repo, BROUGHT);
        leaveStaged(world, folderOf(repo));
      }
    },
    findUndone: async (world) =>
      REPOS.flatMap((repo) => (hasIn(world, repo, TICKET, 'main') ? [] : [`${repo} has no news`])),
    findWrong: async (world) => [
      ...findHalf(world, TICKET, 'main'),
      ...REPOS.flatMap((repo) => findChanged(world, folderOf(repo), 'A  mine.txt')),
      ...REPOS.flatMap((repo) => findChanged(world, repo, ' M README.md\n?? todo.txt')),
      ...REPOS.flatMap((repo) => findWrongStart(world, repo)),
      ...REPOS.flatMap((repo) =>
        world.git(folderOf(repo), 'show', 'HEAD:own.txt') === 'Own.' ? [] : [`the commit of ${repo} is lost`],
      ),
    ],
    unprepare: bringBasesBack,
  };
}

/** Commits some files as a person does. */
export function commitFiles(world: FaultWorld, folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) world.write(path.join(folder, name), text);
  world.git(folder, 'add', ...Object.keys(files));
  world.git(folder, 'commit', '--quiet', '--message', 'Work', '--', ...Object.keys(files));
}

/** Work of a person that no command may touch, staged, and changed again since. */
export function leaveStaged(world: FaultWorld, folder: string): void {
  world.write(path.join(folder, 'mine.txt'), 'Staged.\n');
  world.git(folder, 'add', 'mine.txt');
}

/** True where a branch has all of another one. */
export function hasIn(world: FaultWorld, repo: string, branch: string, other: string): boolean {
  return world.git(repo, 'rev-list', '--count', `refs/heads/${branch}..refs/heads/${other}`) === '0';
}

/** Returns that one repo alone has a branch in another one, where that is so. */
export function findHalf(world: FaultWorld, branch: string, other: string): string[] {
  const has = REPOS.filter((repo) => hasIn(world, repo, branch, other));
  return has.length === 1 ? [`${has[0]} alone has ${other} in ${branch}`] : [];
}

/** Files and index are those of the branch, but for what is a person's; and git works there. */
export function findChanged(world: FaultWorld, folder: string, wanted: string): string[] {
  const status = world.git(folder, 'status', '--porcelain');
  const isStaged = !wanted.includes('A  mine.txt') || world.git(folder, 'show', ':mine.txt') === 'Staged.';
  const locks = ['index.lock', 'HEAD.lock', 'stack-index'].filter((name) =>
    existsSync(world.git(folder, 'rev-parse', '--path-format=absolute', '--git-path', name)),
  );
  const isDeep = existsSync(world.at(folder, 'deep')) === (world.git(folder, 'ls-files', 'deep') !== '');
  return [
    ...(status === wanted && isStaged ? [] : [`${folder} is not as it was: ${JSON.stringify({ status, isStaged })}`]),
    ...(isDeep ? [] : [`an empty folder is left in ${folder}`]),
    ...locks.map((name) => `${name} is left in ${folder}`),
  ];
}

/** The record says what the branch starts from. */
function findWrongStart(world: FaultWorld, repo: string): string[] {
  const own = world.state()?.instances[TICKET]?.repos[repo];
  const known = own?.mode === 'dedicated' ? own.baseCommit : undefined;
  const base = world.git(repo, 'merge-base', 'main', `refs/heads/${TICKET}`);
  return known === base ? [] : [`the record of ${repo} says ${known}, and not ${base}`];
}

const KEPT = ['refs/heads/main', 'logs/HEAD', 'logs/refs/heads/main', 'index', 'COMMIT_EDITMSG', 'ORIG_HEAD'];
const kept = new WeakMap<FaultWorld, Map<string, Buffer | undefined>>();

/** Keeps where the bases are, and git’s own files about it. */
export function keepBases(world: FaultWorld): void {
  const files = [...REPOS, 'data'].flatMap((repo) => KEPT.map((name) => world.at(repo, '.git', name)));
  kept.set(world, new Map(files.map((file) => [file, existsSync(file) ? readFileSync(file) : undefined])));
}

const BESIDE = ['mine.txt', 'news.txt', 'own.txt', 'deep', 'feat-01.brought', 'feat-02.brought'];

/** Git's own folders too, to the byte. */
export function bringBasesBack(world: FaultWorld): void {
  for (const [file, bytes] of kept.get(world) ?? []) {
    if (bytes) writeFileSync(file, bytes);
    else rmSync(file, { force: true });
  }
  for (const repo of [...REPOS, 'data']) {
    for (const name of BESIDE) rmSync(world.at(repo, name), { recursive: true, force: true });
    world.git(repo, 'checkout', '--quiet', '--', 'server.mjs');
  }
}
