import { rmSync } from 'node:fs';
import { must } from './clear.ts';
import { TICKET } from './corners.ts';
import { bringBasesBack, commitFiles, findChanged, findHalf, folderOf, hasIn, keepBases, REPOS } from './moves.ts';
import type { Subject } from './subjects.ts';
import type { FaultWorld } from './world.ts';

const RESOLVED = '// The ticket’s, and the base’s.';
/** In a repo without a conflict, which waits for the others. */
const WAITS = 'data';
const ALL = [...REPOS, WAITS] as const;
/** Where the branches were before the conflicts were made. */
const tips = new WeakMap<FaultWorld, Record<string, string>>();

/** What ends the conflicts of a sync or a merge, in two repos that have one and a third one that waits for them. */
export const RESOLVES: readonly Subject[] = [
  continues('sync', '--rebase'),
  continues('merge', '--committed'),
  aborts('sync', '--rebase'),
  aborts('sync', '--merge'),
  aborts('merge', '--committed'),
];

type Verb = 'sync' | 'merge';

function continues(verb: Verb, ...flags: string[]): Subject {
  return {
    ...subjectOf(verb, '--continue'),
    async prepare(world) {
      await makeConflicts(world, verb, flags);
      for (const repo of REPOS) resolve(world, repo);
    },
    findUndone: async (world) => [
      ...(isResolving(world) ? ['the conflicts are still being resolved'] : []),
      ...ALL.flatMap((repo) => (isDone(world, repo, verb) ? [] : [`${repo} has not come to an end`])),
    ],
    async findWrong(world) {
      // What was resolved is in the branch, or waits to be.
      const lost = isResolving(world) ? await abort(world, verb) : REPOS.flatMap((repo) => findUnresolved(world, repo));
      return [...lost, ...findTouched(world), ...(verb === 'merge' ? findHalf(world, 'main', TICKET) : [])];
    },
  };
}

function aborts(verb: Verb, ...flags: string[]): Subject {
  const subject = subjectOf(verb, '--abort');
  return {
    ...subject,
    name: [subject.name, ...flags].join(' '),
    async prepare(world) {
      await makeConflicts(world, verb, flags);
      const [resolved = ''] = REPOS;
      resolve(world, resolved);
    },
    findUndone: async (world) => findNotBack(world),
    findWrong: async (world) => [
      ...(isResolving(world) ? await abort(world, verb) : findNotBack(world)),
      ...findTouched(world),
    ],
  };
}

function subjectOf(verb: Verb, step: string): Pick<Subject, 'name' | 'args' | 'files' | 'unprepare'> {
  const unprepare = (world: FaultWorld): void => {
    bringBasesBack(world);
    for (const repo of ALL) rmSync(world.at(repo, '.git/rr-cache'), { recursive: true, force: true });
  };
  return { name: `${verb} ${step}`, args: [verb, TICKET, step], files: true, unprepare };
}

async function makeConflicts(world: FaultWorld, verb: Verb, flags: readonly string[]): Promise<void> {
  keepBases(world);
  await must(world, 'create', TICKET, '--no-start', '--with', WAITS);
  for (const repo of REPOS) {
    commitFiles(world, folderOf(repo), { 'server.mjs': '// The ticket’s.\n' });
    commitFiles(world, repo, { 'server.mjs': '// The base’s.\n', 'news.txt': 'News.\n' });
  }
  commitFiles(world, folderOf(WAITS), { 'own.txt': 'Own.\n' });
  commitFiles(world, WAITS, { 'news.txt': 'News.\n' });
  for (const repo of ALL) world.write(`${folderOf(repo)}/mine.txt`, 'Not in git.\n');
  tips.set(world, Object.fromEntries(ALL.map((repo) => [repo, tipOf(world, repo)])));
  const run = await world.here(verb, TICKET, ...flags, '--resolve', '--json');
  if (run.code !== 4 || !isResolving(world))
    throw new Error(`${verb} --resolve ended with ${run.code}: ${run.stdout}${run.stderr}`);
}

function resolve(world: FaultWorld, repo: string): void {
  world.write(`${folderOf(repo)}/server.mjs`, `${RESOLVED}\n`);
  world.git(folderOf(repo), 'add', 'server.mjs');
}

async function abort(world: FaultWorld, verb: Verb): Promise<string[]> {
  await must(world, verb, TICKET, '--abort');
  return findNotBack(world);
}

function tipOf(world: FaultWorld, repo: string): string {
  return world.git(repo, 'rev-parse', `refs/heads/${TICKET}`);
}

function isResolving(world: FaultWorld): boolean {
  return world.state()?.instances[TICKET]?.resolving !== undefined;
}

function isDone(world: FaultWorld, repo: string, verb: Verb): boolean {
  return verb === 'sync' ? hasIn(world, repo, TICKET, 'main') : hasIn(world, repo, 'main', TICKET);
}

function findUnresolved(world: FaultWorld, repo: string): string[] {
  const said = world.git(repo, 'show', `refs/heads/${TICKET}:server.mjs`);
  return said === RESOLVED ? [] : [`what was resolved in ${repo} is lost: ${said}`];
}

function findNotBack(world: FaultWorld): string[] {
  const away = ALL.filter((repo) => tips.get(world)?.[repo] !== tipOf(world, repo));
  return [
    ...(isResolving(world) ? ['the conflicts are still being resolved'] : []),
    ...away.map((repo) => `${repo} is not back where it was`),
  ];
}

/** Nothing is under way, and what a person has beside it is as it was. */
function findTouched(world: FaultWorld): string[] {
  return ALL.flatMap((repo) => [
    ...findChanged(world, folderOf(repo), '?? mine.txt'),
    ...findChanged(world, repo, ' M README.md\n?? todo.txt'),
    ...(world.git(folderOf(repo), 'branch', '--show-current') === TICKET ? [] : [`${repo} is on another branch`]),
  ]);
}
