import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable, ifThere } from '../../adapters/files/file-errors.ts';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { canonicalPath, readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { listWorktrees } from '../../adapters/git/worktree/list.ts';
import { readNotes } from '../../adapters/git/worktree/own-notes.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { readEnvBlock } from '../../domain/env-block.ts';
import type { DedicatedRepo, InstanceRecord, RepoRecord, ServiceRecord } from '../../domain/instance.ts';
import { traitsOf, type WorkloadStatus } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { ticketsFolder } from '../core/work.ts';
import { describeCopy, factsOf } from '../prepare/repos.ts';
import { mergeServices, planServices } from '../prepare/services.ts';
import { type Evidence, ticketOfEntry } from './evidence.ts';

/**
 * Makes the record of a ticket from its worktrees and workloads alone, as stack.yml says that they should be. What nobody
 * knows any more is decided in favour of people's work: no branch counts as made by stack.
 */
export async function deriveRecord(
  stack: Stack,
  config: StackConfig,
  evidence: Evidence,
  ticket: string,
): Promise<InstanceRecord> {
  const folder = path.join(await ticketsFolder(stack.root, config.worktrees), ticket);
  const noted = evidence.entries.filter((entry) => ticketOfEntry(entry) === ticket).map(({ worktree }) => worktree);
  const looks = await Promise.all(
    Object.keys(config.repos).map(async (repo): Promise<[string, RepoRecord][]> => {
      const own = await deriveRepo(stack, config, { repo, folder, noted });
      if (own) return [[repo, own]];
      return config.repos[repo]?.shared ? [[repo, { mode: 'shared' }]] : [];
    }),
  );
  const repos = Object.fromEntries(looks.flat());
  const workloads = evidence.workloads.filter(({ instance }) => instance === ticket);
  const planned = await planServices(stack, config, ticket, repos);
  const known = { ...(await describeWired(config, planned, repos)), ...describeServices(planned, workloads) };
  const made = await ifThere(stat(folder));
  return {
    ...{ ticket, argument: ticket, phase: 'ready', started: true, folder, repos },
    createdAt: (made?.birthtime ?? new Date()).toISOString(),
    services: mergeServices(config, known, planned),
  };
}

async function deriveRepo(
  stack: Stack,
  config: StackConfig,
  { repo, folder, noted }: { repo: string; folder: string; noted: readonly string[] },
): Promise<DedicatedRepo | undefined> {
  const facts = await factsOf(stack, config, repo);
  // One that was moved is recorded where it should be, and spoken of as moved.
  const places = new Set([await canonicalPath(path.join(folder, repo)), ...noted]);
  const [, ...linked] = await listWorktrees(facts.top);
  const found = linked.find((one) => places.has(one.path));
  if (!found) return undefined;
  const branch = found.branch ?? found.head ?? 'HEAD';
  const baseCommit = found.head ?? facts.headCommit;
  const own = { branch, ownsBranch: false, base: branch, baseCommit, copied: true, setUp: true };
  const entry = await readOwnEntry(found.path);
  const isAdopted = entry !== undefined && (await readNotes(entry.folder)).adopted === true;
  const adopted = isAdopted ? { worktree: found.path, adopted: true } : {};
  return { ...describeCopy(config, repo, facts, folder), ...own, ...adopted };
}

/** Returns services as their workloads have them: what runs them, on which ports. */
export function describeServices(
  planned: Readonly<Record<string, ServiceRecord>>,
  workloads: readonly WorkloadStatus[],
): Record<string, ServiceRecord> {
  const known = workloads.flatMap(({ service, runtime, name, ports }) => {
    const plan = planned[service];
    if (!plan) return [];
    const leases = ports.map((port) => [port.name, { host: port.host, container: port.container }] as const);
    return [[service, { ...plan, runtime, workload: name, ports: Object.fromEntries(leases) }] as const];
  });
  return Object.fromEntries(known);
}

/** Returns services with the ports that their env files name: those of a ticket that never ran are nowhere else. */
async function describeWired(
  config: StackConfig,
  planned: Readonly<Record<string, ServiceRecord>>,
  repos: Readonly<Record<string, RepoRecord>>,
): Promise<Record<string, ServiceRecord>> {
  const wired = Object.entries(planned).map(async ([name, service]) => {
    const settings = config.services[name];
    const repo = repos[service.repo];
    if (!settings || repo?.mode !== 'dedicated') return [];
    const file = path.join(repo.worktree, settings.dir, config.repos[service.repo]?.envFile ?? '');
    const values = readEnvBlock((await ifReadable(readFileIfThere(file))) ?? '') ?? {};
    // A file may serve several services; the first has the say, and its name is in it.
    if (values.STACK_SERVICE !== name) return [];
    const ports = Object.keys(settings.ports).flatMap((key) => {
      const variable = Object.keys(settings.env).find((one) => settings.env[one] === `\${port.${key}}`);
      const host = Number(values[variable ?? '']);
      return Number.isInteger(host) && host > 0 && host < 65_536 ? [[key, { host, container: host }] as const] : [];
    });
    // In a container the variable has the port inside.
    if (traitsOf(service).network || ports.length === 0) return [];
    return [[name, { ...service, ports: Object.fromEntries(ports) }] as const];
  });
  return Object.fromEntries((await Promise.all(wired)).flat());
}
