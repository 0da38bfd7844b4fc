import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isThere } from '../../adapters/files/files.ts';
import { refuseLinkedFolder } from '../../adapters/files/own-folders.ts';
import { checkExistingBranch, checkNewBranch } from '../../adapters/git/branch.ts';
import { listLacking } from '../../adapters/git/folders.ts';
import { defaultBranch, inspectRepo, type RepoFacts } from '../../adapters/git/repo.ts';
import { requirePlace } from '../../adapters/git/worktree/make.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord, type RepoRecord } from '../../domain/instance.ts';
import { suggest } from '../../domain/suggest.ts';
import { fillTemplate } from '../../domain/template.ts';
import type { TicketName } from '../../domain/ticket.ts';
import type { Stack } from '../core/stack.ts';
import { findOwner, planBase } from './base.ts';

/** What a person asked for, per repo: a base for a new branch, a branch that exists, or just an own copy. */
export interface RepoRequest {
  from: Record<string, string>;
  on: Record<string, string>;
  with: readonly string[];
  /** New branches start from what the remote has of their bases. */
  latest?: boolean;
}

/** Checks that every repo of a request is in stack.yml and is named in one way only. Throws `usage`. */
export function checkRequest(config: StackConfig, request: RepoRequest): void {
  const flags = [
    ...Object.keys(request.from).map((repo) => [repo, `--from-${repo}`] as const),
    ...Object.keys(request.on).map((repo) => [repo, `--on-${repo}`] as const),
    ...request.with.map((repo) => [repo, `--with ${repo}`] as const),
  ];
  for (const [repo, flag] of flags) requireRepo(config, repo, flag);
  for (const repo of Object.keys(request.from)) {
    if (!(repo in request.on)) continue;
    throw new StackError('usage', `--from-${repo} and --on-${repo} exclude each other`, {
      hint: '--from makes a new branch there, --on works on one that exists',
    });
  }
}

/** Throws `usage`, with the flag that says so, where stack.yml has no repo of that name. */
export function requireRepo(config: StackConfig, repo: string, flag: string): void {
  const why = explainRepo(config, repo);
  if (!why) return;
  const details = { repo, known: Object.keys(config.repos) };
  throw new StackError('usage', `${flag}: ${why.message}`, { hint: why.hint, details });
}

/** Returns why a name is no repo of stack.yml; undefined for one that is. */
export function explainRepo(config: StackConfig, repo: string): { message: string; hint: string } | undefined {
  const known = Object.keys(config.repos);
  if (known.includes(repo)) return undefined;
  const [near] = suggest(repo, known);
  return {
    message: `stack.yml has no repo ${JSON.stringify(repo)}`,
    hint: `${near === undefined ? '' : `did you mean ${near}? `}its repos: ${known.join(', ')}`,
  };
}

/** Returns the repos that the ticket gets its own copy of. */
export function listRequested(config: StackConfig, request: RepoRequest): string[] {
  return Object.keys(config.repos).filter((repo) => isRequested(config, request, repo));
}

/** A worktree that somebody else made and that becomes a ticket's. */
export interface Adopted {
  /** Absolute real path. */
  worktree: string;
  /** What is checked out there. */
  branch: string;
  /** Full id of its commit. */
  commit: string;
}

/** True when the ticket gets its own copy of the repo. */
function isRequested(config: StackConfig, request: RepoRequest, repo: string): boolean {
  return !config.repos[repo]?.shared || repo in request.from || repo in request.on || request.with.includes(repo);
}

export interface PlanOptions {
  name: TicketName;
  request: RepoRequest;
  /** Folder the worktrees go into. */
  folder: string;
  /** False for `--dry-run`: nothing is fetched. */
  fetch: boolean;
  /** Plans this repo alone. */
  only?: string;
  /** Worktrees that are there, by repo. */
  adopt?: Readonly<Record<string, Adopted>> | undefined;
  /** The ticket that goes before this one is made: its places and branches are free then. */
  instead?: InstanceRecord | undefined;
}

