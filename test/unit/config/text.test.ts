import { describe, expect, test } from 'vitest';
import type { StackConfig } from '../../../src/domain/config/config.ts';
import { parseConfig } from '../../../src/domain/config/text.ts';
import { StackError } from '../../../src/domain/errors.ts';
import { fillTemplate } from '../../../src/domain/template.ts';
import { layValues } from '../../../src/domain/values.ts';
import { SHOP, SMALL } from '../stack-file.ts';

type Env = Record<string, string>;

function parse(text: string, env: Env = {}, local?: string): StackConfig {
  const over = local === undefined ? [] : [{ path: 'stack.local.yml', text: local }];
  return parseConfig({ files: [{ path: 'stack.yml', text }, ...over], values: layValues(env) });
}

/** The error as a person sees it: headline, other lines, hint. */
function refusal(text: string, env: Env = {}, local?: string): string {
  try {
    parse(text, env, local);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    expect(error.code).toBe('config');
    return [error.message, ...error.lines, `hint: ${error.hint}`].join('\n');
  }
  throw new Error('the config was taken');
}

/** The example with one thing changed. */
function shop(from: string | RegExp, to: string): string {
  const text = SHOP.replace(from, () => to);
  expect(text).not.toBe(SHOP);
  return text;
}

describe('a valid file', () => {
  test('a volume may be called after the folder it holds', () => {
    const service = 'services: { web: { repo: web, image: x, volumes: { node_modules: /app/node_modules } } }';
    const text = `name: shop\nrepos: { web: { path: web } }\n${service}\n`;
    const config = parseConfig({ files: [{ path: 'stack.yml', text }], values: layValues() });
    expect(config.services.web?.volumes).toEqual({ node_modules: '/app/node_modules' });
  });

  test('the example parses as it stands', () => {
    const config = parse(SHOP);
    expect(config).toMatchObject({
      name: 'shop',
      runtime: 'auto',
      branch: '${ticket}',
      shared: {
        compose: 'docker-compose.base.yml',
        services: { postgres: { user: 'stack', password: 'stack', database: 'shop' }, redis: {} },
      },
      repos: {
        front: { path: './front', title: 'Front-end', base: 'main', shared: false, setup: [], copy: [] },
        api: {
          path: './api',
          title: 'API',
          shared: true,
          setup: [{ run: 'npm ci', shown: 'npm ci' }],
          copy: ['config/keys'],
        },
      },
    });
    expect(config.services.api).toEqual({
      repo: 'api',
      dir: '',
      envFiles: [],
      passEnv: [],
      image: 'node:22-alpine',
      command: 'npm start',
      workingDir: '/app',
      runtime: 'auto',
      ports: { http: { baseline: 3000, from: 4001, to: 4999, container: 3000 } },
      env: { PORT: '${port.http}', DATABASE_URL: '${postgres.url}', REDIS_URL: '${redis.url}' },
      refresh: 'none',
      volumes: {},
      dependsOn: [],
      ready: { http: '/health', timeoutSeconds: 60 },
    });
  });

  test('gets its defaults', () => {
    const config = parse(SMALL);
    expect(config.repos.app).toEqual({
      path: '.',
      title: 'app',
      base: undefined,
      shared: false,
      setup: [],
      setupTimeoutSeconds: 1800,
      migrate: [],
      seed: [],
      own: [],
      copy: [],
      disposable: [],
      envFile: '.env.local',
      passEnv: [],
      contracts: [],
    });
    expect(config).toMatchObject({
      worktrees: undefined,
      shared: { compose: undefined, services: {} },
      dumps: { keepDays: 14 },
    });
  });

  test('may leave keys without a value: they are as good as left out', () => {
    const config = parse(`${SMALL}    env:\n    ports: # none yet\n    image:\nshared:\n  redis:\n`);
    expect(config.services.web).toMatchObject({ env: {}, ports: {} });
    expect(config.services.web).not.toHaveProperty('image');
    expect(config.shared.services).toEqual({ redis: { prefix: '${ticket}:' } });
  });

  test('may use anchors and merge keys, kept in `x-` keys', () => {
    const text = `x-node: &node { image: node, command: npm start }\n${SMALL}  more:\n    <<: *node\n    repo: app\n`;
    expect(parse(text).services.more).toMatchObject({ image: 'node', command: 'npm start', repo: 'app' });
  });

  test('may have a byte order mark and CRLF line ends', () => {
    expect(parse(`\uFEFF${SHOP.replaceAll('\n', '\r\n')}`)).toEqual(parse(SHOP));
  });

  test('keeps numbers and booleans in env as they were typed', () => {
    const env = parse(`${SMALL}    env: { VERSION: 1.10, MASK: 0x1F, DEBUG: True, N: 5 }\n`).services.web?.env;
    expect(env).toEqual({ VERSION: '1.10', MASK: '0x1F', DEBUG: 'True', N: '5' });
  });

  test('says for how many days data of destroyed tickets is kept', () => {
    expect(parse(`${SMALL}dumps: { keep_days: "\${env.DAYS}" }\n`, { DAYS: '30' }).dumps).toEqual({ keepDays: 30 });
    expect(parse(`${SMALL}dumps:\n`).dumps).toEqual({ keepDays: 14 });
  });

  test('reads durations, folders, port ranges and builds', () => {
    const service = parse(
      `${SMALL}    dir: ./apps/web/\n    build: { context: ../.., target: dev, args: { V: "\${ticket}" } }\n` +
        '    ports: { http: { from: 65000 } }\n    ready: { port: http, timeout: 2m }\n',
    ).services.web;
    expect(service).toMatchObject({
      dir: 'apps/web',
      build: { context: '../..', dockerfile: 'Dockerfile', target: 'dev', args: { V: '${ticket}' } },
      ports: { http: { from: 65000, to: 65535 } },
      ready: { port: 'http', timeoutSeconds: 120 },
    });
  });

  test('hands the runtime of the stack to services that name none', () => {
    const text = `${SMALL}  other: { repo: app, image: x, command: y, runtime: docker }\nruntime: process\n`;
    const { services } = parse(text);
    expect([services.web?.runtime, services.other?.runtime]).toEqual(['process', 'docker']);
  });

  test('may name shared services in depends_on; they come first anyway', () => {
    const text = shop('repo: front', 'repo: front\n    depends_on: [postgres, api, api]');
    expect(parse(text).services.front?.dependsOn).toEqual(['api']);
  });
});

