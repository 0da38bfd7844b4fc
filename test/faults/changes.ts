import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { must } from './clear.ts';
import { TICKET } from './corners.ts';
import type { Subject } from './subjects.ts';
import type { FaultWorld } from './world.ts';

const REPOS = ['front', 'api'] as const;
/** What a person has, and what is left of it once it is committed. */
const UNCOMMITTED = ' M README.md\nA  staged.txt';
const folderOf = (repo: string): string => `tickets/${TICKET}/${repo}`;

/** Commands that change the branches of a ticket as one, where repos have hooks and remotes. Runtimes have no say in them. */
export const CHANGES: readonly Subject[] = [
  {
    name: 'commit',
    args: ['commit', TICKET, '--all', '--message', 'Work'],
    files: true,
    async prepare(world) {
      await must(world, 'create', TICKET, '--no-start');
      for (const repo of REPOS) {
        world.write(`${folderOf(repo)}/staged.txt`, 'Staged.\n');
        world.git(folderOf(repo), 'add', 'staged.txt');
        world.write(`${folderOf(repo)}/README.md`, 'Changed.\n');
        writeHook(world, repo, 'pre-commit');
      }
    },
    findUndone: async (world) =>
      REPOS.flatMap((repo) => (countCommits(world, repo) === 1 ? [] : [`${repo} has no commit`])),
    async findWrong(world) {
      const [one, other] = REPOS.map((repo) => countCommits(world, repo));
      return [
        ...(one === other ? [] : [`one repo has ${one} commits, and the other ${other}`]),
        ...REPOS.flatMap((repo) => findChangedWork(world, repo)),
        ...findInTheWay(world, ['commit', '--quiet', '--allow-empty', '--message', 'By hand']),
      ];
    },
    unprepare: removeHooks,
  },
  {
    name: 'push',
    args: ['push', TICKET],
    files: true,
    async prepare(world) {
      for (const repo of REPOS) {
        world.git('.', 'init', '--quiet', '--bare', remoteOf(world, repo));
        world.git(repo, 'remote', 'add', 'origin', remoteOf(world, repo));
      }
      await must(world, 'create', TICKET, '--no-start');
      for (const repo of REPOS) {
        world.write(`${folderOf(repo)}/pushed.txt`, 'Pushed.\n');
        world.git(folderOf(repo), 'add', 'pushed.txt');
        world.git(folderOf(repo), 'commit', '--quiet', '--message', 'Work');
        writeHook(world, repo, 'pre-push');
      }
    },
    findUndone: async (world) =>
      REPOS.flatMap((repo) => (listPushed(world, repo) === '' ? [`${repo} is not pushed`] : [])),
    async findWrong(world) {
      const odd = REPOS.filter((repo) => {
        const tip = world.git(repo, 'rev-parse', `refs/heads/${TICKET}`);
        return !['', `refs/heads/${TICKET} ${tip}`].includes(listPushed(world, repo));
      });
      return [
        ...odd.map((repo) => `the remote of ${repo} has ${listPushed(world, repo)}`),
        ...findInTheWay(world, ['commit', '--quiet', '--allow-empty', '--message', 'By hand'], ['push', '--quiet']),
      ];
    },
    unprepare(world) {
      removeHooks(world);
      for (const repo of REPOS) {
        // `git remote remove` would pack the refs.
        world.git(repo, 'config', '--remove-section', 'remote.origin');
        for (const folder of ['refs/remotes', 'logs/refs/remotes'])
          rmSync(world.at(repo, '.git', folder), { recursive: true, force: true });
      }
      rmSync(path.join(world.folder, 'remotes'), { recursive: true, force: true });
    },
  },
];

/** Returns git's own locks in the repos: each keeps a person's git from something. Those of stack are links. */
export function findLocks(world: FaultWorld): string[] {
  return ['front', 'api', 'data'].flatMap((repo) =>
    readdirSync(world.at(repo, '.git'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.lock'))
      // What ours keeps a person from is to commit what is half moved.
      .filter((entry) => !isHeldByStack(path.join(entry.parentPath, entry.name)))
      .map((entry) => `${path.join(entry.parentPath, entry.name)} is in the way of any git`),
  );
}

function isHeldByStack(lock: string): boolean {
  return existsSync(lock) && readFileSync(lock, 'utf8') === 'held by stack\n';
}

/** A hook that takes its time, so that something can happen to git meanwhile. */
function writeHook(world: FaultWorld, repo: string, name: string): void {
  world.write(`${repo}/.git/hooks/${name}`, '#!/bin/sh\nsleep 0.05\n');
  chmodSync(world.at(repo, '.git/hooks', name), 0o755);
}

function removeHooks(world: FaultWorld): void {
  for (const repo of REPOS)
    for (const name of ['pre-commit', 'pre-push']) rmSync(world.at(repo, '.git/hooks', name), { force: true });
}

function countCommits(world: FaultWorld, repo: string): number {
  return Number(world.git(repo, 'rev-list', '--count', `main..refs/heads/${TICKET}`));
}

/** As it was, or in the commit as a whole. */
function findChangedWork(world: FaultWorld, repo: string): string[] {
  const isDone = countCommits(world, repo) > 0;
  const status = world.git(folderOf(repo), 'status', '--porcelain');
  const [staged, readme] = isDone
    ? ['staged.txt', 'README.md'].map((file) => world.git(repo, 'show', `refs/heads/${TICKET}:${file}`))
    : [world.git(folderOf(repo), 'show', ':staged.txt'), 'Changed.'];
  const isWhole = status === (isDone ? '' : UNCOMMITTED) && staged === 'Staged.' && readme === 'Changed.';
  return isWhole ? [] : [`the work in ${repo} is not as it was: ${JSON.stringify({ isDone, status, staged, readme })}`];
}

/** What keeps a person from plain commands of git in the worktrees. */
function findInTheWay(world: FaultWorld, ...commands: string[][]): string[] {
  return REPOS.flatMap((repo) =>
    commands.flatMap((args) => {
      try {
        world.git(folderOf(repo), ...args);
        return [];
      } catch (error) {
        return [`git ${args.join(' ')} in ${repo}: ${(error as { stderr: string }).stderr}`];
      }
    }),
  );
}

function remoteOf(world: FaultWorld, repo: string): string {
  return path.join(world.folder, 'remotes', `${repo}.git`);
}

function listPushed(world: FaultWorld, repo: string): string {
  const args = ['for-each-ref', '--format=%(refname) %(objectname)'];
  return execFileSync('git', args, { cwd: remoteOf(world, repo), env: world.env, encoding: 'utf8' }).trim();
}
