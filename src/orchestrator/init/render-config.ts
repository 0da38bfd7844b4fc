import type { PlannedPort, PlannedRepo, PlannedService, StackPlan } from './detect/stack-plan.ts';

/** File names in `stack.yml` and beside it. */
export const COMPOSE_FILE = 'docker-compose.base.yml';

/** Returns the text of a commented `stack.yml` for what was found; guesses stand below a line with `check:`. */
export function renderConfig(plan: StackPlan): string {
  const lines = [
    '# What a ticket’s environment is made of. `stack init` wrote this file, and it is yours to change.',
    '# Lines below a `check:` were guessed. `stack doctor` says what is wrong with it.',
    '',
    `name: ${quoteYaml(plan.name)}  # part of the names of containers and networks`,
    'runtime: auto  # docker where an engine answers, else plain processes on this machine',
    '',
    ...renderShared(plan),
    '',
    ...renderRepos(plan),
    '',
    ...renderServices(plan),
  ];
  return `${lines.join('\n')}\n`;
}

function renderShared({ name, shared }: StackPlan): string[] {
  const byName = name.replaceAll('-', '_');
  const settings = (kind: string): Record<string, string | undefined> => {
    const found = shared.servers.find((server) => server.name === kind)?.found;
    return { user: found?.user, password: found?.password, database: found?.database };
  };
  const own = settings('postgres');
  // Without a password a server on this machine has a random one.
  const login = { user: own.user ?? shared.login.user ?? 'stack', password: own.password };
  const database = own.database ?? shared.login.database ?? byName;
  const postgres = `postgres: ${renderMap({ scheme: shared.scheme, ...login, database })}`;
  const mysql = settings('mysql');
  const unused = '  # nothing in the repos seems to use it';
  const others = shared.servers.filter(({ found }) => found.kind === undefined);
  return [
    '# One of each for all tickets, started from the compose file beside this one.',
    'shared:',
    `  compose: ${COMPOSE_FILE}`,
    ...(shared.sure ? [] : ['  # check: nothing in the repos tells whether they use these; take out what they do not']),
    ...(shared.postgres || !shared.mysql ? [shared.postgres ? `  ${postgres}` : `  # ${postgres}${unused}`] : []),
    ...(shared.mysql ? [`  mysql: ${renderMap({ ...mysql, database: mysql.database ?? byName })}`] : []),
    shared.redis ? '  redis: {}' : `  # redis: {}${unused}`,
    ...others.map(({ name: other, scheme, ports }) => {
      const named = Object.keys(ports).length > 0 ? renderMap(ports) : undefined;
      return `  ${quoteYaml(other)}: ${renderMap({ scheme, ports: named }, (text) => text)}`;
    }),
  ];
}

/** Leaves out what has no value, and what stack would take for a name of its own. */
function renderMap(
  map: Readonly<Record<string, string | number | undefined>>,
  // A brace would end the map.
  quote: (text: string) => string = (text) => (/[{}]/.test(text) ? JSON.stringify(text) : quoteYaml(text)),
): string {
  const entries = Object.entries(map).filter(([, value]) => value !== undefined && !String(value).includes('${'));
  const items = entries.map(([key, value]) => `${key}: ${typeof value === 'number' ? value : quote(value ?? '')}`);
  return items.length > 0 ? `{ ${items.join(', ')} }` : '{}';
}

function renderRepos({ repos, leftOut }: StackPlan): string[] {
  const explain = createExplainer();
  const borrows = repos.find(({ shared }) => shared);
  return [
    '# The git repos. A ticket gets a worktree and a branch of its own in each.',
    ...(borrows
      ? [
          '# With `shared: true` it borrows the main checkout’s running copy until it asks for its own:',
          `# \`--with ${borrows.name}\`, \`--from-${borrows.name}=REF\`, \`--on-${borrows.name}=BRANCH\`.`,
        ]
      : []),
    'repos:',
    ...repos.flatMap((repo) => renderRepo(repo, explain)),
    ...leftOut.map(({ path, reason }) => `  # left out: ${onOneLine(path)} (${onOneLine(reason)})`),
  ];
}

/** Returns a comment for a key the first time it is used, and '' from then on. */
type Explain = (key: string, comment: string) => string;

function createExplainer(): Explain {
  const explained = new Set<string>();
  return (key, comment) => {
    if (explained.has(key)) return '';
    explained.add(key);
    return `  # ${comment}`;
  };
}

