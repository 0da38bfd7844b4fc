import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { networkName, rootIdOf, sharedProject } from '../../src/domain/names.ts';
import { findTestEngine, NODE_IMAGE } from '../support/engine.ts';
import { docker } from '../support/shared-services.ts';
import { makeShop, type Shop } from '../support/shop.ts';

const engine = await findTestEngine();

/** Asks what it was wired to, and answers with what it heard. */
const SERVER = `import { createServer } from 'node:http';
const { PORT, SEARCH_URL, MAIL_URL, MAIL_WEB, PREFIX } = process.env;
const ask = async (url) => (await fetch(url)).text();
createServer(async (_, answer) => {
  const heard = await Promise.all([SEARCH_URL, MAIL_URL, MAIL_WEB].map(ask)).catch((error) => [String(error.cause ?? error)]);
  answer.end(JSON.stringify({ heard, prefix: PREFIX }));
}).listen(PORT);
`;

const answering = (...answers: [port: number, text: string][]): string =>
  answers.map(([port, text]) => `require("http").createServer((_, a) => a.end("${text}")).listen(${port})`).join(';');

/** One service with a variable of the team's own, one with two ports of which one cannot move. */
const compose = (fixed: number): string => `x-search: &search
  image: ${NODE_IMAGE}
  init: true
  ports: ["127.0.0.1:\${TEAM_SEARCH_PORT-${fixed + 1}}:7700"]
services:
  search:
    <<: *search
    command: [node, -e, '${answering([7700, 'search'])}']
  mail:
    extends: { file: mail/mail.yml, service: mail }
    command: [node, -e, '${answering([2525, 'smtp'], [80, 'web'])}']
`;

const mail = (fixed: number): string => `services:
  mail:
    image: ${NODE_IMAGE}
    init: true
    ports: ["127.0.0.1:${fixed}:2525", "127.0.0.1:\${STACK_MAIL_WEB_PORT:-${fixed + 2}}:80"]
`;

const config = (port: number): string => {
  const service = (name: string, more: string, runtime: string): string => `  ${name}:
    repo: ${name}
    ${runtime}
    command: node server.mjs
    ports: { http: { ${more} } }
    env:
      PORT: '\${port.http}'
      SEARCH_URL: '\${search.url}'
      MAIL_URL: 'http://\${mail.host}:\${mail.port}'
      MAIL_WEB: 'http://\${mail.host}:\${mail.port.web}'
      PREFIX: '\${search.prefix}'
    ready: { http: / }
`;
  return `name: shop
shared:
  compose: services.yml
  search: { own: { prefix: 'shop-\${ticket}-' } }
  mail: { scheme: smtp, ports: { smtp: 2525, web: 80 } }
repos:
  front: { path: ./front, base: main }
  api:   { path: ./api, base: main, shared: true }
services:
${service('api', `baseline: ${port}, from: ${port + 1}, to: ${port + 9}, container: 3000`, `image: ${NODE_IMAGE}`)}${service('front', `from: ${port + 10}, to: ${port + 15}`, 'runtime: process')}`;
};

describe.skipIf(!engine)('shared services that stack knows nothing of', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop({ engine: true, config });
    shop.write('services.yml', compose(shop.port + 16));
    shop.write('mail/mail.yml', mail(shop.port + 16));
    for (const repo of ['front', 'api']) shop.commit(repo, 'server.mjs', SERVER);
  });
  afterEach(() => shop.dispose());

  const ask = async (url: string | undefined): Promise<unknown> => (await fetch(url ?? 'http://nowhere')).json();

  it('are reached from a container and from a host process, on ports that are leased, with a prefix per ticket', async () => {
    const taken = createServer().listen(shop.port + 17, '127.0.0.1');
    await once(taken, 'listening');
    const made = await shop.stack(['create', 'Feat/02']);
    taken.close();
    expect(made).toMatchObject({ code: 0 });
    const { baseline, instances, shared } = await shop.ps();
    const heard = ['search', 'smtp', 'web'];
    expect(await ask(instances[0]?.repos.front?.url)).toEqual({ heard, prefix: 'shop-feat-02-' });
    expect(await ask(baseline.repos.api?.url)).toEqual({ heard, prefix: '' });
    expect(shared.mail).toEqual({ url: `smtp://localhost:${shop.port + 16}`, status: 'running' });
    expect(shared.search?.url).not.toBe(`http://localhost:${shop.port + 17}`);
  });

  it('must publish the ports that stack.yml names', async () => {
    shop.configure((text) => text.replace('web: 80', 'web: 81'));
    const before = shop.photograph();
    const run = await shop.stack(['create', 'feat-01']);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toMatch(/shared\.mail: .*services\.yml publishes no port 81 of mail/);
    expect(run.stderr).toContain(':81" to its `ports:` there');
    expect(shop.photograph()).toBe(before);
  });

  it('whose port stands in the compose file as a number is not leased another', async () => {
    const taken = createServer().listen(shop.port + 16, '127.0.0.1');
    await once(taken, 'listening');
    const run = await shop.stack(['create', 'feat-01']);
    taken.close();
    expect(run).toMatchObject({ code: 1 });
    expect(run.stderr).toContain(`mail: port ${shop.port + 16} is taken on this machine`);
  });
});

/** Whose `services.yml`, which is not written yet, has one shared service. */
function makeSearchShop(): Shop {
  const shop = makeShop({ engine: true });
  shop.configure((text) => text.replace('repos:', 'shared:\n  compose: services.yml\n  search: {}\nrepos:'));
  return shop;
}