/** Asks git, in all repos side by side, what the ticket's copies will be. Makes nothing. Throws what is in the way. */
export async function planRepos(
  stack: Stack,
  config: StackConfig,
  options: PlanOptions,
): Promise<Record<string, RepoRecord>> {
  const planned = await Promise.allSettled(
    (options.only === undefined ? Object.keys(config.repos) : [options.only]).map(
      async (repo): Promise<[string, RepoRecord]> => {
        const isAdopted = Object.hasOwn(options.adopt ?? {}, repo);
        if (!isAdopted && !isRequested(config, options.request, repo)) return [repo, { mode: 'shared' }];
        return [repo, await planRepo(stack, config, repo, options)];
      },
    ),
  );
  const refused = planned.find((result) => result.status === 'rejected');
  if (refused) throw refused.reason;
  const repos = Object.fromEntries(planned.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
  await refuseTwins(repos);
  return repos;
}

/** Throws `config` for two repos of stack.yml that are one git repo: a branch can be in one worktree alone. */
async function refuseTwins(repos: Record<string, RepoRecord>): Promise<void> {
  const seen = new Map<string, string>();
  for (const [repo, record] of Object.entries(repos)) {
    if (record.mode === 'shared') continue;
    // By number, since one folder may have several names: in another case, or mounted.
    const { dev, ino } = await stat(record.gitCommonDir);
    const key = JSON.stringify([dev, ino, record.branch]);
    const twin = seen.get(key);
    seen.set(key, repo);
    if (twin === undefined) continue;
    throw new StackError('config', `the repos ${twin} and ${repo} of stack.yml are one git repo: ${record.path}`, {
      hint: `name it once; services that live in folders of it say \`repo: ${twin}\` and \`dir:\``,
      details: { repos: [twin, repo], path: record.path },
    });
  }
}

async function planRepo(stack: Stack, config: StackConfig, repo: string, options: PlanOptions): Promise<DedicatedRepo> {
  const facts = await factsOf(stack, config, repo);
  const { name, request, folder } = options;
  const settings = config.repos[repo];
  const common = describeCopy(config, repo, facts, folder);
  await refuseLinkedFolder(stack.root, folder);
  const adopted = options.adopt?.[repo];
  if (adopted) {
    const { worktree, branch, commit } = adopted;
    await checkDirs(stack, config, repo, { path: facts.top, commit, base: branch });
    return { ...common, worktree, branch, ownsBranch: false, adopted: true, base: branch, baseCommit: commit };
  }
  const before = options.instead?.repos[repo];
  const own = before?.mode === 'dedicated' ? before : undefined;
  if (own?.worktree !== common.worktree) await requirePlace(common.worktree);
  const leaving = own && { branch: own.branch, isDeleted: own.ownsBranch };
  const existing = request.on[repo];
  if (existing !== undefined) {
    const { branch, commit, create } = await checkExistingBranch({
      repo,
      path: facts.top,
      branch: existing,
      leaving,
      fetch: options.fetch,
      signal: stack.signal,
    });
    await checkDirs(stack, config, repo, { path: facts.top, commit, base: branch });
    return { ...common, branch, ownsBranch: create, base: branch, baseCommit: commit };
  }
  const branch = fillTemplate(config.branch, (key) => (key === 'ticket' ? name.argument : undefined));
  const ref = request.from[repo] ?? settings?.base ?? (await defaultBranch(facts.top));
  const [{ name: base, commit, fetched }] = await Promise.all([
    planBase(stack, { repo, path: facts.top, ref, fetch: options.fetch, latest: request.latest === true }),
    checkNewBranch({ repo, path: facts.top, branch, leaving }),
  ]);
  const isRequest = base !== ref;
  const text = isRequest ? `fetched ${ref}` : `${ref} was only on the remote; fetched it`;
  if (fetched) stack.emit({ type: 'info', text: `${repo}: ${text}` });
  await checkDirs(stack, config, repo, { path: facts.top, commit, base });
  // That ticket may be gone by the time that its base is asked for.
  const tickets = Object.values((await stack.store.read()).instances);
  const stackedOn = base === branch ? undefined : findOwner(tickets, common.gitCommonDir, base);
  return { ...common, branch, ownsBranch: true, base, baseCommit: commit, ...(stackedOn && { stackedOn }) };
}

/**
 * Throws `config` where a service is to run in a folder that its repo does not have; warns where a set-up, or what is copied, may yet
 * make it.
 */
async function checkDirs(
  stack: Stack,
  config: StackConfig,
  repo: string,
  { path: cwd, commit, base }: { path: string; commit: string; base: string },
): Promise<void> {
  const own = Object.entries(config.services).filter(([, service]) => service.repo === repo);
  const lacking = await listLacking(cwd, commit, [...new Set(own.map(([, { dir }]) => dir))]);
  const settings = config.repos[repo];
  const isMade = [settings?.setup, settings?.migrate, settings?.copy].some((list) => (list ?? []).length > 0);
  for (const [name, { dir }] of own) {
    if (!lacking.includes(dir)) continue;
    const text = `${name} runs in \`dir: ${dir}\`, a folder that ${repo} does not have at ${base}`;
    if (isMade || (await isThere(path.join(cwd, '.worktreeinclude'))))
      stack.emit({ type: 'warning', text: `${text}: its set-up has to make it` });
    else {
      throw new StackError('config', text, {
        hint: `set \`dir:\` of ${name} to a folder of ${repo}, or commit that folder there`,
        details: { service: name, repo, dir, commit },
      });
    }
  }
}

/** Has the `setup:` and `migrate:` commands of an instance's own repos count as run. */
export function countAsSetUp(record: Pick<InstanceRecord, 'repos'>): void {
  for (const [, own] of dedicatedRepos(record)) Object.assign(own, { setUp: true, migrated: true });
}

/** Returns what is the same of every copy that a ticket in this folder has of a repo. */
export function describeCopy(config: StackConfig, repo: string, facts: RepoFacts, folder: string) {
  const disposable = config.repos[repo]?.disposable ?? [];
  return {
    mode: 'dedicated',
    path: facts.top,
    gitCommonDir: facts.gitCommonDir,
    worktree: path.join(folder, repo),
    envFiles: listEnvFiles(config, repo),
    ...(disposable.length > 0 && { disposable }),
    copied: false,
    setUp: false,
  } as const;
}

/** Asks git about the main checkout of one repo of stack.yml. Throws `config` when it cannot be used. */
export async function factsOf(stack: Stack, config: StackConfig, repo: string): Promise<RepoFacts> {
  return inspectRepo({ repo, path: path.resolve(stack.root, config.repos[repo]?.path ?? '') });
}

/** Returns the env files of a repo, relative to it: every folder that has a service gets one. */
export function listEnvFiles(config: StackConfig, repo: string): string[] {
  const dirs = Object.values(config.services).flatMap((service) => (service.repo === repo ? [service.dir] : []));
  return [...new Set(dirs.map((dir) => path.join(dir, config.repos[repo]?.envFile ?? '.env.local')))];
}