describe('stack.local.yml', () => {
  test('is laid over: maps merge, lists and scalars replace', () => {
    const local = 'repos:\n  api: { setup: [pnpm i], shared: false }\nservices:\n  front: { env: { EXTRA: 1 } }\n';
    const config = parse(SHOP, {}, local);
    expect(config.repos.api).toMatchObject({
      path: './api',
      setup: [{ run: 'pnpm i', shown: 'pnpm i' }],
      shared: false,
    });
    expect(config.services.front?.env).toMatchObject({ API_URL: '${api.url}', EXTRA: '1' });
  });

  test('takes a key out by giving it no value', () => {
    const config = parse(SHOP, {}, 'services:\n  api: { image: , build: . }\n');
    expect(config.services.api).toMatchObject({ build: { context: '.', dockerfile: 'Dockerfile', args: {} } });
    expect(config.services.api).not.toHaveProperty('image');
  });

  test('may be empty', () => {
    expect(parse(SHOP, {}, '# nothing yet\n')).toEqual(parse(SHOP));
  });

  test('is named when the mistake is in it', () => {
    const local = 'services:\n  front:\n    ports: { http: { from: abc } }\n';
    expect(refusal(SHOP, {}, local)).toContain('stack.local.yml:3:28: services.front.ports.http.from: must be a port');
    expect(refusal(SHOP, {}, 'a: [')).toContain('stack.local.yml:1:5: bad YAML');
  });
});

