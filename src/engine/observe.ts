import path from 'node:path';
import { isThere } from '../adapters/files.ts';
import { probePort } from '../adapters/probe.ts';
import type { StackConfig } from '../domain/config/config.ts';
import {
  BASELINE,
  type DedicatedRepo,
  dedicatedRepos,
  type InstanceRecord,
  type StackState,
} from '../domain/instance.ts';
import { sharedProject } from '../domain/names.ts';
import type { WorkloadStatus } from '../domain/runtime.ts';
import { resolveShared, sharedUrl } from '../domain/shared.ts';
import {
  combineStatus,
  type InstanceStatus,
  type InstancesView,
  type InstanceView,
  type RepoStatus,
  type RepoView,
  type ServiceView,
  type StackView,
} from '../domain/view.ts';
import { firstPort } from '../domain/wiring.ts';
import { isOwnerAlive } from './claim.ts';
import { chooseRuntime } from './runtime-choice.ts';
import type { Stack } from './stack.ts';

type SharedServices = StackConfig['shared']['services'];

/** What the outside world says runs, keyed `instance/service`; the shared services by their names. */
interface Observed {
  workloads: Map<string, WorkloadStatus>;
  shared: Map<string, string>;
}

/** Looks at the stack as it is now: records for what should be, engine and process table for what runs. */
export async function observeStack(stack: Stack): Promise<StackView> {
  const state = await stack.store.read();
  const config = await readConfig(stack, state);
  const services = config?.shared.services ?? {};
  const [observed, runtime] = await Promise.all([
    observeWorld(stack, services, state),
    config ? chooseRuntime(stack, config.runtime) : recordedRuntime(state),
  ]);
  const baseline = state.baseline && withoutDropped(state.baseline, config, observed);
  const instances = await Promise.all(
    Object.values(state.instances).map((record) =>
      viewInstance(withoutDropped(record, config, observed), baseline, observed),
    ),
  );
  return {
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
      services: viewServices(baseline, observed),
    },
    shared: viewShared(stack, services, state, observed),
    // Not localeCompare: its collator takes longer to load than all the rest of this takes.
    instances: instances.sort((one, other) => (one.createdAt < other.createdAt ? -1 : 1)),
  };
}

/** Gives stack.yml; undefined while it cannot be read and there are tickets, whose records then speak. Throws `config`. */
async function readConfig(stack: Stack, state: StackState): Promise<StackConfig | undefined> {
  try {
    return await stack.config();
  } catch (error) {
    if (!(error instanceof Error) || Object.keys(state.instances).length === 0) throw error;
    stack.emit({ type: 'warning', text: error.message });
    return undefined;
  }
}

function recordedRuntime({ instances }: StackState): StackView['runtime'] {
  const [service] = Object.values(instances).flatMap(({ services }) => Object.values(services));
  return { name: service?.runtime ?? 'docker', why: 'stack.yml cannot be read' };
}

function recordedRepos({ instances, baseline }: StackState): StackView['repos'] {
  const names = new Set(Object.values(instances).flatMap(({ repos }) => Object.keys(repos)));
  return [...names].map((name) => ({ name, title: name, shared: Object.hasOwn(baseline?.repos ?? {}, name) }));
}

