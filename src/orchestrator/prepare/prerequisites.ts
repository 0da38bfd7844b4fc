import path from 'node:path';
import { listKeptOut } from '../../adapters/git/worktree/sparse.ts';
import { isPortFree } from '../../adapters/process/ports.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { ifAnswered, StackError } from '../../domain/errors.ts';
import {
  BASELINE,
  type DedicatedRepo,
  type InstanceRecord,
  type ServiceRecord,
  type StackState,
} from '../../domain/instance.ts';
import { fittingLeases } from '../../domain/leases.ts';
import { HOST_RUNTIME, keepToEngine, runtimeOf } from '../../domain/runtime.ts';
import { quoteForShell } from '../../domain/shell.ts';
import type { Extent } from '../../domain/step.ts';
import { leasePorts, listLeases } from '../core/leases.ts';
import type { Stack } from '../core/stack.ts';
import { putRecord } from '../core/work.ts';
import { checkReach, explainComposed, leaseShared, planShared, type SharedProviders } from '../shared/plan.ts';
import { findComposeFile } from '../shared/ports.ts';
import { factsOf } from './repos.ts';
import { mergeServices, planServices } from './services.ts';

/** What all tickets stand on: the baseline, where repos are shared, and what runs the shared services. */
export interface Prerequisites {
  baseline: InstanceRecord | undefined;
  providers: SharedProviders;
  /** Services of the baseline that are at rest and have another port than their `baseline`, which is free now. */
  movable: ReadonlySet<string>;
  /** True: a port that stack.yml asks for now takes the place of the leased one. */
  follow?: boolean;
}

/** Plans what a ticket stands on, as stack.yml has it now. Makes nothing. Throws what is in the way. */
export async function planPrerequisites(stack: Stack, config: StackConfig, state: StackState): Promise<Prerequisites> {
  const [baseline, providers, movable] = await Promise.all([
    planBaseline(stack, config, state.baseline),
    planShared(stack, config, state),
    listMovable(stack, config, state),
  ]);
  return { baseline, providers, movable };
}

/** Who was given another port while somebody had its own gets that back, once nobody is connected to the other one. */
async function listMovable(stack: Stack, config: StackConfig, state: StackState): Promise<Set<string>> {
  const leased = listLeases(state);
  const away = Object.entries(state.baseline?.services ?? {}).filter(([name, { ports }]) =>
    Object.entries(config.services[name]?.ports ?? {}).some(
      ([key, { baseline }]) => baseline !== undefined && !leased.has(baseline) && ports[key]?.host !== baseline,
    ),
  );
  const found = await Promise.all(
    away.map(async ([name, { runtime }]) => {
      const seen = await ifAnswered(async () => (await stack.runtime(runtime)).status(stack.rootId, BASELINE));
      return seen?.every(({ service, state: is }) => service !== name || is !== 'running') ? [name] : [];
    }),
  );
  return new Set(found.flat());
}

/** Leases what the prerequisites lack; another command may have recorded it meanwhile, and its leases stand. */
export async function reservePrerequisites(
  stack: Stack,
  config: StackConfig,
  draft: StackState,
  prerequisites: Prerequisites,
): Promise<InstanceRecord | undefined> {
  await leaseShared(stack, config, draft, prerequisites);
  return reserveBaseline(stack, config, draft, prerequisites);
}

async function reserveBaseline(
  stack: Stack,
  config: StackConfig,
  draft: StackState,
  { baseline: planned, movable }: Prerequisites,
): Promise<InstanceRecord | undefined> {
  if (!planned) return draft.baseline;
  const known = draft.baseline?.services ?? {};
  for (const [name, service] of Object.entries(planned.services)) {
    service.ports = {
      ...service.ports,
      ...fittingLeases(config, name, { ...service, ports: known[name]?.ports ?? {} }),
    };
    if (movable.has(name)) await giveUpOthers(config, name, service);
  }
  draft.baseline = undefined;
  await leasePorts(stack, draft, planned, config);
  putRecord(draft, planned);
  return planned;
}

/** Gives up ports that were leased in the place of a service's own, where that is free now. */
async function giveUpOthers(config: StackConfig, name: string, { ports }: ServiceRecord): Promise<void> {
  for (const [key, { baseline }] of Object.entries(config.services[name]?.ports ?? {})) {
    if (baseline !== undefined && ports[key]?.host !== baseline && (await isPortFree(baseline))) delete ports[key];
  }
}