describe('${env.NAME}', () => {
  const path = (value: string) => shop('./front', value);

  test('is filled in anywhere, with a default for what is unset or empty', () => {
    const text = path('"${env.CODE}/${env.WHICH:-front}-${env.EMPTY:-x}"');
    expect(parse(text, { CODE: '/code', EMPTY: '' }).repos.front?.path).toBe('/code/front-x');
  });

  test('is read as a number, true or false where one is wanted', () => {
    const text = shop('from: 3001', 'from: "${env.FIRST:-3005}"').replace('shared: true', 'shared: "${env.S:-true}"');
    const config = parse(text.replace('password: stack', 'password: "${env.PW}"'), { PW: '1234' });
    expect(config.services.front?.ports.http?.from).toBe(3005);
    expect(config.repos.api?.shared).toBe(true);
    expect(config.shared.services.postgres?.password).toBe('1234');
  });

  test('without a value is an error with its line', () => {
    expect(refusal(path('"${env.CODE}"'))).toBe(
      'stack.yml:8:18: repos.front.path: `${env.CODE}` has no value: CODE is neither in the environment nor in .env\n' +
        'hint: set CODE, or write `${env.CODE:-default}`',
    );
    expect(refusal(path('"${env.A-b}"'))).toContain('write `${env.NAME}` or `${env.NAME:-default}`');
    expect(refusal(shop('from: 3001', 'from: "${env.F:-abc}"'))).toContain(
      'must be a port, 1 to 65535, found "${env.F:-abc}"',
    );
  });

  test('never turns its value into a template', () => {
    const text = shop('${api.url}', '"${env.SECRET}{x} $${y} ${port.http}"');
    const value = parse(text, { SECRET: '${z}$' }).services.front?.env.API_URL ?? '';
    expect(fillTemplate(value, (name) => `<${name}>`)).toBe('${z}${x} ${y} <port.http>');
  });

  test.each(['setup', 'migrate', 'seed'] as const)('in %s is filled in, and the rest is left to the shell', (key) => {
    const text = shop('setup: [npm ci]', `${key}: ["echo \${HOME:-\${env.A}} $\${env.A} $(pwd) \${#x}"]`);
    expect(parse(text, { A: '1' }).repos.api?.[key]).toEqual([
      {
        run: 'echo ${HOME:-1} ${env.A} $(pwd) ${#x}',
        // What it was filled with may be a secret.
        shown: 'echo ${HOME:-${env.A}} $${env.A} $(pwd) ${#x}',
      },
    ]);
  });

  test('`$${` is the text `${`', () => {
    expect(parse(shop('Front-end', '"a $${b}"')).repos.front?.title).toBe('a ${b}');
    expect(parse(shop('npm run dev', 'echo $${HOME}')).services.front?.command).toBe('echo $${HOME}');
  });

  test('comes into branches', () => {
    expect(parse(`${SHOP}branch: "\${env.ME}/\${ticket}"\n`, { ME: 'ann' }).branch).toBe('ann/${ticket}');
  });
});

describe('bad YAML', () => {
  test.each([
    ['a tab', shop('    repo: front', '\trepo: front'), 'stack.yml:22:1: bad YAML: Tabs', 'indent with spaces'],
    [
      'a key that is there twice',
      shop('repo: front', 'repo: front\n    repo: api'),
      'stack.yml:23:5: bad YAML: the key `repo` is there twice',
      'take out one',
    ],
    [
      '${…} without quotes between braces',
      `${SMALL}    env: { P: \${port.http} }\n`,
      'stack.yml:8:16: bad YAML',
      'needs quotes: `"${port.http}"`',
    ],
    [
      'a glob without quotes',
      shop('[config/keys]', '[*.pem]'),
      'stack.yml:9:87: bad YAML: `*.pem` is the name of no anchor',
      'needs quotes',
    ],
    ['an anchor in itself', 'a: &a { b: *a }', 'stack.yml:1:12: bad YAML: `*a` holds itself', 'needs quotes'],
    [
      'a colon in a text',
      shop('npm run dev', 'echo a: b'),
      'stack.yml:24:14: bad YAML',
      'a text with `: ` in it needs quotes',
    ],
    [
      'a merge conflict',
      shop('runtime: auto', '<<<<<<< HEAD\nruntime: auto\n=======\nruntime: process\n>>>>>>> x'),
      'stack.yml:2:1: bad YAML: an unresolved merge conflict',
      '',
    ],
    ['two documents', `${SHOP}---\nname: x\n`, 'stack.yml:31:1: bad YAML: a second document begins here', 'take out'],
    ['an unknown tag', shop('npm run dev', '!foo x'), 'stack.yml:24:14: bad YAML: Unresolved tag: !foo', ''],
    ['a merge of no map', 'a: 1\n<<: 3', 'stack.yml:1:1: bad YAML: Merge sources', ''],
    ['an open bracket', 'name: [x', 'stack.yml:1:9: bad YAML', ''],
    ['a text', 'name:shop\nrepos:x', 'stack.yml:1:1: must be a map of keys', 'a colon and a space'],
    ['a list', '- a', 'stack.yml:1:1: must be a map of keys', ''],
    ['an empty file', '', 'stack.yml is empty', 'stack init'],
    ['a file of comments', '# name: x\n', 'stack.yml is empty', 'stack init'],
  ])('%s', (_, text, message, hint) => {
    const shown = refusal(text);
    expect(shown.startsWith(message) ? message : shown).toBe(message);
    expect(shown).toContain(hint);
  });

  test('shows the line with a mark under the place', () => {
    expect(refusal(shop('npm run dev', '@foo'))).toContain('    command: @foo\n             ^\n');
  });
});

