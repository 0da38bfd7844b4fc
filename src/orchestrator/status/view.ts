import { isDeepStrictEqual } from 'node:util';
import type { StackConfig } from '../../domain/config/config.ts';
import {
  BASELINE,
  type DedicatedRepo,
  dedicatedRepos,
  type InstanceRecord,
  type OwnServer,
  type StackState,
} from '../../domain/instance.ts';
import { addCosts, type RunView } from '../../domain/runs/run.ts';
import { ENGINE_RUNTIME, type RuntimeName, runtimeOf } from '../../domain/runtime.ts';
import { titleOfTask } from '../../domain/task.ts';
import {
  combineStatus,
  type InstanceStatus,
  type InstancesView,
  type InstanceView,
  type OwnView,
  type RepoStatus,
  type RepoView,
  type ServiceView,
  type StackView,
} from '../../domain/view.ts';
import { firstPort } from '../../domain/wiring.ts';
import { isOwnerAlive } from '../core/claim.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { chooseRuntime } from '../prepare/runtime.ts';
import { viewRuns } from '../runs/observe.ts';
import { addressOfOwn, addressOfShared } from '../shared/address.ts';
import { tellAtRest } from './at-rest.ts';
import { observeMarks } from './changes.ts';
import { type Observed, observeWorld } from './observe.ts';
import { findProblems, findSharedProblems, type Problems, type View } from './problems.ts';

type SharedServices = StackConfig['shared']['services'];

/** How often a look is taken while records change under it. */
const LOOKS = 3;

/** One look at the stack: what is recorded, what there is, and both as people are shown them. */
export interface Look {
  state: StackState;
  observed: Observed;
  view: StackView;
}

/**
 * Looks at the stack as it is now: records for what should be, engine and process table for what runs; with `marks` git too, for how the
 * worktrees stand.
 */
export async function observeStack(stack: Stack, { marks = false } = {}): Promise<StackView> {
  const [{ view }, found, runs] = await Promise.all([
    lookAtStack(stack),
    marks ? observeMarks(stack) : undefined,
    viewRuns(stack),
  ]);
  const instances = view.instances.map((instance) => {
    const repos = Object.entries(instance.repos).map(([name, repo]): [string, RepoView] => {
      const changes = found?.get(instance.ticket)?.[name];
      return [name, repo.mode === 'dedicated' && changes ? { ...repo, changes } : repo];
    });
    return { ...instance, repos: Object.fromEntries(repos), ...tellAgents(runs, instance.ticket) };
  });
  return { ...view, instances };
}

/** Those that live; where none does, how the last one ended. And what all have cost. */
function tellAgents(runs: readonly RunView[], ticket: string): Pick<InstanceView, 'agents' | 'cost'> {
  const own = runs.filter((run) => run.ticket === ticket);
  const cost = addCosts(own.flatMap((run) => run.cost ?? []));
  const living = own.filter(({ state }) => state !== 'exited');
  const shown = living.length > 0 ? living : own.slice(-1);
  const agents = shown.map(({ name, state, since, text, exitCode, cost }) => ({
    name,
    state,
    since,
    text,
    exitCode,
    cost,
  }));
  return { agents, ...(cost && { cost }) };
}

/** The same with what it is told from; nothing is asked about other tickets than `tickets`, which alone are in the view then. */
export async function lookAtStack(stack: Stack, tickets?: readonly string[]): Promise<Look> {
  for (let times = 1; ; times += 1) {
    const state = await stack.store.read();
    const look = await observeRecorded(stack, state, tickets);
    if (times === LOOKS || !look.view.instances.some(({ status }) => status === 'broken')) return look;
    // What seems broken may just go: a command has claimed the ticket since its record was read.
    if (isDeepStrictEqual((await stack.store.read()).instances, state.instances)) return look;
  }
}

