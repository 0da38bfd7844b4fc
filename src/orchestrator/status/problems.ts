import { isThere } from '../../adapters/files/files.ts';
import { describeWayBack, findMoved } from '../../adapters/git/risk/every-risk.ts';
import { findSharedFaults } from '../../adapters/git/shared-state.ts';
import { findWorktreeFault, type WorktreeFault } from '../../adapters/git/worktree/fault.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { StackError, tolerate } from '../../domain/errors.ts';
import {
  BASELINE,
  type DedicatedRepo,
  dedicatedRepos,
  type InstanceRecord,
  type OwnServer,
  type ServiceRecord,
  type StackState,
} from '../../domain/instance.ts';
import { listOwnServers } from '../../domain/own.ts';
import { titleOf } from '../../domain/own-kinds.ts';
import type { RuntimeName } from '../../domain/runtime.ts';
import { isLeftVerification, isOwnerAlive } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { ownerOf } from '../core/work.ts';
import { listOutdated } from '../workloads/outdated.ts';
import type { Observed } from './observe.ts';

/** What is not as stack made it, or as stack.yml has it now, a line each. */
export interface Problems {
  /** The repos of which the files cannot be worked with. */
  brokenRepos: string[];
  /** Things that do not work. */
  broken: string[];
  /** Things that work, or are at rest, and will be otherwise after the next start. */
  noted: string[];
}

/** What is known of the stack as it is now. */
export interface View {
  stack: Stack;
  config: StackConfig | undefined;
  state: StackState;
  observed: Observed;
}

/** Finds what somebody else did to an instance's worktrees, workloads and ports. One that a command is changing has none. */
export async function findProblems(view: View, record: InstanceRecord): Promise<Problems> {
  const found: Problems = { brokenRepos: [], broken: [], noted: [] };
  if (await isLeftVerification(view.stack, record)) {
    found.noted.push(
      `a verification of ${record.verifies} left it: \`stack destroy ${record.ticket}\` removes it, as does the next one`,
    );
    return found;
  }
  if (await isOwnerAlive(record)) return found;
  if (record.phase !== 'ready') {
    const verb = record.phase === 'creating' ? 'create' : 'destroy';
    found.broken.push(`a ${verb} did not finish: \`stack destroy ${record.ticket}\` clears it`);
    return found;
  }
  if (record.unfinished)
    found.noted.push(`its create did not finish: \`stack create ${record.argument}\` goes on from there`);
  await (record.ticket === BASELINE ? findInCheckouts(record, found) : findInRepos(view.stack, record, found));
  for (const [ticket, database] of view.observed.lost) {
    if (ticket === record.ticket)
      found.broken.push(`its database ${database} is gone: \`stack start ${ticket}\` makes it again`);
  }
  for (const [service, server] of listOwnServers(record.own))
    await findInServer(view, record, { service, server }, found);
  const services = Object.entries(record.services);
  await Promise.all(services.map(([name]) => findInService(view, record, name, found)));
  return found;
}

/** Its services need its own server as long as they run. */
async function findInServer(
  { observed }: View,
  { ticket, started, services }: InstanceRecord,
  { service, server }: { service: string; server: OwnServer },
  found: Problems,
): Promise<void> {
  const title = titleOf(service);
  const status = observed.servers.get(`${ticket}/${service}`);
  if (!started || status === undefined || status === 'starting') return;
  if (observed.workloads.get(`${ticket}/${service}`)?.aliases?.length === 0)
    found.broken.push(`its ${title} was disconnected from the stack’s network: \`stack start ${ticket}\` repairs it`);
  if (status === 'running') return;
  const isNeeded = Object.keys(services).some(
    (name) => observed.workloads.get(`${ticket}/${name}`)?.state === 'running',
  );
  if (isNeeded) found.broken.push(`its ${title} does not run: \`stack start ${ticket}\` starts it`);
  if (server.port === undefined || (await isFree(server.port))) return;
  found.noted.push(`port ${server.port} of its ${title} was taken by something else: the next start leases another`);
}

const FAULTS: Record<WorktreeFault, (repo: string, checkout: string) => string> = {
  'repo-gone': (repo, checkout) =>
    `the main checkout of ${repo} is gone from ${checkout}: say in stack.yml where it is`,
  gone: (repo) => `the worktree of ${repo} is gone`,
  'cut-off': (repo) => `the worktree of ${repo} leads to no repo`,
  'branch-gone': (repo) => `the branch that the worktree of ${repo} is on is gone`,
};

async function findInRepos(stack: Stack, record: InstanceRecord, found: Problems): Promise<void> {
  for (const [repo, own] of dedicatedRepos(record)) {
    try {
      await findInRepo(stack, record, repo, own, found);
    } catch (error) {
      // A repo that cannot be looked at is neither well nor gone.
      if (!(error instanceof StackError)) throw error;
      found.brokenRepos.push(repo);
      found.broken.push(`${repo}: ${error.message}`);
    }
  }
}