describe('a wrong key or value', () => {
  test.each<[string, string, string, string?]>([
    [
      'an unknown key is named with its line',
      shop('    ports: { http: { from: 3', '    port: { http: { from: 3'),
      'stack.yml:25:5: services.front: unknown key `port`; did you mean `ports`?',
      'known here: repo, dir, image',
    ],
    [
      'an unknown key at the top',
      shop('runtime: auto', 'runtimes: auto'),
      'stack.yml:2:1: unknown key `runtimes`; did you mean `runtime`?',
      'known here: name, runtime',
    ],
    [
      'an unknown key in build',
      shop('image: node:22-alpine  ', 'build: { contxt: . }'),
      'stack.yml:13:14: services.api.build: unknown key `contxt`; did you mean `context`?',
    ],
    [
      'a misspelt required key is one mistake',
      shop('from: 3001', 'form: 3001'),
      'stack.yml:25:22: services.front.ports.http: unknown key `form`; did you mean `from`?\nhint',
    ],
    [
      'a list for a map',
      shop(/repos:\n.*\n.*\n/, 'repos: [front]\n'),
      'stack.yml:7:1: repos: must be a map like `{ front: { path: ./front } }`, found a list',
    ],
    [
      'ports as compose writes them',
      shop('{ http: { from: 3001, container: 8080 } }', '["3000:3000"]'),
      'services.front.ports: must be a map of named ports like `{ http: { from: 3001 } }`, found a list',
    ],
    [
      'a bare port',
      shop('{ from: 3001, container: 8080 }', '3001'),
      'services.front.ports.http: must be a map like `{ from: 3001 }`, found the number 3001',
    ],
    [
      'a text for a port',
      shop('from: 3001', 'from: abc'),
      'stack.yml:25:28: services.front.ports.http.from: must be a port, 1 to 65535, found "abc"',
    ],
    [
      'no days at all',
      `${SMALL}dumps: { keep_days: 0 }\n`,
      'dumps.keep_days: must be a whole number of days, at least 1, found the number 0',
    ],
    ['a port that is none', shop('from: 3001', 'from: 99999'), 'must be a port, 1 to 65535, found the number 99999'],
    [
      'a text for a list',
      shop('[npm ci]', 'npm ci'),
      'repos.api.setup: must be a list of commands like `[npm ci]`, found "npm ci"',
      'write it as a list: ["npm ci"]',
    ],
    ['yes for true', shop('shared: true', 'shared: yes'), 'repos.api.shared: must be true or false, found "yes"'],
    [
      'a number for a text',
      shop('base: main', 'base: 1.10'),
      'repos.front.base: must be a text, found the number 1.10',
      'put it in quotes: "1.10"',
    ],
    [
      'an unknown runtime',
      shop('runtime: auto', 'runtime: Docker'),
      'stack.yml:2:10: runtime: must be docker, process or auto, found "Docker"; did you mean `docker`?',
    ],
    [
      'a bad name',
      shop('  front:\n    repo', '  Front_end:\n    repo'),
      'stack.yml:21:3: services: `Front_end` must be lower-case letters, digits and inner hyphens',
    ],
    [
      'a bad variable name',
      shop('API_URL:', 'API-URL:'),
      'services.front.env: `API-URL` must be the name of a variable',
    ],
    [
      'an env value that is missing',
      shop('${api.url}', ''),
      'services.front.env.API_URL: must be a text, a number, true or false, found nothing',
      'write `""`',
    ],
    [
      'env as a list',
      shop(/env:\n.*\n.*\n.*\n {4}ready: \{ http: \/ \}/, 'env: [A=b]'),
      'services.front.env: must be a map like',
    ],
    [
      'ready as a text',
      shop('{ http: / }', '/health'),
      'services.front.ready: must be a map like `{ http: /health }`, found "/health"',
    ],
    [
      'a path that is none',
      shop('{ http: / }', '{ http: health }'),
      'services.front.ready.http: must be a path that begins with /, found "health"',
    ],
    [
      'a bad duration',
      shop('{ http: / }', '{ timeout: 5x }'),
      'services.front.ready.timeout: must be a number of seconds, `90s` or `2m`, found "5x"',
    ],
    [
      'a command that is a map',
      shop('npm run dev', '{ a: b }'),
      'services.front.command: must be a command line (`npm start`) or a list of words (`[npm, start]`), found a map',
    ],
    [
      'a word that is a number',
      shop('npm run dev', '[sleep, 5]'),
      'stack.yml:24:22: services.front.command[1]: must be a text, found the number 5',
      '"5"',
    ],
    ['a missing key', shop('path: ./front, ', ''), 'stack.yml:8:3: repos.front: `path` is missing; it must be a text'],
    ['a path that is null', shop('./front', '~'), 'repos.front.path: must be a text, found nothing'],
    ['no repos', SHOP.replace(/repos:\n.*\n.*\n/, ''), 'stack.yml:1:1: `repos` is missing; it must be a map like'],
    [
      'empty repos',
      SHOP.replace(/repos:\n.*\n.*\n/, 'repos: {}\n'),
      'stack.yml:7:1: repos: a stack has at least one repo',
      '`front: { path: ./front }`',
    ],
    [
      'empty services',
      'name: x\nrepos: { a: { path: a } }\nservices:\n',
      'stack.yml:3:1: services: must be a map of services, found nothing',
    ],
    [
      'a misspelt compose',
      shop('compose:', 'compse:'),
      'shared.compse: must be a map like `{ user: me }`, or nothing (only `compose` is a text)',
    ],
  ])('%s', (_, text, message, hint = '') => {
    expect(refusal(text)).toContain(message);
    expect(refusal(text)).toContain(hint);
  });

  test('several at once are all told, in the order of the file, the first as the headline', () => {
    const text = shop('from: 3001', 'form: 3001')
      .replace('runtime: auto', 'runtime: x')
      .replace('title: API', 'title: 3');
    expect(refusal(text).split('\n')).toEqual([
      expect.stringContaining('stack.yml:2:10: runtime: must be docker, process or auto, found "x"'),
      expect.stringContaining('stack.yml:9:32: repos.api.title: must be a text, found the number 3 (put it in quotes'),
      expect.stringContaining('stack.yml:25:22: services.front.ports.http: unknown key `form`'),
      'hint: undefined',
    ]);
    try {
      parse(text);
    } catch (error) {
      const { problems } = (error as StackError).details as { problems: object[] };
      expect(problems).toHaveLength(3);
      expect(problems[0]).toEqual({
        file: 'stack.yml',
        line: 2,
        column: 10,
        path: 'runtime',
        message: expect.any(String),
      });
    }
  });

  test('that came in by an alias is found where it is written', () => {
    const text = `x-ports: &ports\n  http: { from: abc }\n${SMALL}    ports: *ports\n`;
    expect(refusal(text)).toContain('stack.yml:2:17: services.web.ports.http.from');
    const merged = `x-base: &base\n  image: 5\n${SMALL}    <<: *base\n`;
    expect(refusal(merged)).toContain('stack.yml:2:10: services.web.image: must be a text, found the number 5');
  });
});

