import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { changeGit, type GitChange, gitError, tryGit } from './git.ts';

const DEADLINE_SECONDS = 60;
/** How long another process's change of the same config file is waited for. */
const CONFIG_WAIT_MS = 3000;

/**
 * Gives the remote that a plain `git push` of a new branch should reach, undefined when there is none, or when the
 * person's own settings say already what such a push does.
 */
export async function findPushRemote(folder: string): Promise<string | undefined> {
  const pattern = '^(remote\\..*\\.url|remote\\.pushdefault|push\\.default|push\\.autosetupremote)$';
  const { stdout } = await tryGit(folder, ['config', '-z', '--get-regexp', pattern]);
  const settings = stdout.split('\0').map((entry) => entry.split('\n') as [string, string | undefined]);
  const find = (key: string) => settings.findLast(([name]) => name === key);
  const urls = settings.flatMap(([name]) =>
    name.endsWith('.url') ? [name.slice('remote.'.length, -'.url'.length)] : [],
  );
  const remotes = [...new Set(urls)];
  const remote = remotes.includes('origin') ? 'origin' : remotes[0];
  if (remotes.length > 1 && remote !== 'origin') return undefined;
  const automatic = find('push.autosetupremote');
  if (automatic && !/^(false|no|off|0)$/i.test(automatic[1] ?? 'true')) return undefined;
  if (!['simple', 'upstream', 'tracking'].includes(find('push.default')?.[1] ?? 'simple')) return undefined;
  return [remote, undefined].includes(find('remote.pushdefault')?.[1]) ? remote : undefined;
}

/**
 * Gives a new branch its own name at the remote for an upstream: a plain `git push` then makes just that branch, whatever
 * the base was. Throws `git`.
 */
export async function setPushTarget(
  folder: string,
  gitCommonDir: string,
  branch: string,
  remote: string,
): Promise<void> {
  const settings = [
    [`branch.${branch}.remote`, remote],
    [`branch.${branch}.merge`, `refs/heads/${branch}`],
  ];
  for (const setting of settings) {
    const done = await changeConfig(folder, gitCommonDir, setting);
    if (done.exitCode !== 0) throw gitError(`cannot set where ${branch} is pushed to`, done);
  }
}

/** Drops what the repo's config says of a branch; nothing there is done. Throws `git`. */
export async function forgetBranchSettings(folder: string, gitCommonDir: string, branch: string): Promise<void> {
  const section = `branch.${branch}`;
  const { stdout } = await tryGit(folder, ['config', '--local', '-z', '--name-only', '--list']);
  if (!stdout.split('\0').some((name) => name.startsWith(`${section}.`))) return;
  const done = await changeConfig(folder, gitCommonDir, ['--remove-section', section]);
  if (done.exitCode !== 0) throw gitError(`cannot remove the settings of the branch ${branch}`, done);
}

/** Git does not wait for the lock of its config file, so we do. */
async function changeConfig(folder: string, gitCommonDir: string, args: readonly string[]): Promise<GitChange> {
  const deadline = performance.now() + CONFIG_WAIT_MS;
  for (;;) {
    const done = await changeGit(folder, ['config', '--local', ...args], { deadlineSeconds: DEADLINE_SECONDS });
    const others = done.exitCode !== 0 && existsSync(path.join(gitCommonDir, 'config.lock'));
    if (!others || performance.now() > deadline) return done;
    await wait(20);
  }
}