/** Throws `engine` or `config` when something that is to run has nothing to run on, before anything is made. */
export async function requireRunnable(
  stack: Stack,
  config: StackConfig,
  options: { prerequisites: Prerequisites; services: Record<string, ServiceRecord>; extent: Extent },
): Promise<void> {
  if (options.extent === 'files') return;
  const { baseline, providers } = options.prerequisites;
  const services = { ...baseline?.services, ...options.services };
  const servers = Object.values(providers).map((provider) => ({ provider }));
  if (Object.values(providers).includes('compose')) await findComposeFile(stack, config);
  for (const name of new Set([...Object.values(services), ...servers].map((one) => runtimeOf(one)))) {
    const check = await (await stack.runtime(name)).check();
    if (check.ok) continue;
    const needing = Object.keys(services).filter((service) => runtimeOf(services[service]!) === name);
    const { shared } = await stack.store.read();
    const why = needing.length === 0 ? explainComposed(providers, shared) : explainKept(config, needing);
    const cure = needing.length === 0 || why !== undefined ? keepToEngine(check.hint) : check.hint;
    throw new StackError('engine', check.reason, { hint: why === undefined ? cure : `${cure}; ${why}` });
  }
  // With no engine, servers are embedded for that reason alone.
  checkReach(providers, services);
}

/** Says what helps where services are containers that stack.yml has as processes meanwhile; undefined where one is to be a container. */
function explainKept(config: StackConfig, services: readonly string[]): string | undefined {
  if (!services.every((name) => config.services[name]?.runtime === HOST_RUNTIME)) return undefined;
  const stay =
    services.length > 1 ? 'were made as containers and stay that way' : 'was made as a container and stays that way';
  return `${services.join(' and ')} ${stay}; a ticket that is destroyed and created again follows stack.yml`;
}

/** Returns the baseline's record as stack.yml has it now, with the leases it holds; undefined when no repo is shared. */
async function planBaseline(
  stack: Stack,
  config: StackConfig,
  known: InstanceRecord | undefined,
): Promise<InstanceRecord | undefined> {
  const names = Object.keys(config.repos).filter((repo) => config.repos[repo]?.shared);
  if (names.length === 0) return undefined;
  const repos = await Promise.all(
    names.map(async (repo) => [repo, await planMainCheckout(stack, config, repo, known)] as const),
  );
  await Promise.all(repos.map(([repo, { worktree }]) => requireDirs(config, repo, worktree)));
  const services = await planServices(stack, config, BASELINE, Object.fromEntries(repos));
  return {
    ticket: BASELINE,
    argument: BASELINE,
    createdAt: known?.createdAt ?? new Date().toISOString(),
    phase: 'ready',
    started: true,
    folder: '',
    repos: Object.fromEntries(repos),
    services: mergeServices(config, await forgetUnused(stack, known?.services ?? {}, services), services),
  };
}

/** Throws `config` where a service is to run in a folder that the main checkout's sparse checkout leaves out: that is the person's. */
async function requireDirs(config: StackConfig, repo: string, checkout: string): Promise<void> {
  const own = Object.entries(config.services).filter(([, service]) => service.repo === repo);
  const keptOut = await listKeptOut(checkout, [...new Set(own.map(([, { dir }]) => dir))]);
  const [name, service] = own.find(([, { dir }]) => keptOut.includes(dir)) ?? [];
  if (!service) return;
  throw new StackError(
    'config',
    `${name} runs in ${service.dir}, which the sparse checkout of ${checkout} leaves out`,
    {
      hint: `\`git -C ${quoteForShell(checkout)} sparse-checkout add ${keptOut.map(quoteForShell).join(' ')}\` brings it in`,
      details: { service: name, folders: keptOut },
    },
  );
}

/** A baseline service that is to run elsewhere now moves there, once nothing of it runs where it was. */
async function forgetUnused(
  stack: Stack,
  known: Record<string, ServiceRecord>,
  planned: Record<string, ServiceRecord>,
): Promise<Record<string, ServiceRecord>> {
  const kept = await Promise.all(
    Object.entries(known).map(async ([name, service]) => {
      const wanted = planned[name]?.runtime;
      if (wanted === undefined || wanted === service.runtime) return [[name, service] as const];
      const found = await ifAnswered(async () => (await stack.runtime(service.runtime)).status(stack.rootId, BASELINE));
      return found?.some((status) => status.service === name) ? [[name, service] as const] : [];
    }),
  );
  return Object.fromEntries(kept.flat());
}

async function planMainCheckout(
  stack: Stack,
  config: StackConfig,
  repo: string,
  known: InstanceRecord | undefined,
): Promise<DedicatedRepo> {
  const recorded = known?.repos[repo];
  const checkout = path.resolve(stack.root, config.repos[repo]?.path ?? '');
  if (recorded?.mode === 'dedicated' && recorded.path === checkout) return recorded;
  const facts = await factsOf(stack, config, repo);
  return {
    mode: 'dedicated',
    path: facts.top,
    gitCommonDir: facts.gitCommonDir,
    worktree: facts.top,
    branch: facts.branch ?? 'HEAD',
    ownsBranch: false,
    base: facts.branch ?? 'HEAD',
    baseCommit: facts.headCommit,
    envFiles: [],
    copied: true,
    setUp: true,
  };
}
