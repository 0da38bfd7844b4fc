import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { requireRootAt } from '../../adapters/config-file.ts';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { tryGit } from '../../adapters/git/git.ts';
import { listOperations, readOwnEntry, type WorktreeEntry } from '../../adapters/git/worktree/entry.ts';
import { readNotes } from '../../adapters/git/worktree/own-notes.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { ifAnswered, StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import { quoteForShell } from '../../domain/shell.ts';
import { hintToEnd } from '../../domain/standing.ts';
import { isWithin } from '../../domain/within.ts';
import type { Stack } from '../core/stack.ts';
import { ownerOf } from '../core/work.ts';
import { type Adopted, factsOf } from './repos.ts';

/** What is to become a ticket. */
export interface Adoption {
  /** The name as it may be typed: a branch, or what was said. */
  argument: string;
  /** By repo. */
  adopt: Record<string, Adopted>;
}

/**
 * Looks at worktrees that somebody made, of one repo each, which are to be one ticket's; `as` is its name, by default that of their
 * branch. Changes nothing. Throws `not-found`; `usage` for what is no worktree of a repo of this stack; `exists` for one that is a
 * ticket's; `conflict` where no branch is checked out.
 */
export async function planAdoption(stack: Stack, paths: readonly string[], as: string | undefined): Promise<Adoption> {
  const config = await stack.config();
  const adopt: Record<string, Adopted> = {};
  for (const one of paths) {
    const { repo, ...adopted } = await lookAt(stack, config, one);
    const twin = adopt[repo];
    if (twin)
      throw new StackError('usage', `${twin.worktree} and ${adopted.worktree} are both worktrees of ${repo}`, {
        hint: 'a ticket has one of each repo: adopt them as two tickets',
      });
    adopt[repo] = adopted;
  }
  const branches = [...new Set(Object.values(adopt).map(({ branch }) => branch))];
  const argument = as ?? branches[0] ?? '';
  if (as === undefined && branches.length > 1)
    throw new StackError('usage', `which name? Their branches differ: ${branches.join(', ')}`, {
      hint: '--as TICKET names the ticket',
    });
  return { argument, adopt };
}

async function lookAt(stack: Stack, config: StackConfig, given: string): Promise<Adopted & { repo: string }> {
  const folder = await ifThere(realpath(given));
  if (folder === undefined)
    throw new StackError('not-found', `there is nothing at ${given}`, { hint: '`git worktree list` shows worktrees' });
  const top = await findTop(folder, given);
  const { repo, main } = await findRepo(stack, config, top);
  if (top.gitDir === top.gitCommonDir)
    throw new StackError('usage', `${given} is the main checkout of ${repo}, and no ticket’s`, {
      hint: `\`stack create TICKET\` makes a ticket with a worktree of its own; \`git -C ${main} worktree add\` makes one by hand`,
    });
  if (isWithin(stack.root, top.folder)) throw await ownRootError(stack.root, top);
  const taken = findTaken(await stack.store.read(), top.folder);
  // Whoever makes a ticket once more clears what the command before has left of it.
  const left = taken?.phase === 'creating' ? ownerOf({ stack, record: taken }) : undefined;
  if (taken && left === undefined) throw takenError(taken, repo, top.folder);
  const entry = await readOwnEntry(top.folder, top.gitCommonDir);
  if (!entry?.hasIndex)
    throw new StackError('conflict', `git is still making the worktree ${top.folder}`, {
      hint: 'wait until it is done, then run the command again',
    });
  await requireUnowned(top.folder, entry, left);
  const [operation] = await listOperations(entry);
  if (top.branch === undefined)
    throw new StackError('conflict', `no branch is checked out in ${top.folder}`, {
      hint:
        operation === undefined
          ? `\`git switch -c BRANCH\` there first: what stack tells of a ticket’s work goes by its branch`
          : hintToEnd(operation.replace(/^an? /, ''), top.folder),
    });
  return { repo, worktree: top.folder, branch: top.branch, commit: top.commit };
}

interface Top {
  /** The worktree's top folder, as git has it. */
  folder: string;
  gitDir: string;
  gitCommonDir: string;
  branch: string | undefined;
  commit: string;
}

