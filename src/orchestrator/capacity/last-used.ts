import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../../adapters/files/file-errors.ts';
import { askAboutFiles } from '../../adapters/git/risk/filters.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { listConnected } from '../../adapters/process/connections.ts';
import { ifAnswered } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { listOwnServers } from '../../domain/own.ts';
import { findWorkingPlan } from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';
import { observeRuns } from '../runs/observe.ts';
import { listUsers } from '../safety/risks.ts';
import { observeWorkload } from '../workloads/observe.ts';

/** How many changed files of a worktree are looked at. */
const MOST_FILES = 1000;

/** When somebody has last used a ticket, as far as that leaves traces. */
export interface Use {
  /** Unix milliseconds. */
  at: number;
  /** Who uses it now, or may; undefined: nobody. */
  by?: string;
}

/**
 * Returns when a ticket was last used: a service was started, git changed something in its worktrees, a file in there that is not
 * committed was written, an agent gave a sign. An agent at work, a plan that goes on, a program that works in its folders, and a
 * connection to one of its ports use it now; where nobody can look at these, they may.
 */
export async function readLastUse(stack: Stack, record: InstanceRecord): Promise<Use> {
  const [runs, plan, by, starts, changes] = await Promise.all([
    observeRuns(stack, record.ticket),
    findWorkingPlan(stack, record.ticket),
    ifAnswered(() => findUser(stack, record)),
    Promise.all(Object.keys(record.services).map((service) => observeWorkload({ stack, record }, service))),
    Promise.all(dedicatedRepos(record).map(([, repo]) => readLastChange(repo))),
  ]);
  const agent = runs.find(({ holds }) => holds);
  const signs = runs.map(({ view }) => Date.parse(view.since));
  const times = [Date.parse(record.createdAt), ...signs, ...changes, ...starts.map((one) => one?.startedAt ?? 0)];
  const worker = agent ? `${agent.view.name} (run ${agent.view.id})` : plan && `the plan ${plan}`;
  const user = worker ?? by ?? 'nobody can see who';
  return { at: Math.max(...times), ...(user !== '' && { by: user }) };
}

/** '' where nobody does. Throws `unseen`. */
async function findUser(stack: Stack, record: InstanceRecord): Promise<string> {
  const [inside] = await listUsers(stack, record);
  if (inside) return `${inside.name} (pid ${inside.pid})`;
  const services = Object.values(record.services).flatMap(({ ports }) => Object.values(ports).map(({ host }) => host));
  const servers = listOwnServers(record.own).flatMap(([, { port }]) => port ?? []);
  const [connected] = await listConnected([...services, ...servers]);
  return connected === undefined ? '' : `somebody connected to port ${connected}`;
}

/** 0 where nothing tells. */
async function readLastChange({ worktree, gitCommonDir }: DedicatedRepo): Promise<number> {
  const entry = await ifAnswered(() => readOwnEntry(worktree, gitCommonDir));
  if (!entry) return 0;
  const own = ['HEAD', 'logs/HEAD', 'MERGE_HEAD'].map((file) => path.join(entry.folder, file));
  const told = await ifAnswered(() =>
    askAboutFiles(worktree, ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=normal']),
  );
  const changed = (told ?? '').split('\0').filter((line) => line.length > 3);
  const files = [...own, ...changed.slice(0, MOST_FILES).map((line) => path.join(worktree, line.slice(3)))];
  const times = await Promise.all(files.map(async (file) => (await ifReadable(stat(file)))?.mtimeMs ?? 0));
  return Math.max(...times);
}
