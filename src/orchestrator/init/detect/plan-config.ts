import path from 'node:path';
import { quoteForShell } from '../../../domain/shell.ts';
import type { DetectedRepo, Detection } from './detect-stack.ts';
import { slugName, takeName } from './names.ts';
import type { Project, Role } from './project.ts';
import type { PlannedPort, PlannedRepo, StackPlan } from './stack-plan.ts';

/** A service before it has its place among the others. */
interface DraftService {
  name: string;
  repo: string;
  role: Role;
  shared: boolean;
  project: Project;
}

const ORDER: Record<Role, number> = { front: 0, api: 1, other: 2 };
const TITLES: Record<Role, string | undefined> = { front: 'Front-end', api: 'API', other: undefined };

/** Makes a stack out of what was found: names, who shares what, ports that do not meet, and who is told where the others are. */
export function planConfig(detection: Detection): StackPlan {
  const name = slugName(path.basename(detection.root), 'stack');
  const repos = nameRepos(detection, name);
  settleRoles(repos);
  repos.sort((a, b) => ORDER[a.role] - ORDER[b.role]);
  const shared = planShared(repos.flatMap(({ services }) => services.map(({ project }) => project)));
  const isShared = decideSharing(repos);
  const drafts = repos.flatMap((repo) =>
    repo.services.map((service) => ({
      ...service,
      project: withOwnSetup(service.project, repo.services[0]?.project),
      repo: repo.name,
      shared: isShared(repo),
    })),
  );
  const ports = planPorts(drafts);
  return {
    name,
    shared,
    repos: repos.map((repo) => planRepo(repo, { isShared: isShared(repo), repos })),
    services: drafts.map((draft, index) => ({
      ...draft,
      port: ports[index]!,
      env: planEnv(draft, { drafts, shared }),
      checks: listChecks(draft.project),
    })),
    leftOut: detection.leftOut,
  };
}

interface NamedRepo {
  name: string;
  role: Role;
  /** True when its role was told by there being no other left. */
  guessedRole: boolean;
  found: DetectedRepo;
  services: { name: string; role: Role; project: Project }[];
}

function nameRepos({ repos, root }: Detection, stack: string): NamedRepo[] {
  const taken = new Set<string>();
  const named = repos.map((found) => ({
    name: takeName(taken, path.basename(path.resolve(root, found.path)), ownerOf(found.path, stack)),
    found,
  }));
  return named.map(({ name, found }) => {
    // The only service of a repo is called like it; others may not take the name of a repo that is not theirs.
    const services = found.projects.map((project) => ({
      name:
        found.projects.length === 1 || project.dir === '' ? name : takeName(taken, path.basename(project.dir), name),
      role: project.role,
      project,
    }));
    services.sort((a, b) => ORDER[a.role] - ORDER[b.role]);
    const role = (['front', 'api'] as const).find((one) => services.some((service) => service.role === one)) ?? 'other';
    return { name, role, guessedRole: false, found, services };
  });
}

/** The folder above a repo, else the stack: what tells apart two of one name. */
function ownerOf(repo: string, stack: string): string {
  const above = path.dirname(repo);
  return above === '.' ? stack : path.basename(above);
}

/** Of two services of which one is known, the other is most likely its counterpart. */
function settleRoles(repos: readonly NamedRepo[]): void {
  const open = repos.filter(({ role, services }) => role === 'other' && services.length > 0);
  const has = (role: Role) => repos.some(({ services }) => services.some((service) => service.role === role));
  const missing = has('api') && !has('front') ? 'front' : has('front') && !has('api') ? 'api' : undefined;
  const [repo] = open;
  if (!repo || open.length > 1 || !missing) return;
  repo.role = missing;
  repo.guessedRole = true;
  for (const service of repo.services) service.role = missing;
}

/** Tickets borrow what stands behind the front-ends; without a front-end there would be nothing left of their own. */
function decideSharing(repos: readonly NamedRepo[]): (repo: NamedRepo) => boolean {
  const hasFront = repos.some(({ role }) => role === 'front');
  const hasService = repos.some(({ services }) => services.length > 0);
  return ({ role, services }) => (services.length === 0 ? hasService : hasFront && role !== 'front');
}

function planShared(projects: readonly Project[]): StackPlan['shared'] {
  const postgres = projects.some(({ needs }) => needs.postgres);
  const redis = projects.some(({ needs }) => needs.redis);
  return postgres || redis ? { postgres, redis, sure: true } : { postgres: true, redis: true, sure: false };
}

