import path from 'node:path';
import { readFileIfThere, replaceFile } from '../../files/files.ts';
import { changeGit, gitError } from '../git.ts';
import { changeConfig, listSettings, type Setting } from '../settings.ts';
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
  // What an earlier guard says does not count: what is under it may ask for more by now. It stands last: what comes later wins.
  await dropPushGuard(worktree, entry);
  const settings = await listSettings(worktree);
  const wanted = listWanted(settings);
  if (wanted.length > 0 && isOn(lastOf(settings, 'extensions.worktreeconfig'))) {
    for (const [name, value] of wanted) {
      const done = await changeGit(worktree, ['config', '--worktree', name, value], QUICK);
      if (done.exitCode !== 0) throw gitError(`cannot set what ${worktree} pushes`, done);
    }
  } else if (wanted.length > 0) {
    const text = wanted.map(([name, value]) => renderSetting(name, value)).join('');
    await replaceFile(path.join(entry.folder, FILE), text, { lasting: false });
    const include = [`${sectionOf(entry)}.path`, path.join('worktrees', path.basename(entry.folder), FILE)];
    const done = await changeConfig(worktree, gitCommonDir, include);
    if (done.exitCode !== 0) throw gitError(`cannot set what ${worktree} pushes`, done);
  }
  return warnOf(settings, branch);
}

/** What a plain `git push` in a worktree may move beside its branch, and what helps. `guarded`: `guardPush` takes it back. */
export interface WidePush {
  reason: string;
  hint: string;
  guarded: boolean;
}

/** Returns why a plain `git push` in a worktree may move another branch than its own, as the settings are now; undefined where it cannot. Throws `git`. */
export async function findWidePush(worktree: string, branch: string): Promise<WidePush | undefined> {
  const settings = await listSettings(worktree);
  const list = findWideList(settings, branch);
  if (list) {
    const hint = `use \`stack push\`, or \`git config --unset-all ${list[0]}\` in ${worktree}`;
    return { reason: `${list[0]} is ${list[1]}`, hint, guarded: false };
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
  return { reason: `${name} is ${now}${of}`, hint, guarded: true };
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

function listWanted(settings: readonly Setting[]): [name: string, value: string][] {
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
function isMatching(settings: readonly Setting[]): boolean {
  return lastOf(settings, 'push.default')?.[1]?.toLowerCase() === 'matching';
}

function findWideList(settings: readonly Setting[], branch: string): Setting | undefined {
  return settings.find(([name, value = '']) => /^remote\..+\.push$/s.test(name) && isWide(value, branch));
}

function warnOf(settings: readonly Setting[], branch: string): string | undefined {
  const wide = findWideList(settings, branch);
  if (!wide) return undefined;
  return `a plain \`git push\` may move other branches: ${wide[0]} is ${wide[1]}; use \`stack push\`, or \`git config --unset-all ${wide[0]}\``;
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

function lastOf(settings: readonly Setting[], name: string): Setting | undefined {
  return settings.findLast(([one]) => one === name);
}

/** A setting without a value is a yes. */
function isOn(setting: Setting | undefined): boolean {
  return setting !== undefined && !/^(false|no|off|0|)$/i.test(setting[1] ?? 'yes');
}