function renderRepo(repo: PlannedRepo, explain: Explain): string[] {
  return [
    ...repo.checks.map(renderCheck),
    `  ${quoteYaml(repo.name)}:`,
    `    path: ${quoteYaml(repo.path)}`,
    ...(repo.title ? [`    title: ${quoteYaml(repo.title)}${explain('title', 'heading in `stack ps`')}`] : []),
    ...(repo.base ? [`    base: ${quoteYaml(repo.base)}${explain('base', 'new branches start here')}`] : []),
    ...(repo.shared ? ['    shared: true'] : []),
    ...renderList('setup', repo.setup, () => explain('setup', 'run in every new worktree')),
    ...renderList('migrate', repo.migrate, () => explain('migrate', 'run on a database of the ticket’s own')),
    ...renderList('seed', repo.seed, () => explain('seed', 'run when the baseline’s database is empty')),
    ...(repo.own.length > 0
      ? [`    own: [${repo.own.join(', ')}]${explain('own', 'a ticket’s own copy gets a database of its own')}`]
      : []),
    ...(repo.envFile === undefined
      ? []
      : [
          `    env_file: ${quoteYaml(repo.envFile)}${explain('env_file', 'the one that its programs read; stack adds its block there')}`,
        ]),
    ...renderList('copy', repo.copy, () => explain('copy', 'not in git, so copied from the main checkout')),
  ];
}

function renderList(key: string, items: readonly string[], comment: () => string): string[] {
  if (items.length === 0) return [];
  return [`    ${key}:${comment()}`, ...items.map((item) => `      - ${quoteYaml(item)}`)];
}

function renderServices({ repos, services }: StackPlan): string[] {
  const head = [
    '# What runs out of the repos. `${…}` is filled in for each ticket: `url` is how a browser on this machine',
    '# reaches a service, `internal_url` how the other services do.',
    'services:',
  ];
  if (services.length === 0) return [...head, ...renderPlaceholder(repos[0]!)];
  const [first, ...others] = services;
  return [
    ...head,
    ...renderService(first!, true),
    ...others.flatMap((service) => ['', ...renderService(service, false)]),
  ];
}

function renderService(service: PlannedService, first: boolean): string[] {
  const { name, repo, project, port, env, refresh, checks } = service;
  const { command, health } = project;
  return [
    ...checks.map(renderCheck),
    `  ${quoteYaml(name)}:  # ${onOneLine(project.label)}`,
    `    repo: ${quoteYaml(repo)}`,
    ...(project.dir === '' ? [] : [`    dir: ${quoteYaml(project.dir)}`]),
    project.build ? '    build: .' : `    image: ${quoteYaml(project.image ?? '')}`,
    ...(command ? [`    command: ${quoteYaml(escapePlaces(command.value))}`] : []),
    ...(first && port
      ? ['    # from: the first port for tickets; baseline: the main checkout’s; container: the one it listens on']
      : []),
    ...(port ? [`    ports: { http: { ${renderPort(port)} } }`] : []),
    ...(Object.keys(env).length === 0 ? [] : ['    env:']),
    ...Object.entries(env).map(([variable, value]) => `      ${variable}: ${quoteYaml(value)}`),
    ...(refresh ? ['    refresh: restart  # what `${tickets…}` names comes with tickets'] : []),
    ...(port
      ? [`    ready: ${health.value === undefined ? '{ port: http }' : `{ http: ${quoteYaml(health.value)} }`}`]
      : []),
  ];
}

function renderPort({ baseline, from, container }: PlannedPort): string {
  const first = baseline === undefined ? '' : `baseline: ${baseline}, `;
  return `${first}from: ${from}, container: ${container}`;
}

/** A stack has at least one service: this one says what is missing when somebody starts it. */
function renderPlaceholder(repo: PlannedRepo): string[] {
  return [
    '  # check: nothing in the repos says how they are started',
    `  ${quoteYaml(repo.name)}:`,
    `    repo: ${quoteYaml(repo.name)}`,
    '    image: busybox:stable',
    '    command: "echo \'stack.yml does not say yet how this is started\'; exit 1"',
    '    ports: { http: { from: 3001, container: 3000 } }',
    '    env:',
    '      PORT: ${port.http}',
  ];
}

function renderCheck(check: string): string {
  return `  # check: ${onOneLine(check)}`;
}

/** `${…}` of a script is the shell's, but for `${bind}`, which init writes itself. */
function escapePlaces(line: string): string {
  return line.replaceAll(/\$\{(?!bind\})/g, () => '$${');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they would end a comment, or be no YAML
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g;

function onOneLine(text: string): string {
  return text.replaceAll(CONTROL, ' ');
}

/** Plain where YAML reads it back as the same text, also between braces; else in double quotes, as in JSON. */
function quoteYaml(text: string): string {
  const plain =
    /^[A-Za-z./$][\w ./$@{}<>|()&;+=~-]*(?::[\w./-][\w ./-]*)?$/.test(text) &&
    !text.endsWith(' ') &&
    !/^(?:true|false|null|yes|no|on|off|y|n|\.nan|\.inf|~)$/i.test(text) &&
    !/^[-+.]?\d/.test(text);
  return plain ? text : JSON.stringify(text).replaceAll(CONTROL, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