function planRepo(
  repo: NamedRepo,
  { isShared, repos }: { isShared: boolean; repos: readonly NamedRepo[] },
): PlannedRepo {
  const { name, role, found, guessedRole } = repo;
  const checks: string[] = [];
  if (guessedRole)
    checks.push(`it was taken for the ${role === 'front' ? 'front-end' : 'API'}, since nothing else could be that`);
  if (role === 'other' && repo.services.length > 0) checks.push('it looks like neither a front-end nor an API');
  if (repo.services.length === 0) checks.push('nothing was found in it that could be started');
  if (found.base === undefined) checks.push('its main branch is not known: set `base`');
  if (isShared && found.missingSetup) {
    checks.push(`run \`${found.missingSetup}\` in ${pathOf(found)}: tickets borrow that checkout as it is`);
  }
  return {
    name,
    path: pathOf(found),
    title: repos.filter((other) => other.role === role).length === 1 && repos.length > 1 ? TITLES[role] : undefined,
    base: found.base,
    shared: isShared,
    setup: planSetup(repo.services.map(({ project }) => project)),
    copy: found.copy,
    ...found.migrations,
    // A ticket's migrations would change the database of all others.
    own: found.migrations.migrate.length > 0 ? ['postgres'] : [],
    role,
    checks,
  };
}

/** As `stack.yml` has it, from the root. */
function pathOf({ path: found }: DetectedRepo): string {
  return found === '.' ? '.' : `./${found}`;
}

function listChecks({ command, port, health, checks }: Project): string[] {
  return [command?.check, port.check, health.check, ...checks].filter((check) => check !== undefined);
}

const FRONT = 3001;
const API = { baseline: 3000, from: 4001 };
/** A range ends below the next thousand; from 32768 on the system gives ports to anybody. */
const RANGE = 1000;
const LAST_RANGE = 30_001;

/** Gives each service a range that meets no other: the first front-end from 3001, the first API 3000 and from 4001, then 5001, 6001, … */
function planPorts(services: readonly DraftService[]): PlannedPort[] {
  const front = services.findIndex(({ role }) => role === 'front');
  const api = services.findIndex(({ role }) => role === 'api');
  let next = API.from;
  const takeRange = () => {
    next = Math.min(next + RANGE, LAST_RANGE);
    return next;
  };
  return services.map(({ project, shared }, index) => {
    const container = project.port.value;
    if (index === front) return { baseline: undefined, from: FRONT, container };
    if (index === api) return { baseline: shared ? API.baseline : undefined, from: API.from, container };
    return { baseline: undefined, from: takeRange(), container };
  });
}

/**
 * Returns the setup lines of a repo. They run in the image of its first service; a project in another image would not
 * find its tools there, and gets them ready itself when it starts (`withOwnSetup`).
 */
function planSetup(projects: readonly Project[]): string[] {
  const lines = projects.filter((project) => project.image === projects[0]?.image).flatMap(({ setup }) => setup ?? []);
  return [...new Set(lines)];
}

/** Returns a project as it is, or with its setup in front of its command where the repo's setup cannot do it. */
function withOwnSetup(project: Project, first: Project | undefined): Project {
  const { setup, setupMakes, command, dir } = project;
  if (project.image === first?.image || !setup || !setupMakes || !command) return project;
  const top = dir === '' ? '.' : dir.split('/').fill('..').join('/');
  const once = `(cd ${top} && { test -d ${quoteForShell(setupMakes)} || { ${setup}; }; })`;
  return { ...project, command: { ...command, value: `${once} && ${command.value}` } };
}

/** Returns the variables of a service: its port, the stores it uses, and for a front-end where the APIs are. */
function planEnv(
  service: DraftService,
  { drafts, shared }: { drafts: readonly DraftService[]; shared: StackPlan['shared'] },
): Record<string, string> {
  const { variables, env } = service.project;
  const uses = storesOf(service, shared);
  return {
    PORT: '${port.http}',
    ...(uses.postgres && variables.postgres),
    ...(uses.redis && variables.redis),
    ...(service.role === 'front' && nameApis(service, drafts)),
    ...env,
  };
}

/** What nobody told about is given to the APIs, which is where it is used. */
function storesOf({ role, project }: DraftService, shared: StackPlan['shared']): { postgres: boolean; redis: boolean } {
  if (!shared.sure) return { postgres: role === 'api', redis: role === 'api' };
  return project.needs;
}

function nameApis({ project }: DraftService, drafts: readonly DraftService[]): Record<string, string> {
  const apis = drafts.filter(({ role }) => role === 'api');
  const main = apis.find(({ name }) => name === 'api') ?? apis[0];
  if (!main) return {};
  const found = Object.entries(project.variables.api).map(([name, rest]) => {
    // The program asks at such an address itself; at others a browser does.
    const own = /PROXY|INTERNAL|TARGET|SERVER_SIDE/.test(name);
    return [name, `\${${main.name}.${own ? 'internal_url' : 'url'}}${rest}`];
  });
  const others = apis.filter((api) => api !== main).map(({ name }) => [variableOf(name), `\${${name}.url}`]);
  return {
    API_URL: `\${${main.name}.url}`,
    API_PROXY_TARGET: `\${${main.name}.internal_url}`,
    ...Object.fromEntries([...found, ...others]),
  };
}

/** `billing-api` → `BILLING_API_URL`; a variable may not begin with a digit. */
function variableOf(name: string): string {
  const variable = `${name}_URL`.toUpperCase().replaceAll('-', '_');
  return /^\d/.test(variable) ? `_${variable}` : variable;
}
