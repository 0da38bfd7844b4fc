import path from 'node:path';
import { quoteForShell } from '../../../domain/shell.ts';
import type { ComposeServer } from './compose-server.ts';
import type { DetectedRepo, Detection } from './detect-stack.ts';
import { slugName, takeName } from './names.ts';
import { namesTickets, planEnv } from './plan-env.ts';
import { planPorts } from './plan-ports.ts';
import { planServers } from './plan-servers.ts';
import type { Needs, Project, Role } from './project.ts';
import type { Answers, PlannedRepo, PlannedServer, StackPlan } from './stack-plan.ts';
import { readStoreSettings, type StoreSettings } from './wire-stores.ts';

/** A service before it has its place among the others. */
interface DraftService {
  name: string;
  repo: string;
  role: Role;
  shared: boolean;
  project: Project;
}

const ORDER: Record<Role, number> = { front: 0, api: 1, other: 2 };
/** Setup and migrations run where the first service of a repo does, which then has to know the database. */
const API_FIRST: Record<Role, number> = { api: 0, other: 1, front: 2 };
const MYSQL_IMAGE = 'mysql:8.4';
const TITLES: Record<Role, string | undefined> = { front: 'Front-end', api: 'API', other: undefined };

/** Makes a stack out of what was found: names, who shares what, ports that do not meet, and who is told where the others are. */
export function planConfig(detection: Detection, answers: Answers = {}): StackPlan {
  const name = slugName(path.basename(detection.root), 'stack');
  const repos = nameRepos(detection, name);
  settleRoles(repos);
  repos.sort((a, b) => ORDER[a.role] - ORDER[b.role]);
  const services = repos.flatMap((repo) => repo.services);
  const projects = services.map(({ project }) => project);
  const shared = planShared(
    projects,
    planServers(detection.servers, {
      taken: [...repos, ...services].map((one) => one.name),
      variables: projects.flatMap(({ variables }) => variables),
      ports: projects.map(({ port }) => port.value),
    }),
  );
  const isShared = decideSharing(repos, answers);
  const drafts = repos.flatMap((repo) =>
    repo.services.map((service) => ({
      ...service,
      project: withOwnSetup(service.project, repo.services[0]?.project),
      repo: repo.name,
      shared: isShared(repo),
    })),
  );
  const ports = planPorts(drafts);
  const envs = drafts.map((draft) =>
    planEnv(draft, {
      services: drafts,
      stores: storesOf(draft, shared),
      servers: shared.servers,
      stack: name,
      api: answers.api,
    }),
  );
  return {
    name,
    shared,
    repos: repos.map((repo) => planRepo(withBase(repo, answers), { isShared: isShared(repo), repos, shared })),
    services: drafts.map((draft, index) => ({
      ...draft,
      port: ports[index]!,
      env: envs[index]!,
      refresh: namesTickets(envs[index]!) && draft.shared,
      checks: [...listChecks(draft.project), ...checkAddresses(draft, drafts)],
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
      name: nameProject(project, {
        taken,
        repo: name,
        alone: found.projects.filter(({ worker }) => !worker).length === 1,
      }),
      role: project.role,
      project,
    }));
    const order = found.migrations.migrate.length > 0 ? API_FIRST : ORDER;
    services.sort((a, b) => order[a.role] - order[b.role] || Number(isAside(a)) - Number(isAside(b)));
    const role = (['front', 'api'] as const).find((one) => services.some((service) => service.role === one)) ?? 'other';
    return { name, role, guessedRole: false, found, services };
  });
}

/** What people read beside the product itself. */
function isAside({ project }: { project: Project }): boolean {
  return /(?:^|[-_/])(?:docs?|documentation|storybook|styleguide|marketing|landing|blog|website|emails?)$/.test(
    project.dir,
  );
}

function nameProject(
  { dir, worker, name }: Project,
  { taken, repo, alone }: { taken: Set<string>; repo: string; alone: boolean },
): string {
  if (worker !== undefined) return takeName(taken, worker, dir === '' ? repo : path.basename(dir));
  if (name !== undefined) return takeName(taken, name, dir === '' ? repo : path.basename(dir));
  return alone || dir === '' ? repo : takeName(taken, path.basename(dir), repo);
}

/** The folder above a repo, else the stack: what tells apart two of one name. */
function ownerOf(repo: string, stack: string): string {
  const above = path.dirname(repo);
  return above === '.' ? stack : path.basename(above);
}

/** Of two services of which one is known, the other is most likely its counterpart. */
function settleRoles(repos: readonly NamedRepo[]): void {
  const open = repos.filter(
    ({ role, services }) => role === 'other' && services.some(({ project }) => project.worker === undefined),
  );
  const has = (role: Role) => repos.some(({ services }) => services.some((service) => service.role === role));
  const missing = has('api') && !has('front') ? 'front' : has('front') && !has('api') ? 'api' : undefined;
  const [repo] = open;
  if (!repo || open.length > 1 || !missing) return;
  repo.role = missing;
  repo.guessedRole = true;
  for (const service of repo.services) service.role = missing;
}