/** The top of the worktree that a folder is in. */
async function findTop(folder: string, given: string): Promise<Top> {
  const flags = ['--path-format=absolute', '--git-common-dir', '--git-dir', '--show-toplevel'];
  const place = await tryGit(folder, ['rev-parse', ...flags]);
  const [common = '', own = '', top = ''] = place.stdout.split('\n');
  if (place.exitCode !== 0 || top === '')
    throw new StackError('usage', `${given} is no worktree of a git repo`, { hint: '`git worktree add` makes one' });
  const head = await tryGit(top, ['rev-parse', '--verify', '--quiet', 'HEAD']);
  const branch = await tryGit(top, ['symbolic-ref', '--quiet', '--short', 'HEAD']);
  if (head.exitCode !== 0)
    throw new StackError('conflict', `${top} has no commit yet`, { hint: `make the first one in ${top}` });
  const [gitCommonDir, gitDir] = await Promise.all([realpath(common), realpath(own)]);
  return {
    ...{ folder: await realpath(top), gitDir, gitCommonDir },
    branch: branch.exitCode === 0 ? branch.stdout.trim() : undefined,
    commit: head.stdout.trim(),
  };
}

/** The worktree carries a stack.yml, by which it was taken for the root. */
async function ownRootError(root: string, { folder, gitCommonDir }: Top): Promise<StackError> {
  const main = path.join(path.dirname(gitCommonDir), path.relative(folder, root));
  const isMain = await ifAnswered(() => requireRootAt(main));
  const named = isMain ? quoteForShell(main) : 'ROOT';
  return new StackError('usage', `${folder} holds the root ${root}, so it cannot be a ticket of that`, {
    hint: `\`stack --root ${named} adopt ${quoteForShell(folder)}\` makes it a ticket of the main checkout’s root`,
  });
}

/** Returns the repo of stack.yml that a worktree is of, and where its main checkout is. */
async function findRepo(stack: Stack, config: StackConfig, top: Top): Promise<{ repo: string; main: string }> {
  const names = Object.keys(config.repos);
  const facts = await Promise.all(names.map((repo) => ifAnswered(() => factsOf(stack, config, repo))));
  const at = facts.findIndex((one) => one?.gitCommonDir === top.gitCommonDir);
  const repo = names[at];
  if (repo !== undefined) return { repo, main: facts[at]?.top ?? '' };
  const of = path.basename(top.gitCommonDir) === '.git' ? path.dirname(top.gitCommonDir) : top.gitCommonDir;
  throw new StackError('usage', `${top.folder} is a worktree of ${of}, which is no repo of this stack`, {
    hint: `its repos: ${names.map((name) => `${name} (${config.repos[name]?.path})`).join(', ')}`,
  });
}

/** Throws `exists` where a worktree is a ticket's. */
export function refuseTaken(state: StackState, repo: string, worktree: string): void {
  const taken = findTaken(state, worktree);
  if (taken) throw takenError(taken, repo, worktree);
}

function findTaken(state: StackState, worktree: string): InstanceRecord | undefined {
  return Object.values(state.instances).find((other) =>
    dedicatedRepos(other).some(([, own]) => own.worktree === worktree),
  );
}

function takenError({ ticket, phase }: InstanceRecord, repo: string, worktree: string): StackError {
  if (phase === 'ready')
    return new StackError('exists', `${worktree} is the ${repo} of ${ticket} already`, {
      hint: `\`stack start ${ticket}\` starts it, \`stack show ${ticket}\` tells of it`,
    });
  return new StackError(
    'exists',
    `${worktree} is the ${repo} of ${ticket}, which is half ${phase === 'creating' ? 'made' : 'destroyed'}`,
    {
      hint: `\`stack destroy ${ticket}\` clears that`,
    },
  );
}

/** Throws `exists` for a worktree that another ticket, or another root's, has. */
export async function requireUnowned(worktree: string, entry: WorktreeEntry, owner?: string): Promise<void> {
  const other = (await readNotes(entry.folder)).owner;
  if (other === '' || other === owner) return;
  throw new StackError('exists', `${worktree} belongs to the ticket ${other} already`, {
    hint: 'its root knows it; where no `stack ps` shows it, `stack doctor --fix` in that root brings it back',
  });
}
