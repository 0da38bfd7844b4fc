import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rootIdOf } from '../../src/domain/names.ts';
import { findTestEngine, NODE_IMAGE } from '../support/engine.ts';
import { listLeft, makeProduct, type Product } from '../support/product.ts';
import { docker } from '../support/shared-services.ts';

const engine = await findTestEngine();

const DOCKERFILE = `FROM ${NODE_IMAGE} AS dev
ARG GREETING=none
RUN echo "built for $GREETING" > /greeting
CMD ["node", "server.js"]
`;

const SERVER = `const { readdirSync, readFileSync } = require('node:fs');
require('node:http')
  .createServer((_, response) => response.end(readFileSync('/greeting', 'utf8') + readdirSync('/app/node_modules')))
  .listen(process.env.PORT, () => console.log('up and ready'));
`;

const outdated = (changed: string): unknown =>
  expect.stringMatching(`^web runs as stack.yml had it before \\(changed: ${changed}\\): \`stack start b-1\``);
const REPOS = 'repos: { api: { path: ./api, base: main, shared: true },';
const API = (product: Product): string => `  api:
    repo: api
    image: ${NODE_IMAGE}
    command: node -e "require('node:http').createServer((_, r) => r.end()).listen(8080)"
    ports: { http: { baseline: ${product.port(3000)}, from: ${product.port(4001)}, container: 8080 } }
`;

describe.skipIf(!engine)('a repo with a Dockerfile and a volume', () => {
  let product: Product;
  const commit = async (message: string): Promise<void> => {
    await product.git('web', 'add', '.');
    await product.git('web', 'commit', '-qm', message);
  };

  beforeAll(async () => {
    product = await makeProduct({ runtime: 'docker' });
    const web = path.join(product.root, 'web');
    mkdirSync(web);
    await product.git('web', 'init', '-q', '-b', 'main');
    writeFileSync(path.join(web, 'Dockerfile'), DOCKERFILE);
    writeFileSync(path.join(web, 'server.js'), SERVER);
    writeFileSync(path.join(web, '.gitignore'), 'node_modules\n');
    await commit('start');
    product.writeConfig(
      () => `name: shop
runtime: docker
repos: { web: { path: ./web, base: main, setup: [touch node_modules/from-setup] } }
services:
  web:
    repo: web
    build: { context: ., target: dev, args: { GREETING: "\${ticket}" } }
    ports: { http: { from: ${product.port(3001)}, container: 8080 } }
    env: { PORT: "\${port.http}" }
    volumes: { node_modules: /app/node_modules }
    ready: { log: ^up and ready }
`,
    );
  });
  afterAll(() => product?.dispose());

  it('gets an image and a volume for each ticket; set-up fills the volume', async () => {
    expect(await product.stack(['create', 'b-1'])).toMatchObject({ code: 0 });
    const answer = await (await fetch(`http://localhost:${product.port(3001)}`)).text();
    expect(answer).toBe('built for b-1\nfrom-setup');
  });

  it('has no image of its own any more once stack.yml names one', async () => {
    const build = 'build: { context: ., target: dev, args: { GREETING: "${ticket}" } }';
    const image = `image: ${NODE_IMAGE}\n    command: "touch /tmp/x; echo up and ready; sleep 1000"`;
    for (const [from, to, changed] of [
      [build, image, 'image, command'],
      ['container: 8080', 'container: 8081', 'ports'],
      ['volumes: { node_modules:', 'volumes: { modules:', 'volumes'],
    ] as const) {
      product.writeConfig((text) => text.replace(from, to));
      const [ticket] = (await product.ps()).instances;
      expect(ticket?.problems).toEqual([outdated(changed)]);
      product.writeConfig((text) => text.replace(to, from));
      expect((await product.ps()).instances).toMatchObject([{ problems: [] }]);
    }
    product.writeConfig((text) => text.replace(build, image));
    expect(await product.stack(['start', 'b-1'])).toMatchObject({ code: 0 });
    product.writeConfig((text) => text.replace(image, build));
    expect((await listLeft(product.root, 'docker')).filter((name) => name.startsWith('image'))).toEqual([]);
  });

  it('is built again when stack.yml or an address it was built with has changed, and ps tells of it', async () => {
    const greeting = async () => (await fetch(`http://localhost:${product.port(3001)}`)).text();
    const before = readFileSync(path.join(product.root, 'stack.yml'), 'utf8');
    product.writeConfig(
      (text) => text.replace('"${ticket}"', '"${api.url}"').replace('repos: {', REPOS) + API(product),
    );
    expect(await product.stack(['start', 'b-1'])).toMatchObject({ code: 0 });
    expect(await greeting()).toContain(`built for http://localhost:${product.port(3000)}\n`);
    expect(await product.stack(['add', 'b-1', 'api'])).toMatchObject({ code: 0 });
    expect(await greeting()).toContain(`built for http://localhost:${product.port(4001)}\n`);
    product.writeConfig(() => before);
    const [ticket] = (await product.ps()).instances;
    expect(ticket?.problems).toContainEqual(outdated('.*image.*'));
    expect(await product.stack(['start', 'b-1'])).toMatchObject({ code: 0 });
    expect(await greeting()).toContain('built for b-1\n');
    expect((await product.stack(['start', 'b-1'])).stderr).toContain('nothing to do');
  });

  it('leaves neither after destroy', async () => {
    expect(await product.stack(['destroy', 'b-1'])).toMatchObject({ code: 0 });
    expect((await listLeft(product.root, 'docker')).filter((name) => !name.startsWith('network'))).toEqual([]);
  });

  it('takes what its record has forgotten at destroy, and down takes the network', async () => {
    const before = readFileSync(path.join(product.root, 'stack.yml'), 'utf8');
    expect(await product.stack(['create', 'b-2'])).toMatchObject({ code: 0 });
    // An image of an older build, one that is built no more, a volume that stack.yml has dropped.
    appendFileSync(path.join(product.root, 'tickets/b-2/web/Dockerfile'), 'RUN echo again >> /greeting\n');
    expect(await product.stack(['restart', 'b-2', '--build'])).toMatchObject({ code: 0 });
    product.writeConfig((text) =>
      text.replace(/build: .*/, `image: ${NODE_IMAGE}\n    command: "exit 3"`).replace(/volumes: .*/, ''),
    );
    expect(await product.stack(['start', 'b-2'])).toMatchObject({ code: 1 });
    product.writeConfig(() => before);
    const volume = `stack-shop-${rootIdOf(product.root)}-b-2-web-node_modules`;
    const stranger = docker('create', '--volume', `${volume}:/data`, NODE_IMAGE, 'true').stdout.trim();
    const held = await product.stack(['destroy', 'b-2', '--force', '--yes']);
    docker('rm', stranger);
    expect(held).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`volume ${volume}: the volume ${volume} is still used`),
    });
    expect(held.stderr).toContain('`stack destroy b-2` goes on from there');
    expect(await product.stack(['destroy', 'b-2', '--force', '--yes'])).toMatchObject({ code: 0 });
    expect(await product.stack(['down'])).toMatchObject({ code: 0 });
    expect(await listLeft(product.root, 'docker')).toEqual([]);
  });

  it('tells why a build failed, and leaves nothing', async () => {
    appendFileSync(path.join(product.root, 'web/Dockerfile'), 'RUN echo the true reason && false\n');
    await commit('break the build');
    const run = await product.stack(['create', 'b-2']);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('the true reason');
    expect((await product.ps()).instances).toEqual([]);
    expect(await listLeft(product.root, 'docker')).toEqual([]);
  });
});