async function observeRecorded(stack: Stack, state: StackState, tickets: readonly string[] | undefined): Promise<Look> {
  const config = await readConfig(stack, state);
  const services = config?.shared.services ?? {};
  const records = Object.values(state.instances).filter(({ ticket }) => tickets?.includes(ticket) ?? true);
  const asked = { ...state, instances: Object.fromEntries(records.map((record) => [record.ticket, record])) };
  const [observed, runtime] = await Promise.all([
    observeWorld(stack, services, asked, { onlyThese: tickets !== undefined }),
    config ? chooseRuntime(stack, config.runtime) : recordedRuntime(state),
  ]);
  const baseline = state.baseline && withoutOrphans(state.baseline, config, observed);
  const view = { stack, config, state, observed };
  const instances = await Promise.all(
    records.map(async (recorded) => {
      const record = withoutOrphans(recorded, config, observed);
      return viewInstance(view, record, baseline, await findProblems(view, record));
    }),
  );
  const below = baseline && (await findProblems(view, baseline));
  const shared = viewServices(baseline, observed);
  const resting = baseline ? await tellAtRest(view, baseline, shared) : [];
  const seen: StackView = {
    stack: stack.name,
    root: stack.root,
    runtime,
    repos: config
      ? Object.entries(config.repos).map(([name, { title, shared }]) => ({ name, title, shared }))
      : recordedRepos(state),
    baseline: {
      repos: Object.fromEntries(
        dedicatedRepos(baseline ?? { repos: {} }).map(([repo]) => [repo, viewRunning(baseline, repo, observed)]),
      ),
      services: shared,
    },
    shared: viewShared(stack, services, state, observed),
    problems: [...(below ? [...below.broken, ...below.noted] : []), ...resting, ...findSharedProblems(observed)],
    // Not localeCompare: its collator takes longer to load than all the rest of this takes.
    instances: instances.sort((one, other) => (one.createdAt < other.createdAt ? -1 : 1)),
  };
  return { state, observed, view: seen };
}

/** Returns stack.yml; undefined while it cannot be read and there are tickets, whose records then speak. Throws `config`. */
async function readConfig(stack: Stack, state: StackState): Promise<StackConfig | undefined> {
  if (Object.keys(state.instances).length === 0) return stack.config();
  return configIfReadable(stack, ({ message }) => stack.emit({ type: 'warning', text: message }));
}

function recordedRuntime({ instances }: StackState): StackView['runtime'] {
  const [service] = Object.values(instances).flatMap(({ services }) => Object.values(services));
  return { name: service?.runtime ?? ENGINE_RUNTIME, why: 'stack.yml cannot be read' };
}

function recordedRepos({ instances, baseline }: StackState): StackView['repos'] {
  const names = new Set(Object.values(instances).flatMap(({ repos }) => Object.keys(repos)));
  return [...names].map((name) => ({ name, title: name, shared: Object.hasOwn(baseline?.repos ?? {}, name) }));
}

/** A service that stack.yml has dropped is still spoken of while something of it runs. */
function withoutOrphans(
  record: InstanceRecord,
  config: StackConfig | undefined,
  { workloads }: Observed,
): InstanceRecord {
  if (!config) return record;
  const services = Object.entries(record.services).filter(
    ([name]) => Object.hasOwn(config.services, name) || workloads.has(`${record.ticket}/${name}`),
  );
  return { ...record, services: Object.fromEntries(services) };
}

/** Returns some tickets as `observeStack` sees them, in the order asked for; a name without a record is left out. */
export async function observeInstances(stack: Stack, tickets: readonly string[]): Promise<InstancesView> {
  const { repos, instances } = (await lookAtStack(stack, tickets)).view;
  return { repos, instances: tickets.flatMap((ticket) => instances.filter((instance) => instance.ticket === ticket)) };
}

async function viewInstance(
  view: View,
  record: InstanceRecord,
  baseline: InstanceRecord | undefined,
  { broken, noted, brokenRepos }: Problems,
): Promise<InstanceView> {
  const { observed } = view;
  const services = viewServices(record, observed);
  const title = titleOfTask(record.task);
  const status = await statusOf(record, services, broken);
  const repos = Object.entries(record.repos).map(([name, repo]): [string, RepoView] => {
    if (repo.mode === 'shared') return [name, { mode: 'shared', ...viewRunning(baseline, name, observed) }];
    return [name, viewDedicated(record, name, repo, { observed, broken: brokenRepos.includes(name) })];
  });
  return {
    ticket: record.ticket,
    status,
    createdAt: record.createdAt,
    ...(status === 'paused' && record.paused && { pausedAt: record.paused.at }),
    folder: record.folder,
    ...(title !== undefined && { title }),
    problems: [...broken, ...noted, ...(await tellAtRest(view, record, services))],
    repos: Object.fromEntries(repos),
    services,
    ...(record.own && { own: viewOwn(view, record) }),
  };
}

