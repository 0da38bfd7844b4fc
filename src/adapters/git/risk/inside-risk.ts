import { constants, lstatSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { shortHash } from '../../../domain/names.ts';
import { quoteForShell } from '../../../domain/shell.ts';
import { pathOf } from '../../files/byte-names.ts';
import { ifReadable, ifReadableNow, mayUse } from '../../files/file-errors.ts';
import { readOwnEntry, type WorktreeEntry } from '../worktree/entry.ts';
import { readNotes } from '../worktree/own-notes.ts';
import { listSubmodules } from '../worktree/submodule.ts';
import { describeForeign, listUntracked, stampForeign } from './foreign.ts';
import { expandFolders, type Inside, lookInside } from './inside.ts';
import { examineNested, isSafe, type NestedRepo } from './nested.ts';
import { contentOf } from './nobodys.ts';
import { describeObjects } from './own-objects.ts';
import { count, describeCommits, describeFiles, type RiskFinding } from './risk.ts';
import { isUsual } from './usual-files.ts';

/** What git leaves out of a worktree's files, and what cannot be saved of it. */
export interface InsideRisk {
  findings: RiskFinding[];
  /** Other repos, relative to the worktree; what is in them is theirs. */
  repos: string[];
}

/**
 * Finds other repos among the files of a worktree, those that git ignores too, and folders that cannot be opened or emptied:
 * none of that can be saved. A repo in a folder that tools fill counts only with work that is nowhere else, one that the
 * set-up left only when it has changed since. So does what another version control system has in such a folder; elsewhere it is files
 * like all others. Throws `git`.
 */
export async function findInsideRisk(worktree: string): Promise<InsideRisk> {
  const entry = await readOwnEntry(worktree);
  const inside = await lookInside(worktree);
  const closed = inside.closed.map((one) => describeClosed(worktree, one));
  const nested = await examineOthers(worktree, entry, inside);
  const { repos = {}, ignored } = entry ? await readNotes(entry.folder) : { ignored: [] };
  const isTools = (folder: string): boolean =>
    isUsual(`${folder}/`) || ignored.some((name) => name.endsWith('/') && `${folder}/`.startsWith(name));
  const noted = await stampAll(
    worktree,
    nested.filter((repo) => Object.hasOwn(repos, repo.path)),
  );
  const isAsLeft = (repo: string): boolean => Object.hasOwn(noted, repo) && noted[repo] === repos[repo];
  const counts = nested.filter((repo) => !(isTools(repo.path) && isSafe(repo)) && !isAsLeft(repo.path));
  const foreign = entry ? await listUntracked(worktree, inside.foreign.filter(isTools)) : [];
  const stamps = stampForeign(worktree, foreign);
  const others = foreign.filter((name) => repos[name] !== stamps[name]);
  return {
    findings: [
      ...closed,
      ...counts.map((repo) => describeNested(worktree, repo)),
      ...others.map((name): RiskFinding => ({ kind: 'nested', text: describeForeign(name), paths: [name] })),
    ],
    repos: nested.map((repo) => repo.path),
  };
}

/**
 * Returns the other repos among the files of a worktree that may go unsaved: those that are no finding. `isHalfMade`: a set-up may
 * have been ended before it was noted, so one without commits of its own is taken for its. Throws `git`.
 */
export async function listPassedOver(worktree: string, isHalfMade: boolean): Promise<string[]> {
  const { findings, repos } = await findInsideRisk(worktree);
  const counts = findings.filter(
    ({ kind, commits = [] }) => kind === 'nested' && !(isHalfMade && commits.length === 0),
  );
  const stay = new Set(counts.flatMap(({ paths = [] }) => paths));
  return repos.filter((repo) => !stay.has(`${repo}/`));
}

/** Returns a stamp of each repo, of git and of other systems, that a worktree's set-up left among its files. Throws `git`. */
export async function stampNested(worktree: string, entry: WorktreeEntry): Promise<Record<string, string>> {
  const inside = await lookInside(worktree);
  const nested = await examineOthers(worktree, entry, inside);
  const foreign = stampForeign(worktree, inside.foreign);
  return { ...(await stampAll(worktree, nested)), ...foreign };
}

/**
 * Returns the same of a folder that is in no worktree, of itself too where it is a repo (`''`); undefined where something in it cannot
 * be opened.
 */
export async function stampRepos(folder: string): Promise<Record<string, string> | undefined> {
  const { repos, closed } = await lookInside(folder);
  if (closed.length > 0) return undefined;
  return stampAll(folder, await examineNested(folder, ['', ...repos], [await realpath(folder)]));
}

/** Returns other repos among the files of a worktree, and the files that were not committed there. Throws `git`. */
export async function listUncommittedInside(
  worktree: string,
  entry: WorktreeEntry,
): Promise<{ repos: string[]; files: string[] }> {
  const nested = await examineOthers(worktree, entry, await lookInside(worktree));
  const names = nested.flatMap((repo) => repo.files.map((file) => path.join(repo.path, file)));
  return { repos: nested.map((repo) => repo.path), files: expandFolders(worktree, names) };
}

/** Submodules are looked at on their own. */
async function examineOthers(
  worktree: string,
  entry: WorktreeEntry | undefined,
  { repos }: Inside,
): Promise<NestedRepo[]> {
  if (repos.length === 0) return [];
  const submodules = entry ? await listSubmodules(worktree, entry) : [];
  const others = repos.filter((repo) => submodules.every((one) => one.path !== repo || one.folder === undefined));
  return examineNested(worktree, others, [await realpath(worktree), ...(entry ? [entry.folder] : [])]);
}

async function stampAll(top: string, nested: readonly NestedRepo[]): Promise<Record<string, string>> {
  const stamps = await Promise.all(nested.map(async (repo) => [repo.path, await stampOf(top, repo)] as const));
  return Object.fromEntries(stamps);
}

async function stampOf(
  top: string,
  { path: repo, worktreeOf, commits, objects, files, fault }: NestedRepo,
): Promise<string> {
  const place = path.join(top, repo);
  const names = expandFolders(place, files);
  const contents = await Promise.all(names.map((name) => ifReadable(contentOfFile(path.join(place, name)))));
  return shortHash(JSON.stringify([worktreeOf, commits, objects, fault, names, contents]));
}

/** Other repos in it are looked at by themselves. */
async function contentOfFile(file: string): Promise<string | undefined> {
  return (await lstat(pathOf(file))).isDirectory() ? undefined : contentOf(file);
}

function describeNested(worktree: string, repo: NestedRepo): RiskFinding {
  const { worktreeOf, commits, objects, files, fault } = repo;
  const remove = `\`git -C ${quoteForShell(worktreeOf ?? '')} worktree remove ${quoteForShell(path.join(worktree, repo.path))}\` removes it`;
  const what = worktreeOf === undefined ? 'a git repo of its own' : `a worktree of ${worktreeOf} (${remove})`;
  const more = [
    ...(fault === undefined ? [] : [fault]),
    ...(commits.length > 0
      ? [`${count(commits.length, 'commit')} that no remote of it has: ${describeCommits(commits)}`]
      : []),
    ...(objects.length > 0 ? [`refs to what is nowhere else: ${describeObjects(objects).join(', ')}`] : []),
    ...describeFiles('uncommitted', 'file', files).map(({ text }) => text.replace(':', ' not committed there:')),
  ];
  const text = `${repo.path}/ is ${[what, ...more].join('; ')}`;
  return { kind: 'nested', text, paths: [`${repo.path}/`], ...(commits.length > 0 && { commits }) };
}

/** Returns the finding for a folder that cannot be opened, or whose content must not be deleted. */
export function describeClosed(worktree: string, { path: folder, code }: Inside['closed'][number]): RiskFinding {
  const place = path.join(worktree, folder);
  const name = folder === '' ? worktree : `${folder}/`;
  if (code === 'ENAMETOOLONG') {
    const [first] = folder.split('/');
    const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
    const text = `${shown} has a longer path than can be opened; move or delete ${path.join(worktree, first ?? '')}`;
    return { kind: 'closed', text, paths: [name] };
  }
  if (code === 'EBUSY')
    return {
      kind: 'closed',
      text: `${name} is mounted from elsewhere: \`umount ${place}\` takes it out`,
      paths: [name],
    };
  if (code === 'MODE') return describeReadOnly(place);
  if (code !== 'EACCES' && code !== 'EPERM')
    return { kind: 'closed', text: `${name} cannot be read: ${code}`, paths: [name] };
  const cure =
    takeOver(place, ifReadableNow(() => lstatSync(pathOf(place)))?.uid) ?? `\`chmod -R u+rwX ${place}\` opens it`;
  return { kind: 'closed', text: `${name} may not be opened and emptied: ${cure}`, paths: [name] };
}

/** Says what makes one's own what is another user's; undefined for what is one's own. */
function takeOver(place: string, owner: number | undefined): string | undefined {
  const person = process.getuid?.();
  if (owner === undefined || owner === person) return undefined;
  return `it belongs to uid ${owner}; \`sudo chown -R ${person} ${place}\` makes it yours`;
}

const OWNER_WRITES = 0o300;

/** Returns the finding for a folder that its mode, or a lock (chflags(2), chattr(1)), lets nobody move, or nothing be moved out of. */
export function describeReadOnly(place: string): RiskFinding {
  const { mode: all, uid } = lstatSync(pathOf(place));
  // The system's own user may do all that modes forbid.
  const foreign = process.getuid?.() === 0 ? undefined : takeOver(place, uid);
  if (foreign !== undefined) return { kind: 'closed', text: `${place} cannot be moved: ${foreign}`, paths: [place] };
  const bits = all & 0o7777;
  const isLocked = (bits & OWNER_WRITES) === OWNER_WRITES;
  const mode = bits.toString(8).padStart(4, '0');
  const unlock = process.platform === 'darwin' ? 'chflags nouchg' : 'sudo chattr -i';
  const text = isLocked
    ? `${place} is locked, so that it cannot be moved: \`${unlock} ${place}\` allows that`
    : `${place} has mode ${mode}, with which it cannot be moved: \`chmod u+wx ${place}\` allows that`;
  return { kind: 'closed', text, paths: [place] };
}

/** Returns a finding for the files among some in a folder that may not be read; [] for none. What ends in `/` is left out. */
export function findUnreadable(folder: string, names: readonly string[]): RiskFinding[] {
  const person = process.getuid?.() ?? 0;
  if (person === 0) return [];
  return names.flatMap((name): RiskFinding[] => {
    const place = path.join(folder, name);
    const found = ifReadableNow(() => lstatSync(pathOf(place), { throwIfNoEntry: false }) ?? 'gone');
    if (found === 'gone' || (found && (!found.isFile() || mayUse(place, constants.R_OK)))) return [];
    // A folder may list its files and not let them be entered.
    const cure =
      found === undefined
        ? `chmod u+x ${path.dirname(place)}`
        : found.uid === person
          ? `chmod u+r ${place}`
          : `sudo chmod a+r ${place}`;
    return [{ kind: 'closed', text: `${name} may not be read, and not be saved: \`${cure}\` opens it`, paths: [name] }];
  });
}