/** Writes its compose file: a service with a volume, and what else is said of it and of volumes. */
function writeSearch(shop: Shop, image: string, more: string): void {
  shop.write(
    'services.yml',
    `services:
  search:
    image: ${image}
    command: [sleep, '1000']
    stop_signal: SIGKILL
    ports: ["127.0.0.1:\${STACK_SEARCH_PORT:-7700}:7700"]
    volumes: ["data:/data"]
${more}
`,
  );
}

describe.skipIf(!engine)('shared services that do not come up', () => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  it('leave no volume behind that this very command made, and keep one that was there', async () => {
    shop = makeSearchShop();
    const project = sharedProject('shop', rootIdOf(shop.root));
    const volumes = (): string[] =>
      docker('volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${project}`)
        .stdout.split('\n')
        .filter(Boolean);
    const write = (image: string): void => writeSearch(shop, image, 'volumes: { data: {} }');
    write(`${NODE_IMAGE}\n    entrypoint: [no-such-program]`);
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 1 });
    expect(volumes()).toEqual([]);
    write(NODE_IMAGE);
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    const [kept] = volumes();
    expect(kept).toBeDefined();
    write(`${NODE_IMAGE}\n    entrypoint: [no-such-program]`);
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 1 });
    expect(volumes()).toEqual([kept]);
  });
});

describe.skipIf(!engine)('a shared service that ends at once', () => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  it.each([0, 3])('with exit code %i fails the create, which leaves nothing', async (code) => {
    shop = makeSearchShop();
    shop.write(
      'services.yml',
      `services:
  search:
    image: ${NODE_IMAGE}
    init: true
    command: [node, -e, 'console.log("no such index"); setTimeout(() => process.exit(${code}), 300)']
    ports: ["127.0.0.1:\${STACK_SEARCH_PORT:-7700}:7700"]
`,
    );
    const run = await shop.stack(['create', 'feat-01']);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/^stack: search ended\nhint: its last lines are below\n {2}no such index$/m);
    expect(shop.state()?.instances).toEqual({});
  });
});

describe.skipIf(!engine)('shared services on volumes of somebody else’s', () => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  it('leave them there when they do not come up, and at down --volumes, whatever they are called', async () => {
    shop = makeSearchShop();
    const external = randomBytes(32).toString('hex');
    const other = `stack-test-${external.slice(0, 12)}`;
    const more = `    volumes_from: ["container:${other}"]
volumes: { data: { external: true, name: ${external} } }`;
    const write = (image: string): void => writeSearch(shop, image, more);
    try {
      expect(docker('volume', 'create', external).status).toBe(0);
      expect(docker('create', '--name', other, '--volume', '/other', NODE_IMAGE, 'true').status).toBe(0);
      const unnamed = docker('inspect', '--format', '{{range .Mounts}}{{.Name}}{{end}}', other).stdout.trim();
      const left = (): string[] =>
        docker('volume', 'ls', '--quiet')
          .stdout.split('\n')
          .filter((name) => name === external || name === unnamed);
      write(`${NODE_IMAGE}\n    entrypoint: [no-such-program]`);
      expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 1 });
      expect(left()).toHaveLength(2);
      write(NODE_IMAGE);
      expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
      expect(await shop.stack(['down', '--volumes', '--yes'])).toMatchObject({ code: 0 });
      expect(left()).toHaveLength(2);
    } finally {
      docker('rm', '--volumes', other);
      docker('volume', 'rm', external);
    }
  });
});

describe.skipIf(!engine)('shared services whose networks somebody removed while they were at rest', () => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  it('are made again on a network of the team’s own, with what depends on them, and keep the data of a volume without a name until it is deleted', async () => {
    shop = makeSearchShop();
    const project = sharedProject('shop', rootIdOf(shop.root));
    const service = `
    image: ${NODE_IMAGE}
    command: [sleep, '1000']
    stop_signal: SIGKILL
    volumes: ["/data"`;
    const search = `services:
  search:${service}]
    ports: ["127.0.0.1:\${STACK_SEARCH_PORT:-7700}:7700"]
`;
    shop.write(
      'services.yml',
      `${search}    depends_on: [index]
  index:${service}, "old:/old"]
volumes: { old: {} }
`,
    );
    const filter = ['--filter', `label=com.docker.compose.project=${project}`];
    const container = (name: string): string =>
      docker('ps', '--quiet', ...filter, '--filter', `label=com.docker.compose.service=${name}`).stdout.trim();
    const removeNetworks = (): void => {
      expect(docker('kill', container('search'), container('index')).status).toBe(0);
      expect(docker('network', 'rm', `${project}_default`, networkName('shop', rootIdOf(shop.root))).status).toBe(0);
    };
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    for (const name of ['search', 'index']) docker('exec', container(name), 'sh', '-c', `echo ${name} > /data/kept`);
    removeNetworks();
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    for (const name of ['search', 'index'])
      expect(docker('exec', container(name), 'cat', '/data/kept').stdout).toBe(`${name}\n`);
    const format = '{{range .Mounts}}{{println .Name}}{{end}}';
    const mounted = docker('inspect', '--format', format, container('search'), container('index'));
    const volumes = mounted.stdout.split('\n').filter(Boolean);
    expect(volumes).toHaveLength(3);
    removeNetworks();
    shop.write('services.yml', search);
    expect(await shop.stack(['down', '--volumes', '--yes'])).toMatchObject({ code: 0 });
    expect(docker('ps', '--all', '--quiet', ...filter).stdout).toBe('');
    const left = docker('volume', 'ls', '--quiet').stdout.split('\n');
    expect(volumes.filter((name) => left.includes(name))).toEqual([]);
  });
});