describe('parts that do not fit together', () => {
  const front = (line: string) => shop('    repo: front\n', `    repo: front\n    ${line}\n`);

  test.each<[string, string, string, string?]>([
    [
      'an unknown repo',
      shop('repo: front', 'repo: fornt'),
      'stack.yml:22:11: services.front.repo: there is no repo `fornt`; did you mean `front`?',
      'there are: front, api',
    ],
    [
      'an unknown dependency',
      front('depends_on: [apy]'),
      'stack.yml:23:18: services.front.depends_on[0]: there is no service `apy`; did you mean `api`?',
      'api, front, postgres, redis',
    ],
    [
      'a cycle is shown',
      front('depends_on: [api]').replace('repo: api', 'repo: api\n    depends_on: [front]'),
      'services.api.depends_on: services wait for each other: api → front → api',
    ],
    ['a service that waits for itself', front('depends_on: [front]'), 'front → front'],
    [
      'an unknown ready port',
      shop('{ http: / }', '{ port: htp }'),
      'services.front.ready.port: there is no port `htp`; did you mean `http`?',
    ],
    ['ready.http without ports', `${SMALL}    ready: { http: / }\n`, 'services.web.ready.http: needs a port to ask'],
    ['a bad pattern', shop('{ http: / }', '{ log: "(" }'), 'services.front.ready.log: is not a regular expression'],
    [
      'nothing to run',
      SMALL.replace('    command: npm start\n', ''),
      'stack.yml:5:3: services.web: has nothing to run',
    ],
    [
      'docker without an image',
      `${SMALL}    runtime: docker\n`,
      'services.web: has no `image` and no `build`, and the docker runtime needs one',
    ],
    [
      'a process without a command',
      SMALL.replace('command: npm start', 'image: x\nruntime: process'),
      'has no `command`, and the process runtime needs one',
    ],
    ['image and build', front('build: .'), 'services.front: has both `image` and `build`'],
    [
      'a port range upside down',
      shop('from: 3001', 'from: 3001, to: 3000'),
      'services.front.ports.http.to: is 3000, which is below `from` (3001)',
    ],
    [
      'a baseline port used twice',
      shop('from: 3001', 'from: 3001, baseline: 3000'),
      'services.front.ports.http.baseline: port 3000 is the baseline port of services.api.ports.http already',
    ],
    [
      'two volumes at one place',
      front('volumes: { a: /x, b: /x }'),
      'services.front.volumes.b: another volume is mounted at /x already',
    ],
    [
      'a folder outside the repo',
      front('dir: ../x'),
      'services.front.dir: must be a path inside the repo, found "../x"',
    ],
    ['a sly folder outside the repo', front('dir: a/../../x'), 'services.front.dir: must be a path inside the repo'],
    [
      'a size without a unit',
      front('logs: { max: 10 }'),
      'logs.max: must be a size of at least 100K',
      'with its unit: 10M',
    ],
    [
      'a text that is no size',
      front('logs: { max: "10" }'),
      'logs.max: must be a size of at least 100K',
      'its unit: 10M',
    ],
    ['a size in bytes', front('logs: { max: 20971520 }'), 'logs.max: must be a size of at least 100K', 'its unit: 20M'],
    ['an absolute folder', front('dir: /x'), 'services.front.dir: must be a path inside the repo'],
    [
      'an env file outside the repo',
      shop('title: API', 'env_file: ../.env'),
      'repos.api.env_file: must be a path inside the repo',
    ],
    [
      'a copied file outside the repo',
      shop('config/keys', '/etc/passwd'),
      'stack.yml:9:87: repos.api.copy[0]: must be a path inside the repo',
    ],
    [
      'a build context outside the repo',
      shop('image: node:22-alpine\n', 'build: ..\n'),
      'services.front.build: must be a path inside the repo',
    ],
    ['a line break in a path', shop('./front', '"./fr\\nont"'), 'repos.front.path: must have no line break'],
    ['a home folder', shop('./front', '~/front'), 'repos.front.path: `~` is not filled in', '${env.HOME}'],
    [
      'two repos in one folder',
      shop('./api', 'front/'),
      'repos.api.path: repo `front` has this folder already',
      '`dir`',
    ],
    [
      'a repo called baseline',
      shop('  front: { path', '  baseline: { path: x }\n  front: { path'),
      'repos: `baseline` is the name of the main checkouts',
    ],
    [
      'a service called port',
      `${SMALL}  port: { repo: app, command: x }\n`,
      'stack.yml:8:3: services: `port` has a meaning of its own in `${…}`',
    ],
    [
      'a shared service called env',
      shop('  redis: {}', '  env: {}\n  redis:'),
      'shared: `env` has a meaning of its own',
    ],
    [
      'a shared service with a bad name',
      shop('  redis: {}', '  my_db: {}\n  redis:'),
      'shared: `my_db` must be lower-case letters',
    ],
    [
      'a service called as a shared one',
      shop('  redis: {}', '  redis:\n  api:'),
      'services: a shared service is called `api` too',
    ],
    ['a branch without the ticket', `${SHOP}branch: feat/x\n`, 'stack.yml:31:9: branch: must hold `${ticket}`'],
    [
      'a branch git does not allow',
      `${SHOP}branch: "a b/\${ticket}"\n`,
      'branch: git allows no branch like "a b/${ticket}"',
    ],
    [
      'a branch with another name',
      `${SHOP}branch: "\${stack}/\${ticket}"\n`,
      'branch: `${stack}` is not known here, only `${ticket}` is',
    ],
  ])('%s', (_, text, message, hint = '') => {
    expect(refusal(text)).toContain(message);
    expect(refusal(text)).toContain(hint);
  });

  test('a shared repo may have ports without a baseline', () => {
    expect(parse(shop('baseline: 3000, ', '')).services.api?.ports.http).toEqual({
      from: 4001,
      to: 4999,
      container: 3000,
    });
  });
});

