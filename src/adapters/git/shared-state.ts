import { stat } from 'node:fs/promises';
import path from 'node:path';
import { quoteForShell } from '../../domain/shell.ts';
import { ifReadable } from '../files/file-errors.ts';
import { isThere, readFileIfThere } from '../files/files.ts';
import { tryGit } from './git.ts';

/** Something in what all checkouts of a repo share that keeps git, or its hooks, from working. */
export interface SharedFault {
  /** What is wrong, and what to type about it. */
  text: string;
  cure: string;
  /** True: git does not work there. */
  broken: boolean;
}

interface Checkout {
  /** The main checkout. */
  path: string;
  gitCommonDir: string;
  worktree: string;
}

/** Returns what is wrong with the settings and the owners of a worktree's repo. Asks git only where a file belongs to somebody else. */
export async function findSharedFaults(own: Checkout): Promise<SharedFault[]> {
  const config = (await ifReadable(readFileIfThere(path.join(own.gitCommonDir, 'config')))) ?? '';
  const core = readCore(config);
  return [...findBare(own, core), ...(await findHooks(own, core)), ...(await findOwner(own))];
}

/** Settings of the section `core`, keys in lower case. Git's own parser would cost a process for each worktree. */
function readCore(config: string): Map<string, string> {
  const settings = new Map<string, string>();
  let inside = false;
  for (const line of config.split('\n').map((one) => one.trim())) {
    if (line.startsWith('[')) inside = line.toLowerCase() === '[core]';
    const [, key, value] = /^(\w+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (inside && key !== undefined) settings.set(key.toLowerCase(), (value ?? '').replace(/^"(.*)"$/, '$1'));
  }
  return settings;
}

/** A clone that lies in a checkout's `.git` is not bare, whatever its settings say: git then refuses to work in the checkout. */
function findBare({ path: checkout, gitCommonDir }: Checkout, core: Map<string, string>): SharedFault[] {
  if (core.get('bare') !== 'true' || gitCommonDir !== path.join(checkout, '.git')) return [];
  const cure = `\`git -C ${quoteForShell(checkout)} config core.bare false\``;
  return [{ text: `${checkout} has core.bare=true, so git does not work there`, cure, broken: true }];
}

/** A relative path leads into each worktree; husky makes its folder on install, and git skips hooks that are not there. */
async function findHooks({ path: checkout, worktree }: Checkout, core: Map<string, string>): Promise<SharedFault[]> {
  const hooks = core.get('hookspath');
  if (hooks === undefined || path.isAbsolute(hooks) || hooks.startsWith('~')) return [];
  const [here, there] = await Promise.all([isThere(path.join(checkout, hooks)), isThere(path.join(worktree, hooks))]);
  if (there || !here) return [];
  const text = `${worktree} has no ${hooks}, where core.hooksPath leads: commits there skip the hooks`;
  const cure = `what makes it in the main checkout (mostly the install) belongs in \`setup:\`, or run it there`;
  return [{ text, cure, broken: false }];
}

async function findOwner({ worktree }: Checkout): Promise<SharedFault[]> {
  const found = await ifReadable(stat(worktree));
  if (!found || found.uid === process.getuid?.()) return [];
  const { exitCode, stderr } = await tryGit(worktree, ['rev-parse', '--git-dir']);
  if (exitCode === 0 || !stderr.includes('safe.directory')) return [];
  const text = `${worktree} belongs to another user (uid ${found.uid}), so git refuses to work there`;
  const cure = `\`sudo chown -R $USER ${worktree}\`, or \`git config --global --add safe.directory ${worktree}\``;
  return [{ text, cure, broken: true }];
}