/** A service that stack.yml has dropped is still spoken of while something of it runs. */
function withoutDropped(
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

/** Gives some tickets as `observeStack` sees them, in the order asked for; a name without a record is left out. */
export async function observeInstances(stack: Stack, tickets: readonly string[]): Promise<InstancesView> {
  const { repos, instances } = await observeStack(stack);
  return { repos, instances: tickets.flatMap((ticket) => instances.filter((instance) => instance.ticket === ticket)) };
}

async function observeWorld(stack: Stack, wanted: SharedServices, state: StackState): Promise<Observed> {
  const records = [...Object.values(state.instances), ...(state.baseline ? [state.baseline] : [])];
  const runtimes = new Set(
    // What was never started cannot run: its runtime need not even answer.
    records.flatMap(({ started, services }) => (started ? Object.values(services).map(({ runtime }) => runtime) : [])),
  );
  const complaints = new Set<string>();
  const ask = async <Answer>(question: () => Promise<Answer[]>): Promise<Answer[]> =>
    question().catch((error: unknown) => {
      complaints.add(error instanceof Error ? error.message : String(error));
      return [];
    });
  const [shared, ...statuses] = await Promise.all([
    ask(() => observeShared(stack, wanted, state)),
    ...[...runtimes].map((name) => ask(async () => (await stack.runtime(name)).status(stack.rootId))),
  ]);
  for (const text of complaints) stack.emit({ type: 'warning', text });
  return {
    workloads: new Map(statuses.flat().map((status) => [`${status.instance}/${status.service}`, status])),
    shared: new Map(shared),
  };
}

/** What runs of the shared services, each asked where it lives. */
async function observeShared(stack: Stack, wanted: SharedServices, state: StackState): Promise<[string, string][]> {
  const leases = Object.entries(state.shared);
  const composed = leases.some(([, { provider }]) => provider === 'compose');
  const containers = composed ? (await stack.docker()).listProject(sharedProject(stack.name, stack.rootId)) : [];
  const embedded = leases.filter(([, { provider }]) => provider === 'embedded');
  const servers = embedded.map(async ([name]): Promise<[string, string]> => {
    const { state: found } = await (await stack.hostServer(name)).status();
    return [name, found];
  });
  const foreign = Object.entries(wanted).map(async ([name, settings]): Promise<[string, string]> => {
    const { url, port } = resolveShared(name, settings, stack.env);
    if (url === undefined || port === undefined) return [name, ''];
    return [name, (await probePort(port, new URL(url).hostname)) === undefined ? 'running' : 'stopped'];
  });
  const named = (await containers).map(({ service, state: found }): [string, string] => [
    service,
    found === 'healthy' ? 'running' : found,
  ]);
  return [
    ...(await Promise.all(foreign)).filter(([, found]) => found !== ''),
    ...named,
    ...(await Promise.all(servers)),
  ];
}

async function viewInstance(
  record: InstanceRecord,
  baseline: InstanceRecord | undefined,
  observed: Observed,
): Promise<InstanceView> {
  const services = viewServices(record, observed);
  const missing = await listMissing(record);
  const problems = missing.map((repo) => `the worktree of ${repo} is gone`);
  const repos = Object.entries(record.repos).map(([name, repo]): [string, RepoView] => {
    if (repo.mode === 'shared') return [name, { mode: 'shared', ...viewRunning(baseline, name, observed) }];
    return [name, viewDedicated(record, name, repo, { observed, missing: missing.includes(name) })];
  });
  const status = await statusOf(record, services, problems);
  return {
    ticket: record.ticket,
    status,
    createdAt: record.createdAt,
    folder: record.folder,
    problems,
    repos: Object.fromEntries(repos),
    services,
  };
}

async function statusOf(
  record: InstanceRecord,
  services: Record<string, ServiceView>,
  problems: string[],
): Promise<InstanceStatus> {
  const combined = combineStatus(Object.values(services).map((service) => service.status));
  if (record.phase !== 'ready') {
    if (await isOwnerAlive(record)) return record.phase === 'creating' ? 'creating' : 'partial';
    const verb = record.phase === 'creating' ? 'create' : 'destroy';
    problems.push(`a ${verb} did not finish: \`stack destroy ${record.ticket}\` clears it`);
  }
  return problems.length > 0 ? 'broken' : combined;
}

function viewDedicated(
  record: InstanceRecord,
  name: string,
  repo: DedicatedRepo,
  { observed, missing }: { observed: Observed; missing: boolean },
): RepoView {
  const running = viewRunning(record, name, observed);
  return {
    mode: 'dedicated',
    ...running,
    status: missing ? 'broken' : running.status,
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
  const statuses = services.map(([name]) => observed.workloads.get(`${record?.ticket}/${name}`)?.state ?? 'stopped');
  return { ...(port && { url: `http://localhost:${port.host}` }), status: combineStatus(statuses) };
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
        status: found?.state ?? 'stopped',
        ports: Object.fromEntries(ports),
        ...(found?.state === 'exited' && found.exitCode !== undefined ? { exitCode: found.exitCode } : {}),
      },
    ];
  });
  return Object.fromEntries(views);
}

/** Addresses as this machine reaches them; passwords are left out of what people paste into chats. */
function viewShared(stack: Stack, wanted: SharedServices, state: StackState, observed: Observed): StackView['shared'] {
  const views = Object.entries(wanted).map(([name, settings]) => {
    const resolved = { ...resolveShared(name, settings, stack.env), password: undefined };
    const port = state.shared[name]?.port ?? resolved.port ?? 0;
    const host = resolved.url === undefined ? 'localhost' : new URL(resolved.url).hostname;
    return [name, { url: sharedUrl(resolved, host, port), status: observed.shared.get(name) ?? 'stopped' }];
  });
  return Object.fromEntries(views);
}

async function listMissing(record: InstanceRecord): Promise<string[]> {
  const found = await Promise.all(
    dedicatedRepos(record).map(async ([name, repo]) =>
      (await isThere(path.join(repo.worktree, '.git'))) ? [] : [name],
    ),
  );
  return found.flat();
}
