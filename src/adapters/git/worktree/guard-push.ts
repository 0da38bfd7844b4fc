import path from 'node:path';
import { quoteForShell } from '../../../domain/shell.ts';
import { readFileIfThere, replaceFile } from '../../files/files.ts';
import { changeGit, type GitChange, gitError } from '../git.ts';
import { changeConfig, listPlacedSettings, type Origin, type Setting } from '../settings.ts';
import type { WorktreeEntry } from './entry.ts';

const QUICK = { deadlineSeconds: 60 };

/** Beside git's own entry of a worktree, with which it goes. */
const FILE = 'stack-push.config';

/** Ways of a plain `git push` that may move another branch than the one that is checked out. */
const WIDE = ['matching', 'upstream', 'tracking'];

/**
 * Sees that a plain `git push` in a worktree moves the branch there and no other one, whatever the person's settings are: in
 * settings for this worktree alone. Those are in its own config file where the repo has such files already; else the repo's config
 * includes one for this worktree. To switch on such files would not do: `extensions.worktreeConfig` has tools that are made with go-git
 * refuse the repo, and takes `core.bare` and `core.worktree` for those of all worktrees. Returns a warning for what no setting
 * takes back. Throws `git`, `files`.
 */
export async function guardPush(
  worktree: string,
  gitCommonDir: string,
  { entry, branch }: { entry: WorktreeEntry; branch: string },
): Promise<string | undefined> {
  // What an earlier guard says does not count: what is under it may ask for more by now.
  const all = await listPlacedSettings(worktree);
  const own = path.join('worktrees', path.basename(entry.folder), FILE);
  const isOwn = ([, , { file }]: Placed): boolean => file.endsWith(`${path.sep}${own}`);
  const settings = all.filter((one) => !isOwn(one));
  const wanted = listWanted(settings);
  const hasOwnFiles = isOn(lastOf(settings, 'extensions.worktreeconfig'));
  if (wanted.length > 0 && !hasOwnFiles) {
    const text = wanted.map(([name, value]) => renderSetting(name, value)).join('');
    await replaceFile(path.join(entry.folder, FILE), text, { lasting: false });
    // A push meanwhile finds the former guard, but for one that has no say any more: what comes later wins.
    const at = all.findLastIndex(isOwn);
    const isLast = at !== -1 && listWanted([...all.slice(0, at), ...wanted, ...all.slice(at + 1)]).length === 0;
    if (!isLast) await include(worktree, gitCommonDir, entry);
    return warnOf(settings, branch);
  }
  for (const [name, value] of wanted)
    requireSet(worktree, await changeGit(worktree, ['config', '--worktree', name, value], QUICK));
  await dropPushGuard(worktree, entry);
  return warnOf(settings, branch);
}

async function include(worktree: string, gitCommonDir: string, entry: WorktreeEntry): Promise<void> {
  await dropPushGuard(worktree, entry);
  const setting = [`${sectionOf(entry)}.path`, path.join('worktrees', path.basename(entry.folder), FILE)];
  requireSet(worktree, await changeConfig(worktree, gitCommonDir, setting));
}

function requireSet(worktree: string, done: GitChange): void {
  if (done.exitCode !== 0) throw gitError(`cannot set what ${worktree} pushes`, done);
}

type Placed = [...Setting, Origin];

/** What a plain `git push` in a worktree may move beside its branch, and what helps. `guarded`: `guardPush` takes it back. */
export interface WidePush {
  reason: string;
  hint: string;
  guarded: boolean;
  /** True for a setting of the person or the machine, which is there for other repos too. */
  isElsewhere: boolean;
}

/** Returns why a plain `git push` in a worktree may move another branch than its own, as the settings are now; undefined where it cannot. Throws `git`. */
export async function findWidePush(worktree: string, branch: string): Promise<WidePush | undefined> {
  const settings = await listPlacedSettings(worktree);
  const list = findWideList(settings, branch);
  if (list) {
    const [name, value, { isRepos }] = list;
    return { reason: `${name} is ${value}`, hint: hintAt(list), guarded: false, isElsewhere: !isRepos };
  }
  const merge = lastOf(settings, `branch.${branch}.merge`)?.[1];
  const [wide] = listWanted(settings).filter(
    ([name]) => name !== 'push.default' || isMatching(settings) || merge !== `refs/heads/${branch}`,
  );
  if (!wide) return undefined;
  const [name] = wide;
  const now = lastOf(settings, name)?.[1] ?? 'on';
  const of = name === 'push.default' && !isMatching(settings) && merge ? `, and ${branch} follows ${merge}` : '';
  const hint = '`stack doctor --fix` has this worktree push its own branch alone';
  return { reason: `${name} is ${now}${of}`, hint, guarded: true, isElsewhere: false };
}