describe('${name}', () => {
  test('that is unknown is told with its line, the nearest name and the known ones', () => {
    expect(refusal(shop('${api.url}', '${apy.url}'))).toBe(
      'stack.yml:28:16: services.front.env.API_URL: `${apy.url}` is not a known name; did you mean `api.url`?\n' +
        'hint: known here: ticket, branch, stack, root, worktree, bind, port.http, ' +
        'postgres.{url,host,port,user,password,database,internal_url}, redis.{url,host,port,user,password,database,internal_url,db,prefix}, ' +
        '{api,front}.{url,host,port,internal_url,internal_host,internal_port,port.http}, tickets.{api.urls,front.urls}, env.NAME; `$${` is the text `${`',
    );
  });

  test('is checked in commands, images and build arguments too', () => {
    expect(refusal(shop('npm run dev', 'run ${x}'))).toContain('services.front.command: `${x}`');
    expect(refusal(shop('npm run dev', '[run, "${x}"]'))).toContain('services.front.command[1]: `${x}`');
    expect(refusal(shop('node:22-alpine\n', '"node:${x}"\n'))).toContain('services.front.image: `${x}`');
    expect(refusal(shop('image: node:22-alpine\n', 'build: { args: { A: "${x}" } }\n'))).toContain(
      'build.args.A: `${x}`',
    );
  });

  test('that a shell would fill in is told how to write that', () => {
    expect(refusal(shop('npm run dev', 'cd ${HOME}'))).toContain(
      'write `${env.HOME}` for the environment variable, `$${HOME}` for the shell’s own',
    );
  });

  test('of a service without ports says so', () => {
    const text = `${SMALL}    env: { A: "\${web.url}" }\n`;
    expect(refusal(text)).toContain('service `web` has no ports, so nothing can reach it');
  });

  test('where nothing is filled in is an error', () => {
    expect(refusal(shop('Front-end', '"${front.url}"'))).toContain(
      'repos.front.title: `${front.url}` is not filled in here',
    );
    expect(refusal(shop('./front', '"${HOME}/front"'))).toContain('write `${env.HOME}` for the environment variable');
  });

  test('that is not closed is an error', () => {
    expect(refusal(shop('${api.url}', '${api.url'))).toContain('services.front.env.API_URL: a `${` has no `}`');
  });
});