function viewOwn(view: View, record: InstanceRecord): NonNullable<InstanceView['own']> {
  const parts = Object.entries(record.own ?? {}).map(([service, part]): [string, OwnView] => {
    if (part.as === 'database') return [service, { database: part.database }];
    if (part.as === 'number') return [service, { db: part.number ?? 0 }];
    return [service, { db: 0, server: viewServer(view, record, { service, server: part }) }];
  });
  return Object.fromEntries(parts);
}

function viewServer(
  { stack, config, observed }: View,
  { ticket, started }: InstanceRecord,
  { service, server }: { service: string; server: OwnServer },
): NonNullable<OwnView['server']> {
  const runtime = runtimeOf(server);
  return {
    url: addressOfOwn(stack, service, config?.shared.services[service] ?? {}, server),
    runtime,
    status: observed.servers.get(`${ticket}/${service}`) ?? restOf({ started }, runtime, observed),
  };
}

async function statusOf(
  record: InstanceRecord,
  services: Record<string, ServiceView>,
  broken: readonly string[],
): Promise<InstanceStatus> {
  if (broken.length > 0) return 'broken';
  if (record.phase !== 'ready' && (await isOwnerAlive(record)))
    return record.phase === 'creating' ? 'creating' : 'partial';
  const status = combineStatus(Object.values(services).map((service) => service.status));
  return status === 'stopped' && record.paused ? 'paused' : status;
}

function viewDedicated(
  record: InstanceRecord,
  name: string,
  repo: DedicatedRepo,
  { observed, broken }: { observed: Observed; broken: boolean },
): RepoView {
  const running = viewRunning(record, name, observed);
  return {
    mode: 'dedicated',
    ...running,
    status: broken ? 'broken' : running.status,
    worktree: repo.worktree,
    branch: repo.branch,
    base: repo.base,
    existingBranch: !repo.ownsBranch,
  };
}

/** The address of a repo is that of its first service with a port. */
function viewRunning(
  record: InstanceRecord | undefined,
  repo: string,
  observed: Observed,
): { url?: string; status: RepoStatus } {
  const services = Object.entries(record?.services ?? {}).filter(([, service]) => service.repo === repo);
  const port = services.map(([, service]) => firstPort(service)).find((found) => found !== undefined);
  const statuses = services.map(
    ([name, { runtime }]) =>
      observed.workloads.get(`${record?.ticket}/${name}`)?.state ?? restOf(record, runtime, observed),
  );
  return { ...(port && { url: `http://localhost:${port.host}` }), status: combineStatus(statuses) };
}

/** What is said of what nobody has seen: its runtime was not asked of what was never started, or did not answer. */
function restOf(
  record: Pick<InstanceRecord, 'started'> | undefined,
  runtime: RuntimeName,
  { answered }: Observed,
): 'stopped' | 'unknown' {
  return record?.started && !answered.has(runtime) ? 'unknown' : 'stopped';
}

function viewServices(record: InstanceRecord | undefined, observed: Observed): Record<string, ServiceView> {
  const views = Object.entries(record?.services ?? {}).map(([name, service]): [string, ServiceView] => {
    const found = observed.workloads.get(`${record?.ticket ?? BASELINE}/${name}`);
    const ports = Object.entries(service.ports).map(([key, port]) => [key, port.host] as const);
    return [
      name,
      {
        repo: service.repo,
        runtime: service.runtime,
        status: found?.state ?? restOf(record, service.runtime, observed),
        ports: Object.fromEntries(ports),
        ...(found?.state === 'exited' && found.exitCode !== undefined ? { exitCode: found.exitCode } : {}),
      },
    ];
  });
  return Object.fromEntries(views);
}

function viewShared(stack: Stack, wanted: SharedServices, state: StackState, observed: Observed): StackView['shared'] {
  const views = Object.entries(wanted).map(([name, settings]) => {
    const url = addressOfShared(stack, name, settings, state.shared[name]);
    return [name, { url, status: observed.shared.get(name)?.status ?? 'stopped' }];
  });
  return Object.fromEntries(views);
}