/** Tickets borrow what stands behind the front-ends; without a front-end there would be nothing left of their own. */
function decideSharing(repos: readonly NamedRepo[], { borrow }: Answers): (repo: NamedRepo) => boolean {
  const hasFront = repos.some(({ role }) => role === 'front');
  const hasService = repos.some(({ services }) => services.length > 0);
  return ({ role, services }) => (services.length === 0 ? hasService : borrow !== 'no' && hasFront && role !== 'front');
}

/** Only what a Dockerfile alone tells about may use anything. */
function planShared(projects: readonly Project[], found: readonly PlannedServer[]): StackPlan['shared'] {
  const variables = projects.flatMap((project) => project.variables);
  const has = (kind: ComposeServer['kind']) => found.some((server) => server.found.kind === kind);
  const uses = (store: keyof Needs) => projects.some(({ needs }) => needs[store]);
  // The packages of most tools are for any database: a compose file says which it is.
  const [postgres, mysql] = [
    has('postgres') || (!has('mysql') && uses('postgres')),
    has('mysql') || (!has('postgres') && uses('mysql')),
  ];
  const redis = has('redis') || uses('redis');
  const servers = mysql && !has('mysql') ? [...found, makeMysql(readStoreSettings('mysql', variables))] : [...found];
  const { scheme } = projects.find((project) => project.scheme !== undefined) ?? { scheme: undefined };
  const plan = { mysql, servers, scheme, login: readStoreSettings('postgres', variables) };
  const sure = projects.some(({ build }) => !build) || postgres || redis || servers.length > 0;
  return sure ? { ...plan, postgres, redis, sure } : { ...plan, postgres: true, redis: true, sure };
}

/** No compose file says which it is, and the one that ships with stack has none. */
function makeMysql({ database }: StoreSettings): PlannedServer {
  const login = { user: undefined, password: undefined, database };
  const more = { known: true, ports: [], environment: {}, settings: {}, data: [] };
  const found: ComposeServer = { name: 'mysql', kind: 'mysql', image: MYSQL_IMAGE, ...login, ...more };
  return { name: 'mysql', found, scheme: undefined, ports: {} };
}

function planRepo(
  repo: NamedRepo,
  { isShared, repos, shared }: { isShared: boolean; repos: readonly NamedRepo[]; shared: StackPlan['shared'] },
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
    envFile: found.envFile,
    ...found.migrations,
    own: ownOf(repo, shared),
    role,
    checks,
  };
}

/** A ticket's migrations would change the database of all others, whether a command or the program itself runs them. */
function ownOf({ found, services }: NamedRepo, { postgres, mysql }: StackPlan['shared']): string[] {
  const migratesItself = services.some(({ project }) => project.migratesItself === true) && (postgres || mysql);
  if (found.migrations.migrate.length === 0 && !migratesItself) return [];
  return [mysql && !postgres ? 'mysql' : 'postgres'];
}

function withBase(repo: NamedRepo, { base }: Answers): NamedRepo {
  return base !== undefined && repo.found.bases.includes(base) ? { ...repo, found: { ...repo.found, base } } : repo;
}

/** As `stack.yml` has it, from the root. */
function pathOf({ path: found }: DetectedRepo): string {
  return found === '.' ? '.' : `./${found}`;
}

function listChecks({ command, port, health, checks, worker }: Project): string[] {
  if (worker !== undefined) return checks;
  return [command?.check, port.check, health.check, ...checks].filter((check) => check !== undefined);
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
  const made = `{ test -d ${quoteForShell(setupMakes)} || { ${setup}; }; }`;
  const once = dir === '' ? made : `(cd ${dir.split('/').fill('..').join('/')} && ${made})`;
  return { ...project, command: { ...command, value: `${once} && ${command.value}` } };
}

/** What nobody told about is given to the APIs, which is where it is used. A variable still has to mean it. */
function storesOf({ role, project }: DraftService, shared: StackPlan['shared']): string[] {
  const isFound = (kind: string) => shared.servers.some(({ found }) => found.kind === kind);
  const needs = shared.sure ? project.needs : { postgres: role === 'api', mysql: false, redis: role === 'api' };
  return [
    ...(shared.postgres && (needs.postgres || isFound('postgres')) ? ['postgres'] : []),
    ...(shared.mysql && (needs.mysql || isFound('mysql')) ? ['mysql'] : []),
    ...(needs.redis || isFound('redis') ? ['redis'] : []),
  ];
}

/** Warns of addresses of other services that stand in the code of a front-end: a ticket with its own copy has others. */
function checkAddresses({ name, role, project }: DraftService, drafts: readonly DraftService[]): string[] {
  if (role !== 'front') return [];
  const found = project.addresses.find(({ port }) =>
    drafts.some((other) => other.name !== name && other.project.port.value === port && port !== project.port.value),
  );
  if (!found) return [];
  return [
    `${found.file} names ${found.address}: let it read a variable, for a ticket with a copy of its own behind that address`,
  ];
}
