import { mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findWireDump } from '../../src/adapters/postgres/wire-package.ts';
import { createEmbeddedPostgres } from '../../src/adapters/servers/embedded-postgres.ts';
import type { HostServer } from '../../src/adapters/servers/host-server.ts';
import { parseConfig } from '../../src/domain/config/text.ts';
import type { InstanceRecord, SharedLease } from '../../src/domain/instance.ts';
import { rootIdOf, sharedProject } from '../../src/domain/names.ts';
import { layValues } from '../../src/domain/values.ts';
import type { Stack } from '../../src/orchestrator/core/stack.ts';
import { createWork, type Work } from '../../src/orchestrator/core/work.ts';
import { CACHE_FOLDER } from './cache.ts';
import { findTestEngine } from './engine.ts';
import { freePorts } from './ports.ts';
import { makeSharedProject, startShared } from './shared-services.ts';

const engine = await findTestEngine();
const never = new AbortController().signal;
/** A stack whose tickets may have databases of their own. */
export const config = parseConfig({
  values: layValues(),
  files: [
    {
      path: 'stack.yml',
      text: `name: shop
shared: { postgres: { user: stack, password: stack, database: "shop's own" } }
repos: { api: { path: api } }
services: { api: { repo: api, command: x } }`,
    },
  ],
});
/** The baseline's database. */
export const FROM = "shop's own";

/** A server, and as much of a stack as asks it. */
export interface World {
  stack: Stack;
  leases: Record<string, SharedLease>;
  end(): Promise<void>;
}

const roots = () => realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-own-')));

/** Each kind of server that stack runs. */
export const WORLDS = [
  {
    name: 'the embedded server',
    skip: false,
    async make(): Promise<World> {
      const root = roots();
      const server = createEmbeddedPostgres({ root, cacheFolder: CACHE_FOLDER, env: process.env });
      const port = freePorts();
      await server.start({ port, user: 'stack', password: 'stack', database: FROM }, never);
      const end = async (): Promise<void> => {
        await server.destroyData();
        await rm(root, { recursive: true, force: true, maxRetries: 3 });
      };
      return { stack: bareStack(root, server), leases: { postgres: { port, provider: 'embedded' } }, end };
    },
  },
  {
    name: 'a container',
    skip: !engine,
    async make(): Promise<World> {
      const root = roots();
      const project = sharedProject('shop', rootIdOf(root));
      const shared = await makeSharedProject(
        undefined,
        { STACK_POSTGRES_DATABASE: FROM, STACK_POSTGRES_PASSWORD: 'stack' },
        project,
      );
      await startShared(shared);
      const port = Number(new URL(shared.databaseUrl).port);
      const end = async (): Promise<void> => {
        await shared.end();
        await rm(root, { recursive: true, force: true, maxRetries: 3 });
      };
      return { stack: bareStack(root), leases: { postgres: { port, provider: 'compose' } }, end };
    },
  },
];

/** As much of a stack as these parts ask for. */
function bareStack(root: string, server?: HostServer): Stack {
  const parts = { root, rootId: rootIdOf(root), name: 'shop', env: { PATH: '/nowhere' }, emit: () => undefined };
  const store = { update: async () => undefined, read: async () => ({ instances: {}, shared: {} }) };
  return {
    ...parts,
    values: layValues(),
    store,
    signal: never,
    docker: async () => engine,
    hostServer: async () => server,
    wireDump: () => findWireDump({ env: process.env, cacheFolder: CACHE_FOLDER, signal: never }),
    config: async () => config,
  } as unknown as Stack;
}

/** What a step of a ticket with a database of its own works on. */
export function workOn({ stack, leases }: World, ticket: string): Work {
  const own = { postgres: { as: 'database', database: `shop_${ticket}`, from: FROM } };
  const record = { ticket, repos: {}, services: {}, own } as unknown as InstanceRecord;
  return createWork({ stack, config, record, baseline: undefined, shared: leases });
}
