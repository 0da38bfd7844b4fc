import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine, NODE_IMAGE, openClient } from '../support/engine.ts';
import { containedConfig, makeShop, type Shop } from '../support/shop.ts';

const engine = await findTestEngine();

/** What `check` says of what other machines reach. */
async function listOpen(shop: Shop): Promise<{ to: string; reason: string }[]> {
  const run = await shop.stack(['check', 'one', '--json']);
  expect(run).toMatchObject({ code: 0 });
  const { tickets } = JSON.parse(run.stdout) as {
    tickets: { arrows: { from: string; to: string; reason: string }[] }[];
  };
  return tickets.flatMap(({ arrows }) => arrows.filter(({ from }) => from === 'the network'));
}

describe.runIf(process.platform === 'linux')('where a process listens', { sequential: true, timeout: 60_000 }, () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
  });
  afterAll(() => shop?.dispose());

  it('is this machine alone with `${bind}`', async () => {
    shop.configure((text) => text.replaceAll('node server.mjs', 'node server.mjs ${bind}'));
    expect(await shop.stack(['create', 'one'])).toMatchObject({ code: 0 });
    expect(await listOpen(shop)).toEqual([]);
  });

  it('is told by check where other machines reach it too', async () => {
    shop.configure((text) => text.replace(/(front:\n.*\n.*server\.mjs) \$\{bind\}/, '$1 0.0.0.0'));
    expect(await shop.stack(['start', 'one'])).toMatchObject({ code: 0 });
    const port = (await shop.ps()).instances[0]?.services.front?.ports.http;
    const reason = `other machines reach it on port ${port}`;
    expect(await listOpen(shop)).toMatchObject([
      { to: 'front', state: 'warning', reason, hint: expect.stringContaining('${bind}') },
    ]);
  });
});

describe.skipIf(!engine)('where a container listens', { sequential: true, timeout: 120_000 }, () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop({
      engine: true,
      config: (port) =>
        `${containedConfig(port)}shared: { compose: team.yml, search: { ports: { http: 7700 } }, mail: { ports: { smtp: 2525 } } }\n`,
    });
    const service = (name: string, port: string): string =>
      `  ${name}: { image: ${NODE_IMAGE}, init: true, command: sleep 1000, ports: ["${port}"] }\n`;
    shop.write(
      'team.yml',
      `services:\n${service('search', `\${STACK_SEARCH_PORT:-${shop.port + 16}}:7700`)}${service('mail', `127.0.0.1:\${STACK_MAIL_PORT:-${shop.port + 17}}:2525`)}`,
    );
    expect(await shop.stack(['create', 'one'])).toMatchObject({ code: 0 });
  });
  afterAll(() => shop?.dispose());

  it('is told by check where a shared service is published to other machines, and of that one alone', async () => {
    const reason = `other machines reach it on port ${shop.state()?.shared.search?.port}`;
    expect(await listOpen(shop)).toMatchObject([
      { to: 'search', state: 'warning', reason, hint: expect.stringContaining('127.0.0.1') },
    ]);
  });

  it('is told by check where somebody made the container of a service again without an address', async () => {
    const client = await openClient();
    const name = shop.state()?.instances.one?.services.front?.workload ?? '';
    const port = shop.state()?.instances.one?.services.front?.ports.http?.host;
    const old = client.getContainer(name);
    const { Config, HostConfig, NetworkSettings } = await old.inspect();
    await old.remove({ force: true });
    const bindings = { '3000/tcp': [{ HostIp: '0.0.0.0', HostPort: String(port) }] };
    const [network = ''] = Object.keys(NetworkSettings.Networks);
    const made = await client.createContainer({
      ...Config,
      name,
      HostConfig: { ...HostConfig, PortBindings: bindings },
      NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: ['front.one'] } } },
    });
    await made.start();
    expect((await listOpen(shop)).filter(({ to }) => to === 'front')).toMatchObject([
      { reason: `other machines reach it on port ${port}` },
    ]);
  });
});
