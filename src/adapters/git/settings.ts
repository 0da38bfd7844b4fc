import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { askGit, changeGit, type GitChange, gitError, tryGit } from './git.ts';

const DEADLINE_SECONDS = 60;
/** How long another process's change of the same config file is waited for. */
const CONFIG_WAIT_MS = 3000;

/**
 * Returns a new branch its own name at the remote for an upstream, so that a plain `git push` makes just that branch,
 * whatever the base was. Does nothing without a remote, or where the person's settings say already what such a push does.
 * Throws `git`.
 */
export async function setPushTarget(folder: string, gitCommonDir: string, branch: string): Promise<void> {
  const settings = await listSettings(folder);
  const remote = await choosePushRemote(folder, branch, settings);
  if (remote === undefined || settings.some(([name]) => name.startsWith(`branch.${branch}.`))) return;
  const wanted = [
    [`branch.${branch}.remote`, remote],
    [`branch.${branch}.merge`, `refs/heads/${branch}`],
  ];
  for (const setting of wanted) {
    const done = await changeConfig(folder, gitCommonDir, setting);
    if (done.exitCode !== 0) throw gitError(`cannot set where ${branch} is pushed to`, done);
  }
}

/** Returns what git's settings say of a name, as they count in a folder; undefined where nothing does. Throws `git` when git cannot run. */
export async function readSetting(folder: string, name: string): Promise<string | undefined> {
  const { exitCode, stdout } = await tryGit(folder, ['config', '--get', name]);
  return exitCode === 0 ? stdout.trimEnd() : undefined;
}

/** True when the repo's config says something of a branch. Throws `git`. */
export async function hasBranchSettings(folder: string, branch: string): Promise<boolean> {
  return (await listSettings(folder, '--local')).some(([name]) => name.startsWith(`branch.${branch}.`));
}

/** Drops what the repo's config says of a branch. Throws `git`, also when it says nothing. */
export async function forgetBranchSettings(folder: string, gitCommonDir: string, branch: string): Promise<void> {
  const done = await changeConfig(folder, gitCommonDir, ['--remove-section', `branch.${branch}`]);
  if (done.exitCode !== 0) throw gitError(`cannot remove the settings of the branch ${branch}`, done);
}

/** One line of git's settings; without a value it is a yes. */
export type Setting = [name: string, value: string | undefined];

/** The remote that has the branch already, else origin, else the only one; undefined when settings decide otherwise. */
async function choosePushRemote(folder: string, branch: string, settings: Setting[]): Promise<string | undefined> {
  if (isPushDecided(settings)) return undefined;
  const remotes = [...new Set(settings.flatMap(([name]) => /^remote\.(.+)\.url$/s.exec(name)?.[1] ?? []))];
  const holders = remotes.length < 2 ? [] : await listHolders(folder, branch, remotes);
  const among = holders.length > 0 ? holders : remotes;
  const only = among.length === 1 ? among[0] : undefined;
  const remote = among.includes('origin') ? 'origin' : only;
  const [, pushed] = settings.findLast(([name]) => name === 'remote.pushdefault') ?? [];
  return pushed === undefined || pushed === remote ? remote : undefined;
}

/** True when a plain push of a branch without upstream does what it should, or what the person wants it to. */
function isPushDecided(settings: Setting[]): boolean {
  const automatic = settings.findLast(([name]) => name === 'push.autosetupremote');
  // A setting without a value is a yes.
  if (automatic && !/^(false|no|off|0)$/i.test(automatic[1] ?? 'yes')) return true;
  const [, kind = 'simple'] = settings.findLast(([name]) => name === 'push.default') ?? [];
  return !['simple', 'upstream', 'tracking'].includes(kind);
}

async function listHolders(folder: string, branch: string, remotes: readonly string[]): Promise<string[]> {
  const names = remotes.map((remote) => `refs/remotes/${remote}/${branch}`);
  const found = (await askGit(folder, ['for-each-ref', '--format=%(refname)', ...names])).split('\n');
  return remotes.filter((_, index) => found.includes(names[index] ?? ''));
}

/** Returns what `git config --list` has, the ones that win last. Throws `git`. */
export async function listSettings(folder: string, ...scope: string[]): Promise<Setting[]> {
  const entries = (await askGit(folder, ['config', '-z', '--list', ...scope])).split('\0');
  return entries.map(parseSetting);
}

/** Where a setting stands: the file, absolute, or '' for none; and whether it is the repo's own, or one of a person or machine. */
export interface Origin {
  file: string;
  isRepos: boolean;
}

/** Returns the same with where each stands. Throws `git`. */
export async function listPlacedSettings(folder: string): Promise<[...Setting, Origin][]> {
  const parts = (await askGit(folder, ['config', '-z', '--list', '--show-scope', '--show-origin'])).split('\0');
  return Array.from({ length: Math.floor(parts.length / 3) }, (_, at) => {
    const [scope = '', origin = '', entry = ''] = parts.slice(3 * at, 3 * at + 3);
    const file = origin.startsWith('file:') ? path.resolve(folder, origin.slice('file:'.length)) : '';
    return [...parseSetting(entry), { file, isRepos: scope === 'local' || scope === 'worktree' }];
  });
}

function parseSetting(entry: string): Setting {
  const end = entry.indexOf('\n');
  return end === -1 ? [entry, undefined] : [entry.slice(0, end), entry.slice(end + 1)];
}

/** Changes the repo's config. Git does not wait for the lock of that file, so we do. Returns what git said. */
export async function changeConfig(folder: string, gitCommonDir: string, args: readonly string[]): Promise<GitChange> {
  const deadline = performance.now() + CONFIG_WAIT_MS;
  for (let isFree = false; ; ) {
    const done = await changeGit(folder, ['config', '--local', ...args], { deadlineSeconds: DEADLINE_SECONDS });
    if (done.exitCode === 0 || isFree || performance.now() > deadline) return done;
    // Where it is free now it may have been let go of since git wanted it.
    isFree = !existsSync(path.join(gitCommonDir, 'config.lock'));
    await wait(20);
  }
}