async function findInRepo(
  stack: Stack,
  record: InstanceRecord,
  repo: string,
  own: DedicatedRepo,
  found: Problems,
): Promise<void> {
  const fault = await findWorktreeFault(own);
  if (fault === undefined) return noteShared(repo, own, found);
  found.brokenRepos.push(repo);
  const place = { repoPath: own.path, worktree: own.worktree };
  const owner = ownerOf({ stack, record });
  const moved = fault === 'gone' ? await tolerate(findMoved({ ...place, owner }), 'git') : undefined;
  const adopted = `: stack did not make it; \`stack destroy ${record.ticket}\` takes away the rest`;
  const back = own.adopted && fault === 'gone' ? adopted : `: \`stack start ${record.ticket}\` brings it back`;
  const cure = fault === 'repo-gone' ? '' : back;
  found.broken.push(
    moved === undefined
      ? `${FAULTS[fault](repo, own.path)}${cure}`
      : `the worktree of ${repo} was moved to ${moved}: ${describeWayBack({ ...place, moved })}`,
  );
}

/** What is wrong with the repo itself, or with who owns the worktree. */
async function noteShared(repo: string, own: DedicatedRepo, found: Problems): Promise<void> {
  for (const { text, cure, broken } of await findSharedFaults(own)) {
    if (broken) found.brokenRepos.push(repo);
    (broken ? found.broken : found.noted).push(`${repo}: ${text}: ${cure}`);
  }
}

async function findInCheckouts(record: InstanceRecord, found: Problems): Promise<void> {
  for (const [repo, own] of dedicatedRepos(record)) {
    if ((await tolerate(isThere(own.gitCommonDir), 'files')) === false)
      found.broken.push(FAULTS['repo-gone'](repo, own.path));
  }
}

async function findInService(view: View, record: InstanceRecord, name: string, found: Problems): Promise<void> {
  const own = record.services[name];
  const seen = view.observed.workloads.get(`${record.ticket}/${name}`);
  if (!own || !record.started || !view.observed.answered.has(own.runtime)) return;
  const label = record.ticket === BASELINE ? `${name} (${BASELINE})` : name;
  const cure = `\`stack ${restart(record)}\` repairs it`;
  if (seen?.aliases?.length === 0) found.broken.push(`${label} was disconnected from the stack’s network: ${cure}`);
  if (seen && seen.name !== own.workload)
    found.broken.push(`the container of ${label} was renamed to ${seen.name}: ${cure}`);
  noteRuntime(view, own.runtime, { name, label }, found);
  if (seen?.state === 'running') {
    const changed = await listOutdated(view, record, name, seen);
    const why = `changed: ${changed.join(', ')}`;
    if (changed.length > 0)
      found.noted.push(
        `${label} runs as stack.yml had it before (${why}): \`stack ${restart(record)}\` makes it again`,
      );
    return;
  }
  if (seen?.state === 'paused') {
    found.noted.push(`${label} is paused: \`stack ${restart(record)}\` lets it go on`);
    return;
  }
  // What was only made may hold its ports itself.
  if (seen?.state === 'starting') return;
  await notePorts(view.stack, record.ticket, { name, label, own }, found);
}

/** Says which ports of a service that is at rest its next start will not get. */
async function notePorts(
  stack: Stack,
  instance: string,
  { name: service, label, own }: { name: string; label: string; own: ServiceRecord },
  { noted }: Problems,
): Promise<void> {
  for (const { host } of Object.values(own.ports)) {
    if (await isFree(host)) continue;
    const astray = await (await stack.runtime(own.runtime)).explainAstray?.({ instance, service });
    if (astray !== undefined) return void noted.push(astray);
    noted.push(`port ${host} of ${label} was taken by something else: the next start leases another`);
  }
}

function noteRuntime(
  { config }: View,
  runtime: RuntimeName,
  { name, label }: { name: string; label: string },
  { noted }: Problems,
): void {
  const requested = config?.services[name]?.runtime ?? 'auto';
  if (requested === 'auto' || requested === runtime) return;
  noted.push(`${label} stays with ${runtime}: \`runtime: ${requested}\` of stack.yml is for new tickets`);
}

async function isFree(port: number): Promise<boolean> {
  const { isPortFree } = await import('../../adapters/process/ports.ts');
  return isPortFree(port);
}

function restart({ ticket }: InstanceRecord): string {
  return ticket === BASELINE ? 'up' : `start ${ticket}`;
}

/** Finds what somebody else did to the shared services. */
export function findSharedProblems({ shared }: Observed): string[] {
  return [...shared].flatMap(([name, { cutOff }]) =>
    cutOff ? [`${name} was disconnected from the stack’s network: \`stack up\` puts it back`] : [],
  );
}