/** Takes back that the repo's config includes settings for a worktree that goes. Throws `git`. */
export async function dropPushGuard(cwd: string, entry: WorktreeEntry): Promise<void> {
  const gitCommonDir = path.dirname(path.dirname(entry.folder));
  const text = (await readFileIfThere(path.join(gitCommonDir, 'config'))) ?? '';
  if (!text.includes(`"gitdir:./worktrees/${path.basename(entry.folder)}"`)) return;
  const done = await changeConfig(cwd, gitCommonDir, ['--remove-section', sectionOf(entry)]);
  if (done.exitCode !== 0) throw gitError(`cannot change ${gitCommonDir}/config`, done);
}

/** `./` is the folder of the config file (git-config(1), Conditional includes), so that the repo may be moved. */
function sectionOf({ folder }: WorktreeEntry): string {
  return `includeIf.gitdir:./worktrees/${path.basename(folder)}`;
}

function listWanted(settings: readonly (Setting | Placed)[]): [name: string, value: string][] {
  const kind = lastOf(settings, 'push.default')?.[1] ?? 'simple';
  const mirrors = settings.flatMap(([name]) => /^remote\.(.+)\.mirror$/s.exec(name)?.[1] ?? []);
  const on = [...new Set(mirrors)].filter((remote) => isOn(lastOf(settings, `remote.${remote}.mirror`)));
  return [
    ...(WIDE.includes(kind.toLowerCase()) ? [['push.default', 'current'] as [string, string]] : []),
    ...on.map((remote): [string, string] => [`remote.${remote}.mirror`, 'false']),
  ];
}

function renderSetting(name: string, value: string): string {
  const [, section = '', inner, key = ''] = /^([^.]+)\.(?:(.*)\.)?([^.]+)$/s.exec(name) ?? [];
  const quoted = inner === undefined ? '' : ` "${inner.replaceAll(/["\\]/g, '\\$&')}"`;
  return `[${section}${quoted}]\n\t${key} = ${value}\n`;
}

/** Whatever a branch follows. */
function isMatching(settings: readonly (Setting | Placed)[]): boolean {
  return lastOf(settings, 'push.default')?.[1]?.toLowerCase() === 'matching';
}

function findWideList(settings: readonly Placed[], branch: string): Placed | undefined {
  return settings.find(([name, value = '']) => /^remote\..+\.push$/s.test(name) && isWide(value, branch));
}

function warnOf(settings: readonly Placed[], branch: string): string | undefined {
  const wide = findWideList(settings, branch);
  return wide && `a plain \`git push\` may move other branches: ${wide[0]} is ${wide[1]}; ${hintAt(wide)}`;
}

/** Git looks in one file alone for what it is to unset, and not in what that includes. */
function hintAt([name, , { file }]: Placed): string {
  const push = 'use `stack push`';
  return file === ''
    ? push
    : `${push}, or \`git config --file ${quoteForShell(file)} --unset-all ${quoteForShell(name)}\``;
}

/** A list that has many values: what stands there cannot be taken back for one worktree. */
function isWide(refspec: string, branch: string): boolean {
  const spec = refspec.replace(/^\+/, '');
  const [from = '', to = from] = spec.split(':');
  if (spec === ':') return true;
  if (!spec.includes(':') && from === 'HEAD') return false;
  const isElsewhere = to.startsWith('refs/') && !to.startsWith('refs/heads/') && !to.startsWith('refs/*');
  return !isElsewhere && to.replace(/^refs\/heads\//, '') !== branch;
}

function lastOf(settings: readonly (Setting | Placed)[], name: string): Setting | Placed | undefined {
  return settings.findLast(([one]) => one === name);
}

/** A setting without a value is a yes. */
function isOn(setting: Setting | Placed | undefined): boolean {
  return setting !== undefined && !/^(false|no|off|0|)$/i.test(setting[1] ?? 'yes');
}
